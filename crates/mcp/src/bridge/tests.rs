//! Whatever both sides send: nothing panics, every request is answered once, and nothing is mixed up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::Wax;
use super::{Bridge, Effects, LegacyOverModern, ModernOverLegacy};
use crate::limits::Limits;
use crate::message::Message;

/// A client, a server, and a bridge between them.
struct World {
    bridge: Box<dyn Bridge>,
    modern: bool,
    now: Duration,
    last: u64,
    /// The client's open requests, and what they are about.
    open: BTreeMap<u64, String>,
    /// What held calls are about, and what continues them.
    held: Vec<(String, Value)>,
    /// The bridge's open requests at the client.
    asked: BTreeMap<u64, Value>,
    /// The bridge's open requests at the server: method, and what they are about.
    works: BTreeMap<u64, (String, String)>,
    /// Every id that the bridge ever used at the server.
    used: BTreeSet<u64>,
    /// The server's open requests.
    asks: BTreeSet<String>,
    /// What the server has written.
    written: Vec<String>,
}

impl World {
    fn new(modern: bool) -> Self {
        let bridge: Box<dyn Bridge> = if modern {
            Box::new(ModernOverLegacy::new(b"alice", Arc::new(Wax)))
        } else {
            Box::new(LegacyOverModern::new())
        };
        let mut world = Self {
            bridge,
            modern,
            now: Duration::ZERO,
            last: 0,
            open: BTreeMap::new(),
            held: Vec::new(),
            asked: BTreeMap::new(),
            works: BTreeMap::new(),
            used: BTreeSet::new(),
            asks: BTreeSet::new(),
            written: Vec::new(),
        };
        if !modern {
            world.request("initialize", json!({"protocolVersion": "2025-11-25", "capabilities": offers(), "clientInfo": {"name": "c", "version": "1"}}));
        }
        world
    }

