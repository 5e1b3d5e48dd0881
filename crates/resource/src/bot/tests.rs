//! Bots as documents write them.

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn read(spec: &Value) -> Result<Bot, String> {
    let document =
        json!({"kind": "bot", "version": "v1", "metadata": {"name": "ci"}, "spec": spec});
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| Bot::try_from(resource).expect("a bot"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn traits_are_a_list_or_a_mapping_and_are_printed_back() {
    let list = json!({
        "roles": ["reader"],
        "traits": [{"name": "team", "values": ["red"]}, {"name": "team", "values": ["blue"]}],
    });
    let bot = read(&list).unwrap();
    assert_eq!(bot.spec.traits["team"], ["red", "blue"]);
    assert_eq!(
        read(&json!({"roles": ["reader"], "traits": {"team": ["red", "blue"]}})).unwrap(),
        bot
    );
    let printed = bot.to_json();
    assert_eq!(printed["spec"]["traits"], json!([{"name": "team", "values": ["red", "blue"]}]));
    assert_eq!(Resource::from_node(&Node::from_json(&printed)).unwrap(), bot.into());
    assert!(read(&json!({"rols": []})).unwrap_err().contains("spec.rols: unknown field"));
    assert!(read(&json!({"traits": [{"values": ["x"]}]})).unwrap_err().contains("name: missing"));
}
