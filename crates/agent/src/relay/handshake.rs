//! What the handshake tells of both sides.

use std::borrow::Cow;

use mcp::{Raw, Request, Revision};
use serde::Deserialize;

use crate::record::Handshake;

#[derive(Deserialize)]
struct Implementation<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Initialized<'a> {
    #[serde(borrow, default, rename = "protocolVersion")]
    revision: Cow<'a, str>,
    #[serde(borrow, default, rename = "serverInfo")]
    server: Option<Implementation<'a>>,
}

// === impl Handshake ===

impl Handshake {
    /// Learns from `initialize`.
    pub(super) fn client_said(&mut self, request: &Request<'_>) {
        let read = |raw: Raw<'_>| Some(describe(&serde_json::from_str(raw.as_str()).ok()?));
        self.client = request.params.client_info().and_then(read);
    }

    /// Learns from its result; says whether messages may come in batches.
    pub(super) fn server_said(&mut self, result: Raw<'_>) -> bool {
        let Ok(said) = serde_json::from_str::<Initialized<'_>>(result.as_str()) else {
            return false;
        };
        self.server = said.server.as_ref().map(describe);
        self.revision = Some(said.revision.clone().into_owned());
        Revision::parse(&said.revision).is_some_and(Revision::has_batches)
    }
}

fn describe(info: &Implementation<'_>) -> String {
    format!("{}/{}", info.name, info.version)
}
