use resource::Source;
use resource::token::JoinMethodName;

use super::*;

const PIN: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn read(text: &str) -> Result<Config, String> {
    parse(&Source::new("tessera.yaml", text)).map_err(|error| error.to_string())
}

#[test]
fn an_agent_as_the_documents_show_it() {
    let config = read(
        "version: v3\nteleport:\n  join_params:\n    token_name: /tmp/token\n    method: token\n  \
         proxy_server: example.com:443\nauth_service: {enabled: no}\nproxy_service: {enabled: \
         no}\nssh_service: {enabled: no}\napp_service:\n  enabled: yes\n  resources:\n  - labels:\n      \
         '*': '*'\n",
    )
    .unwrap();
    assert!(config.auth.is_none() && config.proxy.is_none());
    let app = config.app.unwrap();
    assert_eq!(app.selectors, [resource::LabelSelector::wildcard()]);
    let join = config.join.unwrap();
    assert_eq!(join.contact.addresses, ["example.com:443"]);
    assert!(join.contact.through_proxy);
    assert!(matches!(join.token, Some(TokenSource::File(path)) if path.ends_with("token")));
}

#[test]
fn a_proxy_is_told_where_the_auth_service_itself_is() {
    let joining = |how: &str| {
        read(&format!(
            "version: v3\ntessera:\n  join_params: {{token_name: t}}\n  ca_pin: {PIN}\n  {how}: \
             example.com:443\nproxy_service:\n  enabled: yes\n"
        ))
    };
    assert!(joining("auth_server").unwrap().proxy.is_some());
    let error = joining("proxy_server").unwrap_err();
    assert!(error.contains("auth_server") && error.contains("another proxy"), "{error}");
}

#[test]
fn a_workload_says_by_which_method_it_joins() {
    let joining = |method: &str| {
        read(&format!(
            "version: v3\ntessera:\n  join_params: {{token_name: ci, method: {method}}}\n  \
             proxy_server: example.com:443\napp_service:\n  enabled: yes\n  mcp_demo_server: yes\n"
        ))
    };
    for method in JoinMethodName::ALL {
        assert_eq!(joining(method.as_str()).unwrap().join.unwrap().method, method);
    }
    let error = joining("iam").unwrap_err();
    assert!(error.contains("iam") && error.contains("kubernetes"), "{error}");
}

#[test]
fn mistakes_are_told_together() {
    let error = read(
        "version: v3\ntessera:\n  nodname: x\nauth_service:\n  listen_adr: 1\napp_service:\n  \
         enabled: maybe\n",
    )
    .unwrap_err();
    for part in ["tessera.yaml:3:3", "nodname", "nodename", "listen_adr", "maybe"] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
}

#[test]
fn an_app_service_with_nothing_to_serve_is_refused() {
    let error = read("auth_service: {}\napp_service: {enabled: yes}\n").unwrap_err();
    assert!(error.contains("nothing to serve"), "{error}");
}

#[test]
fn a_process_must_know_where_the_cluster_is() {
    let error = read("app_service: {enabled: yes, mcp_demo_server: yes}\n").unwrap_err();
    assert!(error.contains("proxy_server"), "{error}");
}

#[test]
fn services_that_do_not_exist_must_be_off() {
    let error = read("auth_service: {}\nssh_service: {}\n").unwrap_err();
    assert!(error.contains("ssh_service"), "{error}");
}

#[test]
fn a_token_in_the_file_is_not_shown() {
    let config = read(
        "tessera: {proxy_server: p, join_params: {token_name: s3cret-token}}\napp_service: \
         {mcp_demo_server: yes}\n",
    )
    .unwrap();
    assert!(!format!("{config:?}").contains("s3cret-token"));
}

#[test]
fn egress_rules_are_read_under_either_name() {
    let egress = |rules: &str| {
        let text = format!("auth_service: {{}}\napp_service:\n  mcp_demo_server: yes\n{rules}");
        read(&text).map(|config| config.app.unwrap().egress)
    };
    let ours =
        egress("  egress: {allow: [10.0.0.0/8, '*.example.com'], deny: [10.9.0.1]}\n").unwrap();
    assert_eq!(ours.allow.len(), 2);
    let theirs =
        egress("  allowed_hosts: [10.0.0.0/8, '*.example.com']\n  denied_hosts: [10.9.0.1]\n")
            .unwrap();
    assert_eq!(ours, theirs);
    assert_eq!(egress("").unwrap(), agent::Egress::default());
    let error = egress("  egress: {allow: [10.0.0.1/8]}\n").unwrap_err();
    assert!(error.contains("tessera.yaml:4:20") && error.contains("10.0.0.1/8"), "{error}");
    assert!(egress("  egress: {}\n  denied_hosts: []\n").unwrap_err().contains("use one of them"));
}

#[test]
fn diagnostics_are_told_where_the_file_says() {
    let told = |text: &str| {
        let text = format!("tessera: {{diag_addr: {text}}}\nauth_service: {{enabled: yes}}\n");
        read(&text).map(|config| config.diag_addr.map(|address| address.to_string()))
    };
    assert_eq!(read("auth_service: {enabled: yes}\n").unwrap().diag_addr, None);
    assert_eq!(told("'0.0.0.0:3000'").unwrap().as_deref(), Some("0.0.0.0:3000"));
    assert_eq!(told("'[::1]:0'").unwrap().as_deref(), Some("[::1]:0"));
    for alone in ["3000", "':3000'"] {
        assert_eq!(told(alone).unwrap().as_deref(), Some("127.0.0.1:3000"), "{alone}");
    }
    let error = told("localhost").unwrap_err();
    assert!(error.contains("diag_addr") && error.contains("127.0.0.1:3000"), "{error}");
}
