//! Where clients have people sign in: a cluster, a person with a password, and a tool that asks what it is told to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout};

use serde_json::{Map, Value, json};
use testkit::{Argv, Browser, Cluster, Process, Real, process, wait};

use crate::gateway::tokens;

/// Who signs in.
pub(super) const USER: &str = "alice";
const PASSWORD: &str = "a long password of alice";
/// Where clients of the lab are sent answers.
pub(super) const CALLBACK: &str = "http://127.0.0.1:7/callback";
/// A secret and its hash (RFC 7636, appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(super) struct Lab {
    pub(super) real: Real,
    pub(super) cluster: Cluster,
    _process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What a client got.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) client: String,
    pub(super) access: String,
    pub(super) refresh: String,
}

// === impl Lab ===

impl Lab {
    /// A cluster whose users have passwords only, so that a test can sign in as often as it likes.
    pub(super) fn open() -> Self {
        let (real, cluster) = (Real::locate(), Cluster::patient());
        cluster.tools_role("reader", &["echo"]);
        for app in ["everything", "other"] {
            cluster.app(app, &real.everything());
        }
        allow(&cluster, &json!({"second_factor": "off"}));
        accept(&real, &cluster.invite(USER, "reader"));
        let script = real.script("clients/oauth_lab.py");
        let argv = Argv::new(real.python()).arg(script).arg(cluster.proxy_addr());
        let (process, input, output) = process::dialogue(argv.command());
        let output = BufReader::new(output);
        Self { real, cluster, _process: process, input, output }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.cluster.proxy_addr())
    }

    /// Sends a request as the head of the script describes it; gives what came of it.
    #[track_caller]
    pub(super) fn ask(&mut self, wish: &Value) -> Value {
        writeln!(self.input, "{wish}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer to {wish}: {line}"))
    }

    /// Registers a client.
    #[track_caller]
    pub(super) fn register(&mut self, name: &str, redirect_uri: &str) -> String {
        let metadata = json!({"client_name": name, "redirect_uris": [redirect_uri]});
        let answer = self.ask(&json!({"path": "/oauth/register", "json": metadata}));
        assert_eq!(status(&answer), 201, "{answer}");
        let client: Value = serde_json::from_str(text(&answer, "body")).unwrap();
        text(&client, "client_id").to_owned()
    }

    /// A browser comes to the authorization endpoint; `more` changes what the client asks, or leaves it out.
    #[track_caller]
    pub(super) fn authorize(&mut self, browser: &str, client: &str, more: &Value) -> Value {
        let query = json!({
            "response_type": "code", "client_id": client, "redirect_uri": CALLBACK, "state": "s1",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
            "resource": self.url("/mcp/apps/everything"),
        });
        let query = changed(&query, more);
        self.ask(&json!({"path": "/oauth/authorize", "query": query, "browser": browser}))
    }

    /// The same by a client that is not known yet for a moment: preferences take that long.
    #[track_caller]
    pub(super) fn await_authorization(&mut self, client: &str) -> Value {
        wait::until("the client to be known", wait::PATIENCE, || {
            let answer = self.authorize("own", client, &json!({}));
            if status(&answer) == 303 { Ok(answer) } else { Err(answer.to_string()) }
        })
    }

    /// A person goes on from there and signs in; gives where the page is at which they consent.
    #[track_caller]
    pub(super) fn sign_in(&mut self, browser: &str, begun: &Value) -> String {
        assert_eq!(status(begun), 303, "{begun}");
        let page = self.follow(browser, begun);
        assert_eq!(status(&page), 303, "{page}");
        let url = self.absolute(text(&page, "location"));
        let form = self.ask(&json!({"url": url, "browser": browser}));
        let fields = json!({"csrf": form.get("csrf"), "user": USER, "password": PASSWORD});
        let done = self.ask(&json!({"url": url, "form": fields, "browser": browser}));
        match done.get("refresh").and_then(Value::as_str) {
            Some(next) => self.absolute(next),
            None => panic!("nobody is signed in: {done}\n{form}"),
        }
    }

    fn follow(&mut self, browser: &str, answer: &Value) -> Value {
        let url = self.absolute(text(answer, "location"));
        self.ask(&json!({"url": url, "browser": browser}))
    }

    fn absolute(&self, location: &str) -> String {
        if location.starts_with('/') { self.url(location) } else { location.to_owned() }
    }

    /// The person answers there; gives where the browser goes.
    #[track_caller]
    pub(super) fn consent(&mut self, browser: &str, page: &str, answer: &str) -> String {
        let form = self.ask(&json!({"url": page, "browser": browser}));
        assert_eq!(status(&form), 200, "{form}");
        let fields = json!({"csrf": form.get("csrf"), "answer": answer});
        let done = self.ask(&json!({"url": page, "form": fields, "browser": browser}));
        assert_eq!(status(&done), 200, "{done}");
        text(&done, "refresh").to_owned()
    }

    /// All of that for a client: a code.
    #[track_caller]
    pub(super) fn code(&mut self, client: &str, more: &Value) -> String {
        let begun = self.authorize("own", client, more);
        let page = self.sign_in("own", &begun);
        let back = self.consent("own", &page, "approve");
        parameter(&back, "code").unwrap_or_else(|| panic!("no code: {back}"))
    }

    /// What the token endpoint says to this; `more` changes it.
    #[track_caller]
    pub(super) fn exchange(&mut self, client: &str, code: &str, more: &Value) -> Value {
        let form = json!({
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER, "client_id": client,
        });
        self.token(&changed(&form, more))
    }

    #[track_caller]
    pub(super) fn token(&mut self, form: &Value) -> Value {
        let answer = self.ask(&json!({"path": "/oauth/token", "form": form}));
        let body: Value = serde_json::from_str(text(&answer, "body")).unwrap();
        assert_eq!(header(&answer, "cache-control"), "no-store", "{answer}");
        json!({"status": status(&answer), "body": body})
    }

    /// The next tokens.
    #[track_caller]
    pub(super) fn refresh(&mut self, tokens: &Tokens) -> Value {
        let form = json!({
            "grant_type": "refresh_token", "refresh_token": tokens.refresh,
            "client_id": tokens.client,
        });
        self.token(&form)
    }

    /// A new client, for which alice signs in and consents.
    #[track_caller]
    pub(super) fn granted(&mut self, path: &str) -> Tokens {
        let client = self.register("a client", CALLBACK);
        let code = self.code(&client, &json!({"resource": self.url(path)}));
        let given = self.exchange(&client, &code, &json!({}));
        Tokens::of(&client, &given)
    }

    /// The answer to a client's first message with a token.
    #[track_caller]
    pub(super) fn knock(&self, path: &str, token: &str) -> Value {
        tokens::ask(
            &self.real,
            &self.url(path),
            &json!({"authorization": format!("Bearer {token}")}),
        )
    }

    /// Waits until a token is refused as one that is not good, by a challenge that leads to where to sign in.
    #[track_caller]
    pub(super) fn await_refusal(&self, path: &str, token: &str) {
        let answer = wait::until("the token to be refused", wait::PATIENCE, || {
            let answer = self.knock(path, token);
            if status(&answer) == 401 { Ok(answer) } else { Err(answer.to_string()) }
        });
        let challenge = header(&answer, "www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{answer}");
        let document = self.url(&format!("/.well-known/oauth-protected-resource{path}"));
        assert!(challenge.contains(&format!("resource_metadata=\"{document}\"")), "{answer}");
    }

    #[track_caller]
    pub(super) fn await_admission(&self, path: &str, token: &str) {
        wait::until("the token to let in", wait::PATIENCE, || {
            let answer = self.knock(path, token);
            if status(&answer) == 200 { Ok(()) } else { Err(answer.to_string()) }
        });
    }

    /// Alice, who was reset, sets a password once more.
    #[track_caller]
    pub(super) fn accept_again(&self) {
        let said = self.cluster.tctl_json(&["users", "reset", USER, "--format=json"]);
        accept(&self.real, text(&said, "url"));
    }

    /// The grants that there are.
    #[track_caller]
    pub(super) fn grants(&self) -> Vec<Value> {
        match self.cluster.tctl_json(&["get", "oauth_grants", "--format=json"]) {
            Value::Array(grants) => grants,
            other => panic!("grants are a list: {other}"),
        }
    }
}

