use clap::Parser as _;

use super::*;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    explain: Explain,
}

fn parse(words: &[&str]) -> Result<Explain, String> {
    let line = Line::try_parse_from(std::iter::once("explain").chain(words.iter().copied()));
    line.map(|line| line.explain).map_err(|error| error.to_string())
}

fn example(name: &str) -> String {
    format!("{}/../../examples/policy/roles/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

fn told(words: &[&str]) -> String {
    let case = parse(words).unwrap().offline().unwrap();
    Account::of(&case).to_string()
}

#[test]
fn files_are_explained_without_a_cluster() {
    let support = example("support");
    let role = ["--role", &support, "--labels", "team=support,env=prod"];
    assert_eq!(
        told(&[&role[..], &["--tool", "search_x"]].concat()),
        r#"user "somebody" may use tool "search_x" of app "app": a role grants it
  role "support" grants
    allow.app_labels: "support" accepts team="support"
    allow.mcp.tools[0]: "search_*" matches
to turn it, one of:
  remove "search_*" from allow.mcp.tools of role "support"
  add "search_x" to deny.mcp.tools of role "support", which denies it on every app
  take the role "support" from user "somebody""#
    );
    let traits = ["--traits", "mcp_tools=export_*,x", "--tool", "export_all", "--user", "lee"];
    assert_eq!(
        told(&[&role[..], &traits].concat()),
        r#"user "lee" may use tool "export_all" of app "app": a role grants it
  role "support" grants
    allow.app_labels: "support" accepts team="support"
    allow.mcp.tools[3]: "{{internal.mcp_tools}}" matches as "export_*", from the trait "mcp_tools"
to turn it, one of:
  remove "export_*" from the trait "mcp_tools" of user "lee"
  add "export_all" to deny.mcp.tools of role "support", which denies it on every app
  take the role "support" from user "lee""#
    );
    let (contractor, lead) = (example("contractor"), example("support-lead"));
    assert_eq!(
        told(&["--role", &support, &contractor, "--labels", "team=support,env=prod"]),
        r#"user "somebody" may not connect to app "app": a role denies it
  role "contractor" denies
    deny.app_labels: "prod" accepts env="prod"
to turn it, one of:
  remove "prod" from deny.app_labels["env"] of role "contractor"
  take the role "contractor" from user "somebody""#
    );
    assert_eq!(
        told(&["--role", &lead, "--verb", "delete", "--kind", "apps"]),
        r#"user "somebody" may not delete resources of kind app: no rule of any role grants it
to turn it: add {resources: [app], verbs: [delete]} to allow.rules of role "support-lead""#
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    for words in [
        &["--app=a"][..],
        &["--user=u", "--tool=t", "--prompt=p"],
        &["--user=u", "--verb=v"],
        &["--user=u", "--kind=k"],
        &["--user=u", "--app=a", "--tool=t", "--verb=v", "--kind=k"],
        &["--user=u", "--app=a", "--labels=k=v"],
        &["--user=u", "--app=a", "--traits=k=v"],
    ] {
        assert!(parse(words).is_err(), "{words:?}");
    }
    let role = example("support");
    for words in [&["--traits=novalue"][..], &["--traits==v"], &["--labels=novalue"]] {
        let explain = parse(&[&["--role", &role], words].concat()).unwrap();
        assert!(explain.offline().unwrap_err().is::<Usage>(), "{words:?}");
    }
    let explain = parse(&["--role", &role, &role]).unwrap();
    assert!(explain.offline().unwrap_err().to_string().contains("two of the roles"));
    let asks_nothing = parse(&["--user=u"]).unwrap();
    assert!(asks_nothing.question(KnownLabels::default()).is_err());
}
