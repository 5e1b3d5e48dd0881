//! `initialize`, answered from what the server says to `server/discover`.

use std::time::Duration;

use super::{LegacyOverModern, Phase, Purpose};
use crate::bridge::capabilities::{Offers, Told};
use crate::bridge::splice::{self, Change};
use crate::bridge::{Effects, GREETING, INTRODUCTION_BYTES, write};
use crate::error::code;
use crate::json::{Kind, Raw};
use crate::message::Outcome;
use crate::meta;
use crate::{Era, Id, Method, Params, Reason, Request, Revision};

/// Who the client is. Values are JSON, as it sent them.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) agreed: Revision,
    info: Option<String>,
    capabilities: String,
    pub(super) offers: Offers,
}

/// An `initialize` that waits for the server.
#[derive(Debug)]
pub(super) struct Greeting {
    id: Id<'static>,
    /// When it has waited long enough.
    pub(super) until: Duration,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            agreed: Revision::LATEST_LEGACY,
            info: None,
            capabilities: "{}".to_owned(),
            offers: Offers::default(),
        }
    }
}

impl LegacyOverModern {
    pub(super) fn greet(&mut self, request: &Request<'_>, now: Duration, out: &mut Effects) {
        let params = &request.params;
        if let Err(reason) = params.sound() {
            return out.client(write::refusal(&request.id, reason.code(), &reason.to_string()));
        }
        let asked = params.protocol_version().and_then(Raw::string);
        let object = |raw: Option<Raw<'_>>| {
            raw.filter(|raw| raw.kind() == Kind::Object).map(|raw| raw.as_str().to_owned())
        };
        let capabilities = object(params.capabilities()).unwrap_or_else(|| "{}".to_owned());
        let info = object(params.client_info());
        if capabilities.len() + info.as_ref().map_or(0, String::len) > INTRODUCTION_BYTES {
            let words = format!(
                "\"capabilities\" and \"clientInfo\" are longer than {INTRODUCTION_BYTES} bytes"
            );
            return out.client(write::refusal(&request.id, code::INVALID_PARAMS, &words));
        }
        self.client = Client {
            agreed: asked
                .and_then(|asked| Revision::parse(&asked))
                .filter(|revision| revision.era() == Era::Legacy)
                .unwrap_or(Revision::LATEST_LEGACY),
            info,
            offers: Offers::read(Raw::checked(&capabilities)),
            capabilities,
        };
        // What the client may write in `_meta` here is about `initialize`.
        let Ok(params) = self.enrich(&Params::default()) else { return };
        let id = self.next();
        self.open.insert(id, Purpose::Discover);
        out.server(write::request(id, Method::Discover.as_str(), Some(&params)));
        let greeting = Greeting { id: request.id.to_static(), until: now + GREETING };
        self.phase = Phase::Greeting(greeting);
    }

    pub(super) fn discovered(&mut self, outcome: &Outcome<'_>, now: Duration, out: &mut Effects) {
        let Phase::Greeting(greeting) = &self.phase else { return };
        let result = match outcome {
            Outcome::Result(answer) => answer.raw(),
            Outcome::Error(error) => {
                let words = write::words(*error);
                let words = format!("the MCP server does not say what it can do: {words}");
                return self.greeting_failed(&words, out);
            }
        };
        let versions = splice::get(result, "supportedVersions");
        if !versions.is_some_and(is_spoken) {
            let words = format!("the MCP server does not speak revision {}", Revision::LATEST);
            return self.greeting_failed(&words, out);
        }
        let capabilities = splice::object(result, "capabilities").map_or("{}", Raw::as_str);
        let about = splice::object(result, "_meta");
        let server = about.and_then(|about| splice::object(about, meta::SERVER_INFO));
        let server = server.map_or(r#"{"name":"unnamed","version":"unknown"}"#, Raw::as_str);
        let instructions =
            splice::get(result, "instructions").filter(|raw| raw.kind() == Kind::String);
        let answer = splice::edit(
            None,
            &[
                Change::Set("protocolVersion", write::text(self.client.agreed.as_str()).into()),
                Change::Set("capabilities", capabilities.into()),
                Change::Set("serverInfo", server.into()),
                Change::to("instructions", instructions.map(Raw::as_str)),
            ],
        );
        let Ok(answer) = answer else { return };
        out.client(write::result(&greeting.id, &answer));
        self.told = Told::read(Raw::checked(capabilities));
        self.phase = Phase::Ready;
        for line in self.waiting.take() {
            self.client_line(&line, now, out);
        }
    }

    /// The client may try again. What it sent meanwhile is answered as before a first `initialize`.
    pub(super) fn greeting_failed(&mut self, words: &str, out: &mut Effects) {
        let Phase::Greeting(greeting) = std::mem::take(&mut self.phase) else { return };
        out.client(write::refusal(&greeting.id, code::INTERNAL_ERROR, words));
        for line in self.waiting.take() {
            self.client_line(&line, greeting.until, out);
        }
    }

    /// The params of a request as a modern server needs them.
    pub(super) fn enrich(&self, params: &Params<'_>) -> Result<String, Reason> {
        let client = &self.client;
        let meta = params.raw().and_then(|raw| splice::get(raw, "_meta"));
        let meta = splice::edit(
            meta,
            &[
                Change::Set(meta::PROTOCOL_VERSION, write::text(Revision::LATEST.as_str()).into()),
                Change::to(meta::CLIENT_INFO, client.info.as_deref()),
                Change::Set(meta::CLIENT_CAPABILITIES, client.capabilities.as_str().into()),
                Change::to(meta::LOG_LEVEL, self.level.map(crate::bridge::level::Level::to_json)),
            ],
        )
        .map_err(|_shape| Reason::Member { key: "_meta", expected: "an object" })?;
        splice::edit(
            params.raw(),
            &[
                Change::Set("_meta", meta.into()),
                // Only we repeat calls with answers; a legacy client has no such members.
                Change::Drop("inputResponses"),
                Change::Drop("requestState"),
            ],
        )
    }
}

/// Whether the revision that we speak to modern servers is in the list.
fn is_spoken(versions: Raw<'_>) -> bool {
    let mut spoken = false;
    let listed = splice::elements(versions, |version| {
        spoken |= version.string().as_deref() == Some(Revision::LATEST.as_str());
        Ok(())
    });
    listed.is_ok() && spoken
}
