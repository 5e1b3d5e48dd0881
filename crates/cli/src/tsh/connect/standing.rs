//! What a client asked for that holds until the session ends: subscriptions and the level of the server's
//! log. A session that begins anew knows nothing of them.

use std::collections::HashMap;

use bytes::Bytes;
use mcp::error;
use mcp::method::name;
use mcp::{Id, Method, Request, request};
use serde_json::json;

/// So many subscriptions are remembered.
const SUBSCRIPTIONS: usize = 1_000;
/// The longest parameters that are.
const PARAMS: usize = 4 << 10;

/// What holds, and what will when it is answered.
#[derive(Debug, Default)]
pub(super) struct Standing {
    level: Option<Box<str>>,
    /// By URI, the parameters of the request.
    subscriptions: HashMap<Box<str>, Box<str>>,
    asked: HashMap<Id<'static>, Change>,
}

/// What an answer brings about.
#[derive(Debug)]
enum Change {
    Level(Box<str>),
    Subscribe(Box<str>, Box<str>),
    Unsubscribe(Box<str>),
}

/// What is said so that everything holds again.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    /// Requests, whole lines. The client does not wait for their answers.
    pub(super) up: Vec<(Id<'static>, Bytes)>,
    /// Notifications for the client: what it follows may have changed while nobody looked.
    pub(super) down: Vec<u8>,
}

// === impl Standing ===

impl Standing {
    /// A request of the client's.
    pub(super) fn asked(&mut self, request: &Request<'_>) {
        let Some(params) = request.params.raw().filter(|raw| raw.as_bytes().len() <= PARAMS) else {
            return;
        };
        let params = || params.as_str().into();
        let uri = || request::uri(&request.params).map(|uri| Box::from(uri.as_ref())).ok();
        let change = match &request.method {
            Method::Initialize => {
                *self = Self::default();
                return;
            }
            Method::ResourcesSubscribe => uri().map(|uri| Change::Subscribe(uri, params())),
            Method::ResourcesUnsubscribe => uri().map(Change::Unsubscribe),
            Method::Other(other) if other.as_ref() == name::SET_LEVEL => {
                Some(Change::Level(params()))
            }
            _ => None,
        };
        if let Some(change) = change
            && self.asked.len() < SUBSCRIPTIONS
        {
            self.asked.insert(request.id.to_static(), change);
        }
    }

    /// The answer to it.
    pub(super) fn answered(&mut self, id: &Id<'_>, has_result: bool) {
        if self.asked.is_empty() {
            return;
        }
        match self.asked.remove(&id.to_static()).filter(|_| has_result) {
            Some(Change::Level(params)) => self.level = Some(params),
            Some(Change::Subscribe(uri, params)) if self.subscriptions.len() < SUBSCRIPTIONS => {
                self.subscriptions.insert(uri, params);
            }
            Some(Change::Unsubscribe(uri)) => _ = self.subscriptions.remove(&uri),
            Some(Change::Subscribe(..)) | None => {}
        }
    }

    /// The connection is lost: what was asked for is asked again or not, by the client's request.
    pub(super) fn lose(&mut self) {
        self.asked.clear();
    }

    /// Everything once more, under ids that nobody uses.
    pub(super) fn renew(&self) -> Renewal {
        let mut renewal = Renewal::default();
        let level = self.level.iter().map(|params| (name::SET_LEVEL, params));
        let uris = self.subscriptions.values().map(|params| ("resources/subscribe", params));
        for (method, params) in level.chain(uris) {
            let id = format!("tsh-{:032x}", rand::random::<u128>());
            let line = format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":\"{id}\",\"method\":\"{method}\",\"params\":{params}}}\n"
            );
            renewal.up.push((Id::String(id.into()), line.into()));
        }
        for uri in self.subscriptions.keys() {
            let told = error::notification(name::RESOURCE_UPDATED, json!({ "uri": uri }));
            renewal.down.extend_from_slice(&told);
            renewal.down.push(b'\n');
        }
        renewal
    }
}

#[cfg(test)]
mod tests;
