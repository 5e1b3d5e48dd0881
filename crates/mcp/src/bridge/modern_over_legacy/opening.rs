//! The session at the server: opened when it is first needed, and once more when the server loses it.

use std::time::Duration;

use super::calls::Asker;
use super::{ModernOverLegacy, Phase, Purpose, Work, ours};
use crate::bridge::capabilities::{Offers, Told};
use crate::bridge::splice::{self, Change};
use crate::bridge::{Effects, GREETING, INTRODUCTION_BYTES, write};
use crate::error::code;
use crate::json::{Kind, Raw};
use crate::limits::Limits;
use crate::message::{Body, Message, Outcome};
use crate::method::name;
use crate::{Era, Id, Method, Revision, meta};

const UNNAMED: &str = r#"{"name":"unnamed","version":"unknown"}"#;

/// Who is on both sides. Values are JSON, as they were sent.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// In whose name the session is opened,
    client: Option<String>,
    /// and what that client can do.
    offers: String,
    capabilities: String,
    pub(super) info: Option<String>,
    instructions: Option<String>,
    pub(super) told: Told,
    /// Whether several messages may come in one array.
    pub(super) batches: bool,
    revision: Option<Revision>,
    /// Whether the client can begin a session of that revision instead.
    pub(super) beside_sessions: bool,
}

/// An `initialize` that the server has not answered.
#[derive(Debug)]
pub(super) struct Opening {
    /// When it has waited long enough.
    pub(super) until: Duration,
}

// === impl Server ===

impl Server {
    pub(super) fn introduce(&mut self, asker: &Asker<'_>) {
        self.client = asker.info.map(|raw| raw.as_str().to_owned());
        self.offers = asker.capabilities.as_str().to_owned();
    }

    /// What the client can be asked.
    pub(super) fn offers(&self) -> Offers {
        Offers::read(Raw::checked(&self.offers))
    }

    /// The result of `server/discover`.
    pub(super) fn described(&self) -> String {
        let capabilities = Raw::checked(&self.capabilities);
        // The tasks of revision 2025-11-25 are not those of the modern era's extension.
        let capabilities = splice::edit(Some(capabilities), &[Change::Drop("tasks")]);
        // Both eras are served here, where a request says of itself which it is of (2026-07-28, Versioning).
        let other = self.revision.filter(|_| self.beside_sessions);
        let versions: Vec<String> =
            [Some(Revision::LATEST), other].iter().flatten().map(|v| format!("\"{v}\"")).collect();
        let changes = [
            Change::Set("resultType", "\"complete\"".into()),
            Change::Set("supportedVersions", format!("[{}]", versions.join(",")).into()),
            Change::Set("capabilities", capabilities.unwrap_or_else(|_| "{}".to_owned()).into()),
            Change::to("instructions", self.instructions.as_deref()),
            Change::Set("ttlMs", "0".into()),
            Change::Set("cacheScope", "\"private\"".into()),
            Change::to("_meta", self.meta(None)),
        ];
        splice::edit(None, &changes).unwrap_or_else(|_| "{}".to_owned())
    }

    /// `_meta` with who the server is.
    pub(super) fn meta(&self, meta: Option<Raw<'_>>) -> Option<String> {
        let meta = meta.filter(|raw| raw.kind() == Kind::Object);
        match &self.info {
            Some(info) => {
                let about = [Change::Add(meta::SERVER_INFO, info.as_str().into())];
                splice::edit(meta, &about).ok()
            }
            None => meta.map(|raw| raw.as_str().to_owned()),
        }
    }
}

// === impl ModernOverLegacy ===

impl ModernOverLegacy {
    pub(super) fn begin(&mut self, now: Duration, out: &mut Effects) {
        let params = format!(
            "{{\"protocolVersion\":\"{}\",\"capabilities\":{},\"clientInfo\":{}}}",
            Revision::LATEST_LEGACY,
            self.server.offers,
            self.server.client.as_deref().unwrap_or(UNNAMED),
        );
        self.ask(Some(Purpose::Initialize), Method::Initialize.as_str(), &params, out);
        self.phase = Phase::Opening(Opening { until: now + GREETING });
    }

