//! Clients without a certificate that have a person sign in by themselves (OAuth 2.1): official ones, in front of a
//! real browser.

mod attacks;
mod challenges;
mod documents;
mod elsewhere;
mod ends;
mod lab;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout};

use serde_json::{Value, json};
use testkit::cluster::{CLUSTER, Person};
use testkit::{Argv, Cluster, IdentityProvider, Process, Real, Visitor, process};

use self::lab::allow;
use super::keys::at;

/// A running client, which is told what to do.
struct Client {
    _process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What has no name for who cannot see it.
const UNNAMED: &str = "[...document.querySelectorAll('input:not([type=hidden]),button')].filter((e) => \
    !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).map((e) => e.id)";

// === impl Client ===

impl Client {
    fn start(argv: &Argv) -> Self {
        let (process, input, output) = process::dialogue(argv.command());
        Self { _process: process, input, output: BufReader::new(output) }
    }

    #[track_caller]
    fn says(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"))
    }

    #[track_caller]
    fn told(&mut self, word: &str) -> Value {
        writeln!(self.input, "{word}").unwrap();
        self.says()
    }

    /// Where it sends the browser.
    #[track_caller]
    fn asks(&mut self) -> String {
        let said = self.says();
        said.get("authorize").and_then(Value::as_str).unwrap_or_else(|| panic!("{said}")).to_owned()
    }
}

/// The clients, by what they are called.
fn clients(real: &Real, cluster: &Cluster, url: &str) -> [(&'static str, Argv); 3] {
    let found = cluster.get(&format!("cert_authority/host.{CLUSTER}"));
    let pem = found.pointer("/spec/active_keys/0/certificate").and_then(Value::as_str).unwrap();
    let authority = cluster.scratch().write(Path::new("authority.pem"), pem);
    let javascript = |line: &str| {
        Argv::new(real.node())
            .arg(real.script("clients/oauth.mjs"))
            .arg(real.modules("sdk"))
            .args([line, url])
            .with_env("NODE_EXTRA_CA_CERTS", &authority)
    };
    let python =
        Argv::new(real.python()).arg(real.script("clients/oauth.py")).arg(&authority).arg(url);
    [("JavaScript v1", javascript("v1")), ("JavaScript v2", javascript("v2")), ("Python", python)]
}

/// What a person does from the client's link to the page at which they consent.
fn signs_in(alice: &mut Person, link: &str) -> [Value; 3] {
    let code = alice.authenticator.code();
    let form = json!({"#user": alice.name, "#password": alice.password, "#code": code});
    [json!({"goto": link}), json!({"fill": form}), json!({"click": "button[type=submit]"})]
}

#[test]
fn official_clients_have_a_person_sign_in_and_use_what_the_roles_allow() {
    let (real, cluster) = (Real::locate(), Cluster::named());
    allow(&cluster, &json!({}));
    cluster.tools_role("reader", &["echo"]);
    cluster.app("everything", &real.everything());
    let mut alice = cluster.sign_up(&real, "alice", "reader");
    let visitor = Visitor::new(&real, &cluster);
    let url = format!("https://{}/mcp/apps/everything", cluster.proxy_addr());
    let mut secrets = Vec::new();
    for (name, argv) in clients(&real, &cluster, &url) {
        let mut client = Client::start(&argv);
        let mut steps = vec![json!({"viewport": [360, 640]})];
        steps.extend(signs_in(&mut alice, &client.asks()));
        steps.extend([
            json!({"eval": UNNAMED}),
            // By the keyboard alone.
            json!({"press": "Tab"}),
            json!({"click": "#approve"}),
            json!({"until": "Back to the client"}),
        ]);
        let seen = visitor.visit(&steps);
        let (asked, page) = (at(&seen, 1).text(), at(&seen, 3));
        assert!(asked.contains(name) && asked.contains("127.0.0.1"), "{asked}");
        for words in [name, "everything", "alice", "127.0.0.1", "nobody has verified"] {
            assert!(page.text().contains(words), "{words:?} is missing: {page:?}");
        }
        assert_eq!((at(&seen, 4).gave(), page.get("wide")), (&json!([]), &json!(false)));
        assert_eq!(at(&seen, 5).get("focus"), &json!("approve"));
        assert!(at(&seen, 7).text().contains("Back to the client"), "{seen:?}");

        let got = client.says();
        assert_eq!(got["tools"], json!(["echo"]), "{name}: {got}");
        assert!(got["echo"].as_str().unwrap().contains("by sign-in"), "{got}");
        let before = client.told("tokens");
        let _spoiled = client.told("spoil");
        let again = client.told("call");
        assert_eq!(again["tools"], json!(["echo"]), "{name}, refreshed: {again}");
        let after = client.told("tokens");
        for token in ["access_token", "refresh_token"] {
            let token = |said: &Value| said["tokens"][token].as_str().unwrap().to_owned();
            assert_ne!(token(&before), token(&after), "{name}");
            secrets.extend([token(&before), token(&after)]);
        }
    }
    let grants = cluster.tctl_json(&["get", "oauth_grants", "--format=json"]);
    assert_eq!(grants.as_array().unwrap().len(), 3, "{grants}");
    let request = cluster.await_audit("a call", &["--event=mcp.session.request"], |record| {
        record.pointer("/message/method") == Some(&json!("tools/call"))
    });
    assert_eq!((&request["user"], &request["app_name"]), (&json!("alice"), &json!("everything")));
    let told = format!("{}{}{grants}", cluster.logs(), Value::from(cluster.audit(&[])));
    for secret in secrets {
        assert!(!told.contains(&secret), "a token is told: {secret}");
    }
}

#[test]
fn people_of_an_identity_provider_sign_in_there() {
    let (real, cluster) = (Real::locate(), Cluster::named());
    let provider = IdentityProvider::start(&real, &cluster);
    cluster.tools_role("developer", &["echo"]);
    cluster.put(&provider.connector("idp", &json!({})));
    allow(&cluster, &json!({"type": "oidc", "connector_name": "idp"}));
    cluster.app("everything", &real.everything());
    let url = format!("https://{}/mcp/apps/everything", cluster.proxy_addr());
    let [(_, argv), ..] = clients(&real, &cluster, &url);
    let mut client = Client::start(&argv);
    let seen = Visitor::new(&real, &cluster).visit(&[
        json!({"goto": client.asks()}),
        json!({"fill": {"input[name=login]": "alice", "input[name=password]": "alice"}}),
        json!({"click": "button"}),
        json!({"until": "alice@example.test"}),
        json!({"click": "#approve"}),
        json!({"until": "Back to the client"}),
    ]);
    assert!(at(&seen, 3).text().contains("alice@example.test"), "{seen:?}");
    let got = client.says();
    assert_eq!(got["tools"], json!(["echo"]), "{got}");
}

#[test]
fn who_rejects_gives_nothing_and_the_client_is_told() {
    let (real, cluster) = (Real::locate(), Cluster::named());
    allow(&cluster, &json!({}));
    cluster.tools_role("reader", &["echo"]);
    cluster.app("everything", &real.everything());
    let mut alice = cluster.sign_up(&real, "alice", "reader");
    let url = format!("https://{}/mcp/apps/everything", cluster.proxy_addr());
    let [(_, argv), ..] = clients(&real, &cluster, &url);
    let mut client = Client::start(&argv);
    let mut steps = signs_in(&mut alice, &client.asks()).to_vec();
    steps.extend([json!({"click": "#reject"}), json!({"until": "Back to the client"})]);
    let seen = Visitor::new(&real, &cluster).visit(&steps);
    assert!(at(&seen, 4).text().contains("Back to the client"), "{seen:?}");
    let said = client.says();
    assert!(said["error"].as_str().unwrap().contains("access_denied"), "{said}");
    assert_eq!(cluster.tctl_json(&["get", "oauth_grants", "--format=json"]), json!([]));
}
