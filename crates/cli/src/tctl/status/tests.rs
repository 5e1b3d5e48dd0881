use api::wire::AuthorityStatus;
use time::macros::datetime;

use super::*;

#[test]
fn a_cluster_at_a_glance() {
    let authority = |kind: &str, since| AuthorityStatus {
        kind: kind.to_owned(),
        rotation: "standby".to_owned(),
        mode: None,
        next: vec!["init".to_owned()],
        next_at: None,
        started: None,
        last_rotated: None,
        since,
    };
    let changing = |kind: &str, mode: &str, next_at| AuthorityStatus {
        rotation: "init".to_owned(),
        mode: Some(mode.to_owned()),
        next: vec!["update_clients".to_owned(), "rollback".to_owned()],
        next_at,
        ..authority(kind, None)
    };
    let status = ClusterStatus {
        cluster: "example".to_owned(),
        version: "0.1.0".to_owned(),
        ca_pins: vec!["sha256:abc".to_owned(), "sha256:def".to_owned()],
        authorities: vec![
            authority("user", Some(datetime!(2026-03-01 12:00:00 UTC))),
            authority("host", None),
            changing("jwt", "auto", Some(datetime!(2026-03-02 12:00:00 UTC))),
            changing("other", "manual", None),
        ],
    };
    assert_eq!(
        format!("\n{}\n", text(&status)),
        "
Cluster  example
Version  0.1.0
User CA  standby, signing key since 2026-03-01T12:00:00Z
Host CA  standby
JWT CA   init (auto), update_clients at 2026-03-02T12:00:00Z
OTHER CA init (manual), next: update_clients or rollback
CA pin   sha256:abc
CA pin   sha256:def
"
    );
}
