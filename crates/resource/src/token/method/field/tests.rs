//! What fits a rule, and what nearly does.

use serde_json::json;

use super::*;

#[test]
fn a_glob_fits_the_whole_text() {
    let fits = [
        ("group/project", "group/project"),
        ("group/*", "group/"),
        ("group/*", "group/a/b"),
        ("*", ""),
        ("*/project", "group/sub/project"),
        ("g?oup/*/x", "group/a/x"),
        ("a*b*c", "a-b-b-c"),
        ("**a", "bca"),
        ("?", "é"),
    ];
    for (pattern, text) in fits {
        assert!(glob(pattern, text), "{pattern:?} {text:?}");
    }
    let others = [
        ("group/project", "group/project2"),
        ("group/project", "my-group/project"),
        ("group/*", "group"),
        ("group/*", "group-evil/project"),
        ("group/*", "Group/project"),
        ("*/project", "group/project/evil"),
        ("?", ""),
        ("?", "ab"),
        ("", "a"),
        ("a*b", "a"),
        ("[ab]", "a"),
    ];
    for (pattern, text) in others {
        assert!(!glob(pattern, text), "{pattern:?} {text:?}");
    }
}

#[test]
fn a_pattern_of_stars_takes_no_time() {
    let pattern = "a*".repeat(MAX_VALUE / 2);
    assert!(!glob(&format!("{pattern}b"), &"a".repeat(16_000)));
}

#[test]
fn claims_are_what_they_must_be_or_are_not() {
    let text = Want::Text("7".to_owned());
    assert!(text.fits(&json!("7")) && text.fits(&json!(7)));
    for other in [json!("77"), json!(""), json!(null), json!(["7"]), json!({"7": 7}), json!(7.5)] {
        assert!(!text.fits(&other), "{other}");
    }
    let flag = Want::Flag(true);
    assert!(flag.fits(&json!(true)) && flag.fits(&json!("true")));
    assert!(!flag.fits(&json!(false)) && !flag.fits(&json!("True")) && !flag.fits(&json!(1)));
    let account = Want::ServiceAccount("ci:deployer".to_owned());
    assert!(account.fits(&json!("system:serviceaccount:ci:deployer")));
    for other in [
        "ci:deployer",
        "system:serviceaccount:ci:deployer2",
        "system:serviceaccount:ci:deployer:x",
        "system:serviceaccount:other:deployer",
        "xsystem:serviceaccount:ci:deployer",
    ] {
        assert!(!account.fits(&json!(other)), "{other}");
    }
}