impl Tokens {
    #[track_caller]
    pub(super) fn of(client: &str, given: &Value) -> Self {
        assert_eq!(status(given), 200, "{given}");
        let body = given.get("body").unwrap();
        assert_eq!(text(body, "token_type"), "Bearer", "{body}");
        let of = |name: &str| text(body, name).to_owned();
        let (access, refresh) = (of("access_token"), of("refresh_token"));
        Self { client: client.to_owned(), access, refresh }
    }
}

/// Answers an invite.
#[track_caller]
fn accept(real: &Real, link: &str) {
    let fields = json!({"password": PASSWORD, "password_again": PASSWORD});
    let page = Browser::new(real).send(link, &fields);
    assert_eq!(page.status(), 200, "{page:?}");
}

/// Lets clients have people sign in, and register; and what else the preference is to say.
pub(super) fn allow(cluster: &Cluster, more: &Value) {
    let spec = json!({"allow_oauth": true, "allow_oauth_registration": true});
    cluster.put(&json!({
        "kind": "cluster_auth_preference", "version": "v2",
        "metadata": {"name": "cluster-auth-preference"}, "spec": changed(&spec, more),
    }));
}

/// An object with other members, and without those that are to be null.
fn changed(object: &Value, more: &Value) -> Value {
    let mut all: Map<String, Value> = object.as_object().unwrap().clone();
    all.extend(more.as_object().unwrap().clone());
    all.retain(|_, value| !value.is_null());
    Value::Object(all)
}

/// A parameter of an address.
pub(super) fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// A text that is there.
#[track_caller]
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name}: {value}"))
}

fn status(answer: &Value) -> u64 {
    answer.get("status").and_then(Value::as_u64).unwrap_or_default()
}

/// A header of an answer, by its name in small letters.
fn header<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get("headers").and_then(|all| all.get(name)).and_then(Value::as_str).unwrap_or_default()
}
