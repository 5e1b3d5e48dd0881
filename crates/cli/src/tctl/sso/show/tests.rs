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
