//! The built-in demo server: tools, a prompt and resources that show who asks, through what, and what this is.
//!
//! Protocol only: whoever runs it hands in messages and writes the replies. It speaks every revision, of
//! both eras, and has something of everything that roles can speak of.

mod failure;
mod offer;
mod prompt;
mod resource;
mod tool;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::failure::Failure;
use self::tool::{Called, Caller};
use crate::error;
use crate::limits::Limits;
use crate::message::{Body, Message, Outcome, Response};
use crate::meta;
use crate::method::name;
use crate::request::{Ask, Reference};
use crate::{Era, Id, ListKind, Method, Request, Revision, modern};

pub use self::prompt::BRIEFING;
pub use self::resource::{ABOUT, ROLE, SESSION};
pub use self::tool::{COUNT, DEMO_INFO, GREET, SESSION_INFO, USER_INFO};

/// How the server names itself.
pub const SERVER_NAME: &str = "tessera-demo";

/// The most questions to a client that may be open at once.
pub const QUESTIONS: usize = 16;

const INSTRUCTIONS: &str = "A demo server built into Tessera. Its tools, prompt and resources show the \
     identity and the session that a request arrives with; which of them are visible is decided by roles.";

const ABOUT_TEXT: &str = "This MCP server is built into Tessera and runs inside its app service. \
     Every message to it took the way that messages to any other server take: the caller was identified by \
     a short-lived credential, the caller's roles decided which tools, prompts and resources are listed and \
     which may be used, and each use was recorded. Ask an administrator to deny one of the tools in a role \
     and list the tools again: the change acts at once.";

/// How long a modern client may keep what it read, in milliseconds.
const TTL_MS: u32 = 60_000;

/// What the server shows.
#[derive(Debug, Clone, Copy)]
pub struct DemoContext<'c> {
    /// The name of the user.
    pub user: &'c str,
    /// Person or bot.
    pub user_kind: &'c str,
    /// The roles of the user.
    pub roles: &'c [String],
    /// The cluster.
    pub cluster: &'c str,
    /// The app under which the server is registered.
    pub app_name: &'c str,
    /// What its registration says it is.
    pub description: &'c str,
    /// How the app is reached.
    pub transport: &'c str,
    /// The session.
    pub session: &'c str,
}

/// One conversation with the demo server.
#[derive(Debug, Default)]
pub struct Demo {
    /// What `initialize` agreed on.
    agreed: Option<Revision>,
    /// Whether the client of a session can be asked.
    can_ask: bool,
    /// Questions that the client has not answered, and the calls that wait for the answers.
    questions: BTreeMap<i64, Id<'static>>,
    asked: i64,
}

// === impl Demo ===

impl Demo {
    /// Starts a conversation.
    pub const fn new() -> Self {
        Self { agreed: None, can_ask: false, questions: BTreeMap::new(), asked: 0 }
    }

    /// Takes one message; gives the messages that it leads to, in order, each of one line.
    pub fn handle(&mut self, message: &[u8], context: &DemoContext<'_>) -> Vec<Vec<u8>> {
        let batches = self.agreed.is_some_and(Revision::has_batches);
        let is_batch = message.trim_ascii_start().first() == Some(&b'[');
        if !(batches && is_batch) {
            return match Message::parse(message, &Limits::CLIENT) {
                Ok(message) => self.answer(&message, context),
                Err(refused) => vec![refused.response()],
            };
        }
        let messages = match Message::parse_batch(message, &Limits::CLIENT) {
            Ok(messages) => messages,
            Err(refused) => return vec![refused.response()],
        };
        let replies: Vec<Vec<u8>> =
            messages.iter().flat_map(|message| self.answer(message, context)).collect();
        if replies.is_empty() {
            return replies;
        }
        vec![[b"[".as_slice(), &replies.join(&b','), b"]"].concat()]
    }

    fn answer(&mut self, message: &Message<'_>, context: &DemoContext<'_>) -> Vec<Vec<u8>> {
        match &message.body {
            Body::Request(request) => self.replies(request, context).unwrap_or_else(|failure| {
                let Failure { code, message, data } = failure;
                vec![error::response(Some(&request.id), code, &message, data)]
            }),
            Body::Response(response) => self.told(response).into_iter().collect(),
            Body::Notification(note) => {
                if note.method.as_str() == name::CANCELLED
                    && let Ok(id) = crate::request::cancelled(&note.params)
                {
                    self.questions.retain(|_, call| *call != id);
                }
                Vec::new()
            }
        }
    }

