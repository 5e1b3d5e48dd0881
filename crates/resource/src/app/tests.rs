//! What apps are refused for, and what they mean when they are not.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use serde_json::{Value, json};

use super::*;
use crate::decode::{FromNode, decode};
use crate::node::Node;
use crate::resource::Resource;

pub(super) fn app(spec: Value) -> Result<App, String> {
    named("everything", spec)
}

fn named(name: &str, spec: Value) -> Result<App, String> {
    let document =
        json!({"kind": "app", "version": "v3", "metadata": {"name": name}, "spec": spec});
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| App::try_from(resource).expect("an app"))
        .map_err(|problems| {
            problems.list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })
}

pub(super) fn static_app(value: Value) -> Result<App, String> {
    decode(&Node::from_json(&value), StaticApp::from_node).map(|app| app.0).map_err(|problems| {
        problems.list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    })
}

fn here(text: &str) -> Given {
    Given::Here(text.to_owned())
}

fn stdio() -> Value {
    json!({"command": "npx", "args": ["-y", "server"], "run_as_host_user": "mcp"})
}

#[test]
fn a_command_is_enough() {
    let app = app(json!({ "mcp": stdio() })).unwrap();
    assert_eq!(app.spec.uri, "mcp+stdio://");
    assert_eq!(app.transport(), Some(Transport::Stdio));
    assert_eq!(app.sub_kind(), "mcp");
    assert_eq!(app.metadata.labels["tessera.internal/app-sub-kind"], "mcp");
    assert_eq!(app.origin(), "dynamic");
    assert_eq!(app.to_json()["sub_kind"], "mcp");
    assert_eq!(app.to_json()["version"], "v3");
}

#[test]
fn the_scheme_chooses_the_transport() {
    let transport = |uri: &str| app(json!({ "uri": uri })).unwrap().transport();
    let url = |text: &str| Url::parse(text).unwrap();
    assert_eq!(
        transport("mcp+https://host:8443/mcp?x=1"),
        Some(Transport::StreamableHttp { url: url("https://host:8443/mcp?x=1") })
    );
    assert_eq!(
        transport("mcp+http://[::1]:80/mcp"),
        Some(Transport::StreamableHttp { url: url("http://[::1]:80/mcp") })
    );
    assert_eq!(
        transport("mcp+sse+http://host/sse"),
        Some(Transport::Sse { url: url("http://host/sse") })
    );
    assert_eq!(transport("mcp+sse+https://host/sse").unwrap().to_string(), "SSE");
    for other in ["http://host", "https://host", "tcp://host:1", "cloud://AWS"] {
        let app = app(json!({ "uri": other })).unwrap();
        assert_eq!((app.transport(), app.sub_kind()), (None, ""), "{other}");
        assert!(!app.metadata.labels.contains_key(APP_SUB_KIND_LABEL));
    }
}

#[test]
fn uris_are_checked() {
    let cases = [
        (
            "mcp+htps://host",
            "spec.uri: unknown scheme \"mcp+htps\" (did you mean \"mcp+https://\"?)",
        ),
        (
            "gopher://host",
            "spec.uri: unknown scheme \"gopher\" (expected one of mcp+stdio, mcp+http, mcp+https, mcp+sse+http, mcp+sse+https)",
        ),
        (
            "localhost:80",
            "spec.uri: \"localhost:80\" is not a URI (it begins with a scheme, as in mcp+https://host/path or mcp+stdio://)",
        ),
        ("mcp+http://", "spec.uri: \"mcp+http://\" names no host"),
        ("mcp+http:///path", "spec.uri: \"mcp+http:///path\" names no host"),
        (
            "mcp+http://host:99999",
            "spec.uri: \"mcp+http://host:99999\" is not a URI: invalid port number",
        ),
        (
            "mcp+http://ho st/",
            "spec.uri: \"mcp+http://ho st/\" has blanks, control characters or backslashes",
        ),
        ("mcp+http://host/#x", "spec.uri: a URI with a fragment (\"#…\") cannot be requested"),
    ];
    for (uri, message) in cases {
        assert_eq!(app(json!({ "uri": uri })).unwrap_err(), message);
    }
    assert_eq!(
        app(json!({})).unwrap_err(),
        "spec: URI is empty in app \"everything\" \
         (write a uri, or mcp.command for a server that is to be started)"
    );
    assert_eq!(app(json!({"cloud": "AWS"})).unwrap().spec.uri, "cloud://AWS");
    assert_eq!(
        app(json!({"uri": "http://h", "cloud": "aws"})).unwrap_err(),
        "spec.cloud: unknown cloud \"aws\" (did you mean \"AWS\"?)"
    );
}

