use crate::{Agent, LabelSelector, Resource, Secrets};

use super::{AgentSpec, FixedApp};

#[test]
fn a_record_is_read_as_it_is_written() {
    let agent = Resource::from(Agent::new(AgentSpec {
        host_id: "h1".to_owned(),
        hostname: "alpha".to_owned(),
        version: "1".to_owned(),
        resources: vec![
            LabelSelector::from_pairs([("env", "dev"), ("env", "test")]),
            LabelSelector::wildcard(),
        ],
        apps: vec![FixedApp {
            name: "files".to_owned(),
            public_addr: "files.example.com".to_owned(),
        }],
    }));
    let json = agent.to_json(Secrets::Redact);
    assert_eq!(json["spec"]["resources"][0]["labels"]["env"][1], "test");
    assert_eq!(Resource::from_json(json.to_string().as_bytes()).unwrap(), agent);
}