    /// The server has answered `initialize`.
    pub(super) fn opened(&mut self, outcome: &Outcome<'_>, now: Duration, out: &mut Effects) {
        let result = match outcome {
            Outcome::Result(answer) => answer.raw(),
            Outcome::Error(error) => {
                let words = write::words(*error);
                return self.not_opened(&format!("the MCP server opens no session: {words}"), out);
            }
        };
        let version = splice::get(result, "protocolVersion").and_then(Raw::string);
        let revision = version.as_deref().and_then(Revision::parse);
        let Some(revision) = revision.filter(|revision| revision.era() == Era::Legacy) else {
            let words = write::shown(version.as_deref().unwrap_or_default());
            let words = format!("the MCP server speaks revision {words}, which is not known here");
            return self.not_opened(&words, out);
        };
        let object = |name: &str| splice::object(result, name).map(|raw| raw.as_str().to_owned());
        let instructions = splice::get(result, "instructions");
        let instructions = instructions.filter(|raw| raw.kind() == Kind::String);
        // It is told with every answer.
        let info = object("serverInfo").filter(|info| info.len() <= INTRODUCTION_BYTES);
        self.server.info = info;
        self.server.instructions = instructions.map(|raw| raw.as_str().to_owned());
        self.server.capabilities = object("capabilities").unwrap_or_else(|| "{}".to_owned());
        self.server.told = Told::read(Raw::checked(&self.server.capabilities));
        self.server.batches = revision.has_batches();
        self.server.revision = Some(revision);
        self.phase = Phase::Open;
        out.server(write::notification(name::INITIALIZED, None));
        self.watch_again(out);
        for line in std::mem::take(&mut self.unsent) {
            out.server(line);
        }
        for line in self.waiting.take() {
            self.client_line(&line, now, out);
        }
    }

    /// Everything that waits is answered; the next request opens a session again.
    pub(super) fn not_opened(&mut self, words: &str, out: &mut Effects) {
        self.phase = Phase::New;
        self.unsent.clear();
        for line in self.waiting.take() {
            if let Some(id) = id_of(&line) {
                out.client(write::refusal(&id, code::INTERNAL_ERROR, words));
            }
        }
        self.drop_calls(|_| false, words, out);
    }

    /// The server has lost the session: what it worked on is lost with it, but for what it refused.
    pub(super) fn lost(&mut self, unsent: Vec<Vec<u8>>, now: Duration, out: &mut Effects) {
        let sent_again: Vec<u64> =
            unsent.iter().filter_map(|line| id_of(line)).filter_map(|id| ours(&id)).collect();
        // Questions that nobody has answered are as little known to the next session as calls.
        self.by_server.clear();
        self.early.clear();
        self.open.clear();
        self.level = None;
        let words = "the MCP server has lost its session; what was called may have been done, look before you call again";
        self.drop_calls(|number| sent_again.contains(&number), words, out);
        let calls = &self.calls;
        self.unsent = unsent;
        self.unsent.retain(|line| {
            id_of(line).and_then(|id| ours(&id)).is_some_and(|id| calls.contains_key(&id))
        });
        self.begin(now, out);
    }

    /// Answers the calls that are not to be kept with an error.
    fn drop_calls(&mut self, keep: impl Fn(u64) -> bool, words: &str, out: &mut Effects) {
        let gone: Vec<u64> = self.calls.keys().copied().filter(|number| !keep(*number)).collect();
        for number in gone {
            let Some(call) = self.forget(number) else { continue };
            if let Some(client) = call.client {
                out.client(write::refusal(&client, code::INTERNAL_ERROR, words));
            }
        }
    }

    /// Removes a call, and everything that is known by it.
    pub(super) fn forget(&mut self, number: u64) -> Option<super::calls::Call> {
        let call = self.calls.remove(&number)?;
        if let Some(client) = &call.client
            && self.by_client.get(client) == Some(&Work::Call(number))
        {
            self.by_client.remove(client);
        }
        for question in &call.questions {
            self.by_server.remove(&question.id);
        }
        self.kept -= call.kept();
        Some(call)
    }
}

/// The id of a request.
fn id_of(line: &[u8]) -> Option<Id<'static>> {
    match Message::parse(line, &Limits::SERVER).ok()?.body {
        Body::Request(request) => Some(request.id.to_static()),
        Body::Notification(_) | Body::Response(_) => None,
    }
}
