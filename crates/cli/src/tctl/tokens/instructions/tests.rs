use resource::decode::{FromNode, Reader, decode_config};
use resource::{Source, parse_documents};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn instructions(door: Door) -> Instructions {
    let cluster = "root.example.com".to_owned();
    Instructions { door, cluster, ca_pins: vec!["sha256:abc".to_owned()], app: None }
}

#[test]
fn an_agent_is_told_everything_it_needs() {
    let found = instructions(Door::Proxy("proxy.example.com:3080".to_owned()));
    assert_eq!(
        found.text(&Token::new("t0ken", [JoinRole::App]), HOUR),
        r#"The invite token: t0ken
It lets app services join the cluster for 1h0m0s.

Write this into /etc/tessera.yaml on the machine that is to run them:

version: v3
tessera:
  proxy_server: "proxy.example.com:3080"
  join_params:
    method: token
    token_name: "t0ken"
  ca_pin: "sha256:abc"
auth_service:
  enabled: no
proxy_service:
  enabled: no
app_service:
  enabled: yes
  # Which registered apps this machine serves: '*': '*' is all of them.
  resources:
  - labels:
      '*': '*'

Then start it there:

> tessera start -c /etc/tessera.yaml

Keep the token secret: whoever has it can join."#
    );
}

/// Any configuration: whether it is YAML at all.
#[derive(Debug)]
struct Anything(serde_json::Value);

impl FromNode for Anything {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.read().map(Self)
    }
}

fn config(instructions: &Instructions, services: &[JoinRole]) -> serde_json::Value {
    let text = instructions.config(&Token::new("a\"b: c", services.iter().cloned()));
    decode_config::<Anything>(&Source::new("config", &text)).unwrap().0
}

#[test]
fn the_first_proxy_joins_at_the_auth_service() {
    let found = instructions(Door::Auth("auth:3025".to_owned()));
    let config = config(&found, &[JoinRole::Proxy]);
    assert_eq!(config["tessera"]["auth_server"], "auth:3025");
    assert_eq!(config["proxy_service"]["public_addr"], PROXY_PLACEHOLDER);
    assert_eq!(config["app_service"]["enabled"], "no");
    assert!(config["app_service"].get("resources").is_none());
}

#[test]
fn whatever_is_in_them_values_stay_values() {
    let mut found = instructions(Door::Proxy("p:1".to_owned()));
    found.ca_pins.push("sha256:def".to_owned());
    found.app = Some(App { name: "x\n- y".to_owned(), uri: "http://h # c".to_owned() });
    let config = config(&found, &[JoinRole::App, JoinRole::Proxy]);
    assert_eq!(config["tessera"]["join_params"]["token_name"], "a\"b: c");
    assert_eq!(config["tessera"]["ca_pin"][1], "sha256:def");
    assert_eq!(config["app_service"]["apps"][0]["name"], "x\n- y");
    assert_eq!(config["app_service"]["apps"][0]["uri"], "http://h # c");
}

#[test]
fn another_cluster_is_told_a_whole_document_that_reads_as_it_is_meant() {
    let found = instructions(Door::Proxy("proxy.example.com:3080".to_owned()));
    let token = Token::new("0123456789abcdef", [JoinRole::TrustedCluster]);
    let text = found.text(&token, Duration::from_secs(1800));
    let document = text.split("\n\n").nth(2).unwrap();
    let source = Source::new("t", document);
    let parsed = parse_documents(&source).unwrap();
    let [parsed] = parsed.as_slice() else { panic!("one document, not {}", parsed.len()) };
    let Resource::TrustedCluster(cluster) = &parsed.resource else { panic!("another kind") };
    assert_eq!(cluster.name(), "root.example.com");
    assert_eq!(cluster.spec.token.expose(), "0123456789abcdef");
    assert_eq!(cluster.spec.web_proxy_addr, "proxy.example.com:3080");
    assert_eq!(cluster.spec.ca_pins, ["sha256:abc"]);
    assert_eq!(cluster.spec.role_map.len(), 1);
}