#[test]
fn a_stdio_server_needs_a_command_and_a_user() {
    let uri = "mcp+stdio://x";
    assert_eq!(
        app(json!({ "uri": uri })).unwrap_err(),
        "spec: a stdio server needs mcp, which says how to start it \
         (add mcp with command, args and run_as_host_user)"
    );
    assert_eq!(
        app(json!({ "uri": uri, "mcp": {"args": ["x"]} })).unwrap_err(),
        "spec.mcp: a stdio server needs mcp.command, the program to start\n\
         spec.mcp: a stdio server needs mcp.run_as_host_user, the user it runs as \
         (name a user of the agent's host)"
    );
    assert!(app(json!({"mcp": {"command": "npx"}})).unwrap_err().contains("run_as_host_user"));
    assert_eq!(
        app(json!({"mcp": {"comand": "npx", "args": ["a\0"]}})).unwrap_err(),
        "spec.mcp.args[0]: a command line cannot contain a NUL character\n\
         spec.mcp.comand: unknown field (did you mean \"command\"?)"
    );
}

#[test]
fn only_the_demo_server_starts_nothing() {
    let demo = App::demo();
    assert!(demo.is_demo() && demo.is_mcp());
    let read = Resource::from_node(&Node::from_json(&demo.to_json())).unwrap();
    assert_eq!(read, Resource::App(demo.clone()));
    // The label does not excuse a command from naming its user.
    let mut disguised = demo.to_json();
    disguised["spec"]["mcp"] = json!({"command": "sh"});
    assert!(Resource::from_node(&Node::from_json(&disguised)).is_err());
    let mut elsewhere = demo.to_json();
    elsewhere["spec"]["uri"] = json!("mcp+stdio://other");
    assert!(Resource::from_node(&Node::from_json(&elsewhere)).is_err());
}

#[test]
fn public_addresses_are_host_names() {
    let public = |address: &str| app(json!({"uri": "mcp+http://h", "public_addr": address}));
    for address in [
        "",
        "a.example.com",
        "a.example.com:443",
        "https://a.example.com",
        "https://a.example.com:443",
    ] {
        assert!(public(address).is_ok(), "{address}");
    }
    assert_eq!(
        public("a b").unwrap_err(),
        "spec.public_addr: \"a b\" is not a host name (for example everything.example.com)"
    );
    assert!(public("a.example.com:http").is_err());
    assert!(public("https://").is_err());
    assert_eq!(
        public("kube-teleport-proxy-alpn.example.com").unwrap_err(),
        "spec.public_addr: a public address cannot begin with the reserved \"kube-teleport-proxy-alpn.\""
    );
}

#[test]
fn headers_are_written_in_two_ways() {
    let app = app(json!({"uri": "mcp+http://h", "rewrite": {
        "headers": [{"name": "A", "value": "x: y"}, "B: Bearer {{internal.jwt}}"], "jwt_claims": "none"
    }}))
    .unwrap();
    let rewrite = app.spec.rewrite.clone().unwrap();
    assert_eq!(rewrite.headers[0], Header { name: "A".to_owned(), value: here("x: y") });
    assert_eq!(
        rewrite.headers[1],
        Header { name: "B".to_owned(), value: here("Bearer {{internal.jwt}}") }
    );
    assert_eq!(rewrite.jwt_claims, JwtClaims::None);
    assert_eq!(
        app.to_json()["spec"]["rewrite"],
        json!({"headers": [{"name": "A", "value": "x: y"}, {"name": "B", "value": "Bearer {{internal.jwt}}"}], "jwt_claims": "none"})
    );
}

