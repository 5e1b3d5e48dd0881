//! Bridges between the eras: whatever both sides write, what comes out can be read, and nothing is answered
//! that was not asked.
//!
//! An input is lines: `c` from the client, `s` from the server, `t` lets time pass, `r` says that the server has
//! lost its session and did not take this message. `$state` stands for the last `requestState` that was given.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mcp::bridge::{Bridge, Effects, LegacyOverModern, ModernOverLegacy, Seal};
use mcp::{Body, Limits, Message};

/// Hides nothing, and keeps text and subject together.
struct Wax;

impl Seal for Wax {
    fn seal(&self, plain: &[u8], about: &[u8]) -> Option<String> {
        let mut out = String::new();
        for byte in plain.iter().chain(about) {
            write!(out, "{byte:02x}").ok()?;
        }
        Some(out)
    }

    fn open(&self, sealed: &str, about: &[u8]) -> Option<Vec<u8>> {
        let bytes: Option<Vec<u8>> = sealed
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        bytes?.strip_suffix(about).map(<[u8]>::to_vec)
    }
}

pub(crate) fn run(input: &str) {
    over(input, Box::new(LegacyOverModern::new()));
    over(input, Box::new(ModernOverLegacy::new(b"somebody", Arc::new(Wax))));
}

fn over(input: &str, mut bridge: Box<dyn Bridge>) {
    let mut now = Duration::ZERO;
    let mut open = BTreeSet::new();
    let mut used = BTreeSet::new();
    let mut state = String::new();
    for line in input.split('\n') {
        let (who, rest) = line.split_at_checked(1).unwrap_or_default();
        let rest = rest.trim_start_matches('>').trim().replace("$state", &state);
        let effects = match who {
            "c" => {
                if let Some(id) = asked(rest.as_bytes(), &Limits::CLIENT) {
                    open.insert(id);
                }
                bridge.client(rest.as_bytes(), now)
            }
            "s" => bridge.server(rest.as_bytes(), now),
            "t" => {
                now += Duration::from_secs(40);
                assert!(
                    bridge.wake_at().is_none_or(|at| at > Duration::ZERO),
                    "due before it began"
                );
                bridge.wake(now)
            }
            "r" => bridge.reopen(vec![rest.as_bytes().to_vec()], now).unwrap_or_default(),
            _ => continue,
        };
        check(&effects, &open, &mut used);
        for line in &effects.to_client {
            let line = String::from_utf8_lossy(line);
            let given =
                line.split_once("\"requestState\":\"").and_then(|(_, rest)| rest.split_once('"'));
            if let Some((given, _)) = given {
                given.clone_into(&mut state);
            }
        }
    }
}

fn check(effects: &Effects, open: &BTreeSet<String>, used: &mut BTreeSet<String>) {
    for line in &effects.to_client {
        // A request that could not be read is answered too, when its id is clear.
        if let Some(id) = answered(line) {
            let refused = String::from_utf8_lossy(line).contains("message not forwarded");
            assert!(open.contains(&id) || refused, "answers what was not asked: {id}");
        }
    }
    for line in &effects.to_server {
        if let Some(id) = asked(line, &Limits::SERVER)
            && !used.insert(id.clone())
        {
            // Only what a server lost is sent again, as it was.
            assert!(id.parse::<u64>().is_ok(), "an id that is not ours: {id}");
        }
        assert!(!line.contains(&b'\n'), "two lines");
    }
}

/// The id of a request.
fn asked(line: &[u8], limits: &Limits) -> Option<String> {
    match Message::parse(line, limits).ok()?.body {
        Body::Request(request) => Some(request.id.to_string()),
        Body::Notification(_) | Body::Response(_) => None,
    }
}

/// The id of an answer. What a bridge writes can be read.
fn answered(line: &[u8]) -> Option<String> {
    let message = Message::parse(line, &Limits::SERVER);
    assert!(message.is_ok(), "not a message: {:?}", String::from_utf8_lossy(line));
    match message.ok()?.body {
        Body::Response(response) => response.id.map(|id| id.to_string()),
        Body::Request(_) | Body::Notification(_) => None,
    }
}