    fn request(&mut self, method: &str, mut params: Value) {
        self.last += 1;
        let about = params["name"].as_str().unwrap_or(method).to_owned();
        if self.modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": offers(),
                "io.modelcontextprotocol/logLevel": "info",
                "progressToken": "same",
            });
        }
        self.open.insert(self.last, about);
        let line = json!({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params});
        self.client(&line.to_string());
    }

    fn client(&mut self, line: &str) {
        let effects = self.bridge.client(line.as_bytes(), self.now);
        self.see(effects);
    }

    fn server(&mut self, line: String) {
        let effects = self.bridge.server(line.as_bytes(), self.now);
        self.written.push(line);
        self.see(effects);
    }

    fn see(&mut self, effects: Effects) {
        for line in effects.to_client {
            let message = checked(&line);
            match (message.get("method"), message["id"].as_u64()) {
                (Some(_), Some(id)) => drop(self.asked.insert(id, message)),
                (Some(_), None) => {
                    if let Some(id) = message["params"]["requestId"].as_u64() {
                        assert!(self.asked.remove(&id).is_some(), "takes back what it did not ask");
                    }
                }
                (None, id) => {
                    let about = id.and_then(|id| self.open.remove(&id));
                    let about = about.unwrap_or_else(|| panic!("answers nothing: {message}"));
                    let result = &message["result"];
                    if let Some(content) = result.get("content") {
                        assert_eq!(content, &json!([about]), "another's answer");
                    }
                    if result["resultType"] == "input_required" {
                        self.held.push((about, result.clone()));
                    }
                }
            }
        }
        for line in effects.to_server {
            let message = checked(&line);
            match (message.get("method"), message["id"].as_u64()) {
                (Some(method), Some(id)) => {
                    assert!(self.used.insert(id), "an id used twice: {message}");
                    let method = method.as_str().unwrap().to_owned();
                    let about = message["params"]["name"].as_str().unwrap_or(&method).to_owned();
                    self.works.insert(id, (method, about));
                }
                (Some(method), None) => {
                    if method == "notifications/cancelled" {
                        let id = message["params"]["requestId"].as_u64().unwrap();
                        assert!(self.used.contains(&id), "cancels what it did not ask");
                        self.works.remove(&id);
                    }
                }
                (None, _) => {
                    let id = message["id"].to_string();
                    assert!(self.asks.remove(&id), "answers what was not asked: {message}");
                }
            }
        }
    }

    /// The server answers one of the requests it has.
    fn work(&mut self, id: u64, how: u8) {
        let Some((method, about)) = self.works.remove(&id) else { return };
        let capabilities = json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}, "logging": {}});
        let result = match (method.as_str(), how) {
            ("initialize", _) => {
                json!({"protocolVersion": "2025-11-25", "capabilities": capabilities})
            }
            ("server/discover", _) => {
                json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities})
            }
            ("subscriptions/listen", 0) => {
                // A subscription is not answered while it lasts.
                self.works.insert(id, (method, about));
                let tag = json!({"io.modelcontextprotocol/subscriptionId": id});
                let line = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {"_meta": tag, "notifications": {"resourceSubscriptions": ["a:b"]}}});
                return self.server(line.to_string());
            }
            (_, 1) => {
                let line =
                    json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32002, "message": "no"}});
                return self.server(line.to_string());
            }
            ("tools/call", 2) if !self.modern => {
                json!({"resultType": "input_required", "requestState": "s", "inputRequests": {"q": {"method": "roots/list"}, "r": {"method": "elicitation/create", "params": {}}}})
            }
            ("tools/call", 3) if !self.modern => {
                json!({"resultType": "input_required", "requestState": "s"})
            }
            ("tools/call", 3) => {
                let visits =
                    json!([{"mode": "url", "url": "https://e.test", "elicitationId": "i"}]);
                let line = json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32042, "message": "go", "data": {"elicitations": visits}}});
                return self.server(line.to_string());
            }
            ("tools/call", _) => json!({"content": [about]}),
            ("tools/list", _) => json!({"tools": []}),
            _ => json!({}),
        };
        self.server(json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string());
    }

    /// The legacy server asks something.
    fn ask(&mut self, n: u8) {
        let methods =
            ["roots/list", "elicitation/create", "sampling/createMessage", "ping", "other"];
        let id = format!("\"q{}\"", self.written.len());
        if self.modern {
            self.asks.insert(id.clone());
        }
        let method = methods[usize::from(n) % methods.len()];
        self.server(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{}}}}"#));
    }

    /// The client gives the input that is needed.
    fn give(&mut self, n: u8) {
        if self.modern {
            if self.held.is_empty() {
                return;
            }
            let at = usize::from(n) % self.held.len();
            // Some are given back twice.
            let (about, needed) =
                if n.is_multiple_of(5) { self.held[at].clone() } else { self.held.remove(at) };
            let mut given = json!({});
            for key in needed["inputRequests"].as_object().unwrap().keys() {
                if !n.is_multiple_of(7) {
                    given[key] = json!({"action": "accept"});
                }
            }
            let params = json!({"name": about, "inputResponses": given, "requestState": needed["requestState"]});
            self.request("tools/call", params);
        } else if let Some(id) = nth(&self.asked, n) {
            self.asked.remove(&id);
            let outcome = if n.is_multiple_of(5) {
                r#""error":{"code":-1,"message":"no"}"#
            } else {
                r#""result":{"roots":[]}"#
            };
            self.client(&format!(r#"{{"jsonrpc":"2.0","id":{id},{outcome}}}"#));
        }
    }

    fn step(&mut self, (what, n, text): (u8, u8, String)) {
        let name = format!("t{}", self.last);
        match what {
            0 | 1 => self.request("tools/call", json!({"name": name})),
            2 => match (n % 4, self.modern) {
                (0, _) => self.request("tools/list", json!({})),
                (1, true) => self.request("server/discover", json!({})),
                (1, false) => self.request("logging/setLevel", json!({"level": "info"})),
                (_, true) => self.request("subscriptions/listen", json!({"notifications": {"toolsListChanged": true, "resourceSubscriptions": ["a:b"]}})),
                (2, false) => self.request("resources/subscribe", json!({"uri": "a:b"})),
                (_, false) => self.request("resources/unsubscribe", json!({"uri": "a:b"})),
            },
            3 => {
                // What is not yet passed on cannot be taken back for certain.
                let ready = !self.works.values().any(|(method, _)| matches!(method.as_str(), "initialize" | "server/discover"));
                if let Some(id) = nth(&self.open, n).filter(|_| ready && !self.used.is_empty()) {
                    self.open.remove(&id);
                    self.client(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#));
                }
            }
            4 | 5 => {
                if let Some(id) = nth(&self.works, n) {
                    self.work(id, n % 4);
                }
            }
            6 => self.ask(n),
            7 | 8 => self.give(n),
            9 => {
                self.now += Duration::from_secs(u64::from(n) * 4);
                let effects = self.bridge.wake(self.now);
                self.see(effects);
            }
            10 if !self.written.is_empty() => {
                // The server says again what it said before: a question would be another question, and an answer to
                // what is open an answer.
                let line = self.written[usize::from(n) % self.written.len()].clone();
                let message: Value = serde_json::from_str(&line).unwrap_or_default();
                let open = message["id"].as_u64().is_some_and(|id| self.works.contains_key(&id));
                if !open && (message.get("method").is_none() || message.get("id").is_none()) {
                    self.server(line);
                }
            }
            11 => self.server(format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{n},"progress":1}}}}"#)),
            12 => {
                let line = json!({"jsonrpc": "2.0", "id": n, "result": {"content": ["made up"]}});
                if !self.works.contains_key(&u64::from(n)) {
                    self.server(line.to_string());
                }
            }
            13 => self.client("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"),
            14 => {
                let effects = self.bridge.client(text.as_bytes(), self.now);
                drop(effects);
            }
            _ => self.server(text),
        }
    }

    /// Both sides do what is left to do.
    fn end(&mut self) {
        for _ in 0..400 {
            let works: Vec<u64> = self
                .works
                .iter()
                .filter(|(_, (method, _))| method != "subscriptions/listen")
                .map(|(id, _)| *id)
                .collect();
            works.into_iter().for_each(|id| self.work(id, 0));
            let listens: Vec<u64> = self.works.keys().copied().collect();
            listens.into_iter().for_each(|id| self.work(id, 0));
            if let Some(id) = nth(&self.asked, 0) {
                self.asked.remove(&id);
                self.client(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"roots":[]}}}}"#));
            }
            if !self.held.is_empty() {
                self.give(1);
            }
            self.now += Duration::from_secs(61);
            let effects = self.bridge.wake(self.now);
            self.see(effects);
        }
        self.open.retain(|_, about| about != "subscriptions/listen");
        assert!(self.open.is_empty(), "never answered: {:?}", self.open);
        assert!(self.asks.is_empty(), "the server waits for ever: {:?}", self.asks);
    }
}

fn offers() -> Value {
    json!({"roots": {}, "sampling": {}, "elicitation": {"form": {}, "url": {}}})
}

fn checked(line: &[u8]) -> Value {
    assert!(!line.contains(&b'\n'));
    Message::parse(line, &Limits::SERVER).unwrap();
    serde_json::from_slice(line).unwrap()
}

fn nth<T>(map: &BTreeMap<u64, T>, n: u8) -> Option<u64> {
    map.keys().nth(usize::from(n).checked_rem(map.len())?).copied()
}

/// Pieces of messages, put together at random.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "1",
        "\"",
        "\"jsonrpc\":\"2.0\"",
        "\"result\":",
        "\"error\":",
        "\"params\":",
        "\"_meta\":",
        "\"method\":\"roots/list\"",
        "\u{feff}",
        "\\u0000",
    ]);
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_answers_are_not_mixed(
        modern: bool,
        steps in prop::collection::vec((0_u8..16, any::<u8>(), text()), 0..120),
    ) {
        let mut world = World::new(modern);
        steps.into_iter().for_each(|step| world.step(step));
        world.end();
    }
}
