//! Exchanges as text, played against a bridge.
//!
//! A line is one message: `c> …` the client sends, `s> …` the server sends, `>c …` the client gets, `>s …` the
//! server gets, `s7> …` the server sends on the stream of our request 7, `@ 5s` time passes and the bridge is woken if it wants to be. What is got is compared byte for
//! byte and all of it must be expected. `$name` in what is got stands for whatever is there up to the next
//! quote, and for the same again in what is sent later. `# …` is a comment.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Bridge, Effects, Seal};
use crate::Id;

/// A seal that hides nothing, for tests: it shows whether text and subject are kept together.
#[derive(Debug)]
pub(super) struct Wax;

impl Seal for Wax {
    fn seal(&self, plain: &[u8], about: &[u8]) -> Option<String> {
        Some(format!("{}.{}", hex(plain), sum(about)))
    }

    fn open(&self, sealed: &str, about: &[u8]) -> Option<Vec<u8>> {
        let (plain, mark) = sealed.split_once('.')?;
        if mark != sum(about).to_string() {
            return None;
        }
        let digits = plain.as_bytes().chunks(2);
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

/// A bridge, its time, and what it has sent and nobody has looked at.
pub(super) struct Play<B> {
    pub(super) bridge: B,
    pub(super) now: Duration,
    sent: BTreeMap<&'static str, VecDeque<String>>,
    names: BTreeMap<String, String>,
}

impl<B: Bridge> Play<B> {
    pub(super) fn new(bridge: B) -> Self {
        Self { bridge, now: Duration::ZERO, sent: BTreeMap::new(), names: BTreeMap::new() }
    }

    /// Plays a script to its end; nothing may be left that it does not expect.
    pub(super) fn run(&mut self, script: &str) {
        for (at, line) in script.lines().enumerate() {
            let line = line.trim();
            let Some((what, rest)) = line.split_once(' ') else { continue };
            let at = at + 1;
            match what {
                "#" => {}
                "c>" | "s>" | "@" => {
                    self.settled(at);
                    self.act(what, rest);
                }
                ">c" | ">s" => {
                    let got = self.sent.entry(if what == ">c" { ">c" } else { ">s" }).or_default();
                    let Some(got) = got.pop_front() else {
                        panic!("line {at}: nothing more for {what}; expected {rest}")
                    };
                    self.matches(at, rest, &got);
                }
                on if on.starts_with('s') && on.ends_with('>') => {
                    self.settled(at);
                    let stream = on.trim_matches(['s', '>']).parse().unwrap();
                    let effects =
                        self.bridge.server_on(rest.as_bytes(), &Id::Number(stream), self.now);
                    self.note(effects);
                }
                other => panic!("line {at}: what is {other:?}?"),
            }
        }
        self.settled(usize::MAX);
    }

    /// What a name stands for.
    pub(super) fn name(&self, name: &str) -> String {
        self.names.get(name).cloned().unwrap()
    }

    fn act(&mut self, what: &str, rest: &str) {
        let mut text = rest.to_owned();
        for (name, value) in &self.names {
            text = text.replace(name, value);
        }
        let effects = match what {
            "c>" => self.bridge.client(text.as_bytes(), self.now),
            "s>" => self.bridge.server(text.as_bytes(), self.now),
            _ => {
                let seconds: u64 = rest.trim_end_matches('s').parse().unwrap();
                self.now += Duration::from_secs(seconds);
                match self.bridge.wake_at() {
                    Some(at) if at <= self.now => self.bridge.wake(self.now),
                    _ => Effects::default(),
                }
            }
        };
        self.note(effects);
    }

    pub(super) fn note(&mut self, effects: Effects) {
        for (to, lines) in [(">c", effects.to_client), (">s", effects.to_server)] {
            for line in lines {
                let text = String::from_utf8(line).unwrap();
                assert!(!text.contains('\n'), "two lines: {text}");
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
                self.sent.entry(to).or_default().push_back(text);
            }
        }
    }

    fn settled(&mut self, at: usize) {
        for (to, lines) in &self.sent {
            assert!(lines.is_empty(), "before line {at}: {to} {lines:#?} was not expected");
        }
    }

    fn matches(&mut self, at: usize, expected: &str, got: &str) {
        let Some((before, rest)) = expected.split_once('$') else {
            return assert_eq!(got, expected, "line {at}");
        };
        let end = rest.find('"').unwrap();
        let (name, after) = rest.split_at(end);
        let value = got.strip_prefix(before).and_then(|got| got.strip_suffix(after));
        let Some(value) = value else { panic!("line {at}: got {got}, expected {expected}") };
        self.names.insert(format!("${name}"), value.to_owned());
    }
}
