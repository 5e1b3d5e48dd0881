//! The files that guides show.

use super::*;

fn read(text: &str) -> Result<Config, String> {
    decode_config(&Source::new("tbot.yaml", text)).map_err(|report| report.to_string())
}

#[test]
fn a_bot_as_the_documents_show_it() {
    let config = read(
        "version: v2\nproxy_server: example.com:443\nonboarding:\n  join_method: token\n  token: \
         abcd123-insecure-do-not-use-this\nstorage:\n  type: directory\n  path: /var/lib/bot\n\
         services:\n- type: identity\n  destination:\n    type: directory\n    path: \
         /opt/machine-id\n  allow_reissue: true\n",
    )
    .unwrap();
    assert_eq!(config.contact.addresses, ["example.com:443"]);
    assert!(config.contact.through_proxy && !config.oneshot);
    assert_eq!(config.method, JoinMethodName::Token);
    assert_eq!(config.storage, Some(PathBuf::from("/var/lib/bot")));
    assert_eq!((config.ttl, config.interval), (TTL, INTERVAL));
    assert_eq!(config.outputs[0].directory, PathBuf::from("/opt/machine-id"));
    assert!(!format!("{config:?}").contains("abcd123"));
}

#[test]
fn a_job_of_a_platform_keeps_nothing_and_writes_once() {
    let config = read(
        "version: v2\nproxy_server: example.com\noneshot: true\ncertificate_ttl: \
         10m\nrenewal_interval: 5m\nonboarding: {join_method: github, token: ci}\nstorage: {type: \
         memory}\noutputs:\n- {type: identity, roles: [a], destination: {type: directory, path: \
         /tmp/x}}\n",
    )
    .unwrap();
    assert_eq!(config.method, JoinMethodName::Github);
    assert!(config.storage.is_none() && config.oneshot);
    assert_eq!(config.outputs[0].roles, Some(vec!["a".to_owned()]));
    assert_eq!(config.outputs[0].ttl, Duration::from_secs(600));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = [
        ("version: v1\n", "v1"),
        ("version: v2\nproxy_server: a\n", "services"),
        ("version: v2\nproxy_server: a\nservices: [{type: ssh-multiplexer}]\n", "ssh-multiplexer"),
        ("version: v2\nproxy_server: a\nserfices: []\n", "serfices"),
        ("version: v2\nproxy_server: a\ncredential_ttl: 25h\n", "24h at most"),
        (
            "version: v2\nproxy_server: a\ncredential_ttl: 10m\nrenewal_interval: 10m\nservices: \
             [{type: identity, destination: {type: directory, path: /x}}]\n",
            "renewal_interval",
        ),
        ("version: v2\nproxy_server: a\nonboarding: {join_method: iam}\n", "iam"),
        (
            "version: v2\nservices: [{type: identity, destination: {type: directory, path: /x}}]\n",
            "proxy_server",
        ),
    ];
    for (text, words) in cases {
        let error = read(text).unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn the_examples_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/machines");
    assert_eq!(Config::load(&folder.join("tbot.yaml")).unwrap().outputs.len(), 1);
    for name in ["bot.yaml", "agents.yaml"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let source = Source::new(name, &text);
        assert!(!resource::parse_documents(&source).unwrap().is_empty());
    }
}