#[test]
fn rewrites_are_checked() {
    let rewrite = |value: Value| app(json!({"uri": "mcp+http://h", "rewrite": value})).unwrap_err();
    assert_eq!(
        rewrite(json!({"jwt_claims": "all"})),
        "spec.rewrite.jwt_claims: unexpected JWT rewrite value \"all\" \
         (expected one of roles-and-traits, roles, traits, none)"
    );
    for header in [
        json!("no colon"),
        json!({"name": "a b", "value": "x"}),
        json!({"name": "A", "value": "x\r\nB: y"}),
    ] {
        assert!(rewrite(json!({"headers": [header]})).starts_with("spec.rewrite.headers[0]: "));
    }
}

#[test]
fn dynamic_labels_have_keys_and_commands() {
    let label = |key: &str, value: Value| {
        app(json!({"uri": "mcp+http://h", "dynamic_labels": {key: value}}))
    };
    let app = label(
        "teleport.dev/os",
        json!({"command": ["uname"], "period": "10ms", "result": "Linux"}),
    )
    .unwrap();
    assert_eq!(app.spec.dynamic_labels["tessera.dev/os"].period, Duration::from_secs(1));
    assert_eq!(app.all_labels()["tessera.dev/os"], "Linux");
    assert_eq!(
        label("a b", json!({"command": ["x"]})).unwrap_err(),
        "spec.dynamic_labels[\"a b\"]: invalid label key \"a b\""
    );
    assert_eq!(
        label("a", json!({"command": []})).unwrap_err(),
        "spec.dynamic_labels.a.command: a dynamic label needs a command"
    );
}

