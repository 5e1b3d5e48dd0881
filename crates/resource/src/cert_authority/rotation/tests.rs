use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::node::Node;
use crate::resource::Resource;
use crate::secret::Secrets;
use crate::{AuthorityType, CertAuthority};

fn authority(rotation: Rotation) -> CertAuthority {
    let mut authority = CertAuthority::new(AuthorityType::Host, "example", Vec::new());
    authority.spec.rotation = rotation;
    authority
}

fn under_way() -> Rotation {
    Rotation {
        phase: Phase::UpdateClients,
        mode: Mode::Auto,
        current_id: "3f".to_owned(),
        started: Some(datetime!(2026-11-20 12:00:00 UTC)),
        grace_period: Some(Duration::from_secs(30 * 3600)),
        last_rotated: Some(datetime!(2025-11-20 12:00:00 UTC)),
        schedule: Some(Schedule {
            update_clients: datetime!(2026-11-20 22:00:00 UTC),
            update_servers: datetime!(2026-11-21 08:00:00 UTC),
            standby: datetime!(2026-11-21 18:00:00 UTC),
        }),
    }
}

fn read(document: &Value) -> Result<Resource, String> {
    Resource::from_json(document.to_string().as_bytes()).map_err(|report| report.to_string())
}

#[test]
fn a_change_of_keys_is_written_and_read_again() {
    for rotation in [Rotation::default(), under_way()] {
        let authority = authority(rotation);
        let json = authority.to_json(Secrets::Include);
        let again = Resource::from_node(&Node::from_json(&json)).unwrap();
        assert_eq!(again, Resource::CertAuthority(authority));
    }
    let json = authority(under_way()).to_json(Secrets::Redact);
    assert_eq!(
        json["spec"]["rotation"],
        json!({
            "state": "in_progress",
            "phase": "update_clients",
            "mode": "auto",
            "current_id": "3f",
            "started": "2026-11-20T12:00:00Z",
            "grace_period": "30h0m0s",
            "last_rotated": "2025-11-20T12:00:00Z",
            "schedule": {
                "update_clients": "2026-11-20T22:00:00Z",
                "update_servers": "2026-11-21T08:00:00Z",
                "standby": "2026-11-21T18:00:00Z",
            },
        })
    );
}

#[test]
fn an_authority_that_never_changed_says_nothing_of_it() {
    let json = authority(Rotation::default()).to_json(Secrets::Include);
    assert!(json["spec"].get("rotation").is_none(), "{json}");
}

#[test]
fn a_state_that_is_not_that_of_the_phase_is_refused() {
    let mut json = authority(under_way()).to_json(Secrets::Include);
    json["spec"]["rotation"]["state"] = "standby".into();
    let error = read(&json).unwrap_err();
    assert!(error.contains("in_progress, as the phase is update_clients"), "{error}");
    json["spec"]["rotation"]["state"] = "in_progress".into();
    json["spec"]["rotation"]["phase"] = "update_everything".into();
    assert!(read(&json).is_err());
    json["spec"]["rotation"]["phase"] = "init".into();
    json["spec"]["rotation"]["schedule"]["standby"].take();
    assert!(read(&json).is_err());
}
