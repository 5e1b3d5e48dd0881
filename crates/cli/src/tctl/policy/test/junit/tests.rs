use resource::Source;

use super::*;
use crate::tctl::policy::test::suite::Suite;

#[test]
fn a_report_is_well_formed_whatever_names_say() {
    let source = Source::new(
        "a&b.yaml",
        "users: {u: }\napps: {a: }\ntests:\n- {name: \"<x>\\e\\\"\", user: u, app: a, connect: true}\n\
         - {name: good, user: u, app: a, connect: false}\n",
    );
    let outcome = Outcome::of(&Suite::load(&source, None).unwrap());
    let report = report(&[outcome]);
    let (head, rest) = report.split_once("<failure ").unwrap();
    assert_eq!(
        head,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="tctl policy test" tests="2" failures="1" errors="0">
  <testsuite name="a&amp;b.yaml" tests="2" failures="1" errors="0" skipped="0">
    <testcase name="&lt;x&gt;�&quot;" classname="a&amp;b.yaml" file="a&amp;b.yaml" line="4" assertions="1">
      "#
    );
    assert!(rest.contains("tests[0].connect: expected that user &quot;u&quot; may connect to app"));
    assert!(rest.ends_with(
        r#"</failure>
    </testcase>
    <testcase name="good" classname="a&amp;b.yaml" file="a&amp;b.yaml" line="5" assertions="1"/>
  </testsuite>
</testsuites>"#
    ));
}