#[test]
fn the_environment_is_not_shown() {
    let mut mcp = stdio();
    mcp["env"] = json!({"API_KEY": "hunter2", "N": 1});
    let app = app(json!({ "mcp": mcp })).unwrap();
    assert_eq!(app.spec.mcp.as_ref().unwrap().env["API_KEY"], here("hunter2"));
    assert_eq!(app.spec.mcp.as_ref().unwrap().env["N"], here("1"));
    let header = Header { name: "Authorization".to_owned(), value: here("hunter2") };
    let shown = format!("{app:?} {header:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let mut mcp = stdio();
    mcp["env"] = json!({"A=B": "hunter2"});
    let refused = tests::app(json!({ "mcp": mcp })).unwrap_err();
    assert_eq!(refused, "spec.mcp.env.[\"A=B\"]: not an environment variable".replace(".[", "["));
}

#[test]
fn status_is_kept_on_the_wire_and_never_refused() {
    let mut document = app(json!({ "mcp": stdio() })).unwrap().to_json();
    document["status"] = json!({"servers": [{
        "host_id": "h1", "hostname": "alpha", "state": "failed", "connections": 0,
        "last_error": {"message": "no such user", "time": "2026-01-01T00:00:00Z"}
    }]});
    let read = Resource::from_json(document.to_string().as_bytes()).unwrap();
    assert_eq!(read.to_json(crate::Secrets::Redact), document);
    for odd in [json!("odd"), json!({"servers": [{"x": 1}]}), json!([])] {
        document["status"] = odd;
        let Resource::App(app) = Resource::from_json(document.to_string().as_bytes()).unwrap()
        else {
            panic!("not an app");
        };
        assert_eq!(app.status, None);
    }
}

#[test]
fn revision_and_status_do_not_make_a_difference() {
    let one = app(json!({ "mcp": stdio() })).unwrap();
    let mut other = one.clone();
    other.metadata.revision = Some(crate::Revision::new("2"));
    other.status = Some(AppStatus::default());
    assert!(one.same_as(&other));
    other.metadata.description = "changed".to_owned();
    assert!(!one.same_as(&other));
}

#[test]
fn static_apps_have_their_own_form() {
    let app = static_app(json!({
        "name": "everything", "description": "d", "uri": "mcp+https://h/mcp", "public_addr": "x.example.com",
        "labels": {"env": "dev"}, "commands": [{"name": "os", "command": ["uname"], "period": "5s"}],
        "rewrite": {"headers": ["A: b"]}, "required_apps": ["x"], "insecure_skip_verify": "yes"
    }))
    .unwrap();
    assert_eq!(app.origin(), "config-file");
    assert_eq!(app.spec.dynamic_labels["os"].period, Duration::from_secs(5));
    assert!(app.spec.insecure_skip_verify);
    assert_eq!(app.sub_kind(), "mcp");
    let cases = [
        (json!({"uri": "mcp+http://h"}), "name: missing"),
        (
            json!({"name": "A.b", "uri": "mcp+http://h"}),
            "name: \"A.b\" cannot be part of a host name (use lower-case letters, digits and \"-\", at most 63)",
        ),
        (json!({"name": "", "uri": "mcp+http://h"}), "name: missing parameter Name"),
        (
            json!({"name": "a", "uri": "mcp+http://h", "public_addr": "h:443"}),
            "public_addr: a public address in a configuration file is a host name alone",
        ),
        (
            json!({"name": "a", "uri": "mcp+http://h", "public_addr": "10.0.0.1"}),
            "public_addr: a public address cannot be an IP address",
        ),
        (
            json!({"name": "a"}),
            ": URI is empty in app \"a\" (write a uri, or mcp.command for a server that is to be started)",
        ),
        (
            json!({"name": "a", "uri": "mcp+http://h", "label": {}}),
            "label: unknown field (did you mean \"labels\"?)",
        ),
    ];
    for (value, message) in cases {
        assert_eq!(static_app(value).unwrap_err(), message.trim_start_matches(": "));
    }
    assert!(static_app(json!({"name": "a".repeat(63), "uri": "mcp+http://h"})).is_ok());
    assert!(static_app(json!({"name": "a".repeat(64), "uri": "mcp+http://h"})).is_err());
}

#[test]
fn secrets_may_be_named_instead_of_written() {
    let mut mcp = stdio();
    mcp["env"] = json!({
        "KEY": {"value_from": {"file": "/etc/keys/k"}},
        "TOKEN": {"value_from": {"env": "AGENT_TOKEN"}},
    });
    let headers = json!([{"name": "X-Key", "value_from": {"file": "/etc/keys/k"}}]);
    let app = app(json!({"mcp": mcp, "rewrite": {"headers": headers}})).unwrap();
    let env = &app.spec.mcp.as_ref().unwrap().env;
    assert_eq!(env["KEY"], Given::File("/etc/keys/k".to_owned()));
    assert_eq!(env["TOKEN"], Given::Env("AGENT_TOKEN".to_owned()));
    let printed = app.to_json();
    assert_eq!(printed["spec"]["mcp"]["env"], mcp["env"]);
    assert_eq!(printed["spec"]["rewrite"]["headers"], headers);
    assert_eq!(Resource::from_json(printed.to_string().as_bytes()).unwrap(), Resource::App(app));
}

#[test]
fn places_of_secrets_are_checked() {
    let refused = |value: Value| {
        let mut mcp = stdio();
        mcp["env"] = json!({ "KEY": value });
        app(json!({ "mcp": mcp })).unwrap_err()
    };
    let one_place = "expected one place where the agent finds the value";
    for value in [json!({"value_from": {}}), json!({"value_from": {"file": "/a", "env": "B"}})] {
        assert!(refused(value).contains(one_place));
    }
    assert!(refused(json!({"value_from": {"file": "a"}})).contains("an absolute path"));
    assert!(refused(json!({"value_from": {"env": "A=B"}})).contains("the name of a variable"));
    assert!(refused(json!({"value_from": {"fiel": "/a"}})).contains("file"));
    assert!(refused(json!({"file": "hunter2"})).contains("expected text, or value_from"));
    assert!(!refused(json!({"file": "hunter2"})).contains("hunter2"));
}

#[test]
fn how_a_server_is_started_and_spoken_to_is_read_and_printed() {
    let mut mcp = stdio();
    mcp["cwd"] = "/srv/files".into();
    mcp["start_timeout"] = "1m30s".into();
    mcp["protocol"] = "2025-06-18".into();
    let read = app(json!({ "mcp": mcp })).unwrap();
    let spec = read.spec.mcp.as_ref().unwrap();
    assert_eq!(spec.start_timeout, Some(Duration::from_secs(90)));
    assert_eq!(spec.protocol, Some(Protocol::Revision("2025-06-18")));
    for (key, value) in mcp.as_object().unwrap() {
        assert_eq!(&read.to_json()["spec"]["mcp"][key], value, "{key}");
    }
    let remote = json!({"uri": "mcp+https://h/mcp", "mcp": {"protocol": "modern"}});
    assert_eq!(app(remote).unwrap().spec.mcp.unwrap().protocol, Some(Protocol::Modern));
    for (key, bad) in [
        ("cwd", json!("srv")),
        ("start_timeout", json!("0s")),
        ("start_timeout", json!("2h")),
        ("protocol", json!("2025-06-19")),
    ] {
        let mut mcp = stdio();
        mcp[key] = bad;
        let refused = app(json!({ "mcp": mcp })).unwrap_err();
        assert!(refused.starts_with(&format!("spec.mcp.{key}: ")), "{refused}");
    }
}

#[test]
fn how_a_servers_certificate_is_checked_is_read_and_printed() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let tls = json!({
        "ca": pem, "server_name": "mcp.example.com", "cert_file": "/c.pem", "key_file": "/k.pem",
    });
    let secure = |tls: &Value| app(json!({"uri": "mcp+https://h/", "tls": tls}));
    assert_eq!(secure(&tls).unwrap().to_json()["spec"]["tls"], tls);
    for (bad, message) in [
        (json!({"ca": "/etc/ca.pem"}), "certificates in PEM"),
        (json!({"ca": "-----BEGIN PRIVATE KEY-----"}), "use key_file"),
        (json!({"ca": pem, "ca_file": "/ca.pem"}), "exclude each other"),
        (json!({"cert_file": "/c.pem"}), "belong together"),
        (json!({"key_file": "k.pem", "cert_file": "/c.pem"}), "an absolute path"),
        (json!({"key": "hunter2"}), "key"),
    ] {
        let refused = secure(&bad).unwrap_err();
        assert!(refused.contains(message) && !refused.contains("hunter2"), "{refused}");
    }
}

#[test]
fn headers_of_the_gateways_own_are_refused() {
    let with = |uri: &str, name: &str| {
        app(json!({"uri": uri, "rewrite": {"headers": [{"name": name, "value": "x"}]}}))
    };
    for name in ["Mcp-Session-Id", "mcp-param-x", "Content-Length", "X-Forwarded-For", "Connection"]
    {
        let refused = with("mcp+http://h/", name).unwrap_err();
        assert!(refused.contains("the gateway's own"), "{refused}");
    }
    assert!(with("mcp+http://h/", "Host").is_ok());
    assert!(with("mcp+http://h/", "Authorization").is_ok());
    // What is no MCP server is none of our business.
    assert!(with("http://h/", "X-Forwarded-For").is_ok());
}

#[test]
fn passwords_do_not_belong_into_uris() {
    let refused = app(json!({"uri": "mcp+https://user:hunter2@h/"})).unwrap_err();
    assert!(refused.contains("rewrite.headers") && !refused.contains("hunter2"), "{refused}");
}
