use api::wire::AuthorityStatus;
use time::macros::datetime;

use super::*;

#[test]
fn a_cluster_at_a_glance() {
    let authority = |kind: &str, since| AuthorityStatus {
        kind: kind.to_owned(),
        rotation: "standby".to_owned(),
        since,
    };
    let status = ClusterStatus {
        cluster: "example".to_owned(),
        version: "0.1.0".to_owned(),
        ca_pins: vec!["sha256:abc".to_owned(), "sha256:def".to_owned()],
        authorities: vec![
            authority("user", Some(datetime!(2026-03-01 12:00:00 UTC))),
            authority("host", None),
        ],
    };
    assert_eq!(
        format!("\n{}\n", text(&status)),
        "
Cluster example
Version 0.1.0
User CA standby, newest key since 2026-03-01T12:00:00Z
Host CA standby
CA pin  sha256:abc
CA pin  sha256:def
"
    );
}