    fn replies(
        &mut self,
        request: &Request<'_>,
        context: &DemoContext<'_>,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let meta = request.params.meta()?.unwrap_or_default();
        let era = match meta.protocol_version {
            Some(_) => {
                modern::check(request)?;
                Era::Modern
            }
            None => Era::Legacy,
        };
        let caller = Caller {
            can_be_asked: match era {
                Era::Modern => {
                    meta.client_capabilities.is_some_and(|can| tool::can_ask(can.as_str()))
                }
                Era::Legacy => self.can_ask && self.questions.len() < QUESTIONS,
            },
            progress_token: meta.progress_token,
        };
        let mut replies = Vec::new();
        let result = match request.ask()? {
            Ask::Tool(call) => match tool::call(&call, request, era, &caller, context)? {
                Called::Done(result) => result,
                Called::Steps(steps, result) => {
                    let notify = |step| error::notification(name::PROGRESS, step);
                    replies.extend(steps.into_iter().map(notify));
                    result
                }
                Called::Asks(question) if era == Era::Legacy => {
                    return Ok(vec![self.ask_client(&request.id, &question)]);
                }
                Called::Asks(question) => tool::input_required(&question),
            },
            Ask::Initialize if era == Era::Legacy => self.initialize(request)?,
            Ask::Discover if era == Era::Modern => discovered(),
            Ask::List(kind) if kind != ListKind::Tasks => json!({kind.member(): offer::list(kind)}),
            Ask::Prompt(prompt) => prompt::get(&prompt, context)?,
            Ask::Resource(used) => resource::read(&used, era, context)?,
            Ask::Complete(Reference::Resource(uri)) if uri == ROLE => {
                resource::complete(request, context)
            }
            Ask::Complete(_) => json!({"completion": {"values": [], "total": 0, "hasMore": false}}),
            Ask::Ungoverned if era == Era::Legacy && request.method.as_str() == name::PING => {
                json!({})
            }
            _ => return Err(Failure::unknown_method(&request.method)),
        };
        let result = match era {
            Era::Modern => stated(&request.method, result),
            Era::Legacy => result,
        };
        replies.push(error::result(&request.id, result));
        Ok(replies)
    }

    fn initialize(&mut self, request: &Request<'_>) -> Result<Value, Failure> {
        request.params.sound()?;
        let asked = request.params.protocol_version().and_then(|version| version.string());
        let agreed = asked
            .and_then(|version| Revision::parse(&version))
            .filter(|revision| revision.era() == Era::Legacy)
            .unwrap_or(Revision::LATEST_LEGACY);
        let can = request.params.capabilities();
        self.agreed = Some(agreed);
        self.can_ask = can.is_some_and(|can| tool::can_ask(can.as_str()));
        self.questions.clear();
        Ok(json!({
            "protocolVersion": agreed.as_str(),
            "capabilities": offer::capabilities(),
            "serverInfo": server_info(),
            "instructions": INSTRUCTIONS,
        }))
    }

    /// Asks the client of a session; the call waits.
    fn ask_client(&mut self, call: &Id<'_>, question: &Value) -> Vec<u8> {
        self.asked += 1;
        self.questions.insert(self.asked, call.to_static());
        let mut message = Map::new();
        message.insert("jsonrpc".to_owned(), "2.0".into());
        message.insert("id".to_owned(), self.asked.into());
        message.insert("method".to_owned(), name::ELICIT.into());
        message.insert("params".to_owned(), question.clone());
        Value::Object(message).to_string().into_bytes()
    }

    /// What the client answered; the call that waited is answered with it.
    fn told(&mut self, response: &Response<'_>) -> Option<Vec<u8>> {
        let Some(Id::Number(question)) = response.id else { return None };
        let call = self.questions.remove(&question)?;
        let told = match &response.outcome {
            Outcome::Result(result) => serde_json::from_str(result.raw().as_str()).ok(),
            Outcome::Error(_) => None,
        };
        Some(error::result(&call, tool::greeting(told.as_ref())))
    }
}

fn discovered() -> Value {
    let versions: Vec<&str> = Revision::ALL.iter().rev().map(|one| one.as_str()).collect();
    json!({
        "supportedVersions": versions,
        "capabilities": offer::capabilities(),
        "instructions": INSTRUCTIONS,
    })
}

/// A result with what every result of the modern era says, and what those say that may be kept.
fn stated(method: &Method<'_>, mut result: Value) -> Value {
    if let Some(members) = result.as_object_mut() {
        if !matches!(method, Method::ToolsCall | Method::PromptsGet | Method::Complete) {
            members.insert("ttlMs".to_owned(), TTL_MS.into());
            members.insert("cacheScope".to_owned(), "private".into());
        }
        members.entry("resultType").or_insert_with(|| "complete".into());
        let about = Map::from_iter([(meta::SERVER_INFO.to_owned(), server_info())]);
        members.insert("_meta".to_owned(), about.into());
    }
    result
}

fn server_info() -> Value {
    json!({"name": SERVER_NAME, "title": "Tessera demo", "version": env!("CARGO_PKG_VERSION")})
}

#[cfg(test)]
mod tests;
