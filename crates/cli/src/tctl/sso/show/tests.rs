//! The report as people read it.

use serde_json::json;

use super::*;

fn report(refusal: Option<&str>) -> SsoReport {
    serde_json::from_value(json!({
        "kind": "oidc", "connector": "idp", "subject": "u1", "user": "alice",
        "claims": {"groups": ["eng"], "address": {"city": "Rome"}},
        "traits": {"groups": ["eng"], "address.city": ["Rome"]},
        "roles": [
            {"role": "dev", "name": "groups", "value": "eng", "pattern": "*", "exists": true},
            {"role": "gone", "name": "groups", "value": "eng", "pattern": "eng", "exists": false},
        ],
        "refusal": refusal, "detail": "roles that do not exist: gone",
    }))
    .unwrap()
}

#[test]
fn everything_is_told() {
    let said = text(&report(Some("a role does not exist")));
    let expected = "Connector: idp (oidc)

Claims:
  address: {\"city\":\"Rome\"}
  groups: [\"eng\"]

Traits:
  {{external[\"address.city\"]}} = Rome
  {{external.groups}} = eng

Roles:
  dev: groups has \"eng\", which fits \"*\"
  gone  [does not exist]: groups has \"eng\", which fits \"eng\"

Such a login would be refused: a role does not exist
  because: roles that do not exist: gone";
    assert_eq!(said, expected);
    assert!(
        text(&report(None)).ends_with("would succeed, as the user \"alice\". Nothing was created.")
    );
}

#[test]
fn what_a_person_wrote_moves_no_cursor() {
    let mut report = report(Some("no\u{1b}[2J"));
    report.traits.insert("name".to_owned(), vec!["\u{1b}]0;x\u{7}\r\n".to_owned()]);
    report.claims.insert("na\u{9b}me".to_owned(), json!("a\u{9b}b"));
    report.roles[0].role = "dev\u{1b}[A".to_owned();
    report.detail = Some("why\u{1b}c".to_owned());
    assert!(!text(&report).chars().any(|c| c.is_control() && c != '\n'));
}
