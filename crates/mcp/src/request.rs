//! Requests, and what they want to use.

use std::borrow::Cow;

use crate::json::{self, Kind, Raw, Scanner};
use crate::list::ListKind;
use crate::method::Family;
use crate::refused::{Reason, Refused};
use crate::subject::{self, Sort};
use crate::{Id, Method, Params};

/// The most resources, and the most tasks, that one `subscriptions/listen` may name.
pub const LISTEN_URIS: usize = 1_000;

/// A request, from either side.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Its id.
    pub id: Id<'a>,
    /// Its method.
    pub method: Method<'a>,
    /// Its parameters.
    pub params: Params<'a>,
}

/// What a request wants to use. Names and URIs are those that the server will read.
#[derive(Debug, Clone)]
pub enum Ask<'a> {
    /// A session (legacy era).
    Initialize,
    /// What the server can do (modern era).
    Discover,
    /// A list, whose answer is filtered.
    List(ListKind),
    /// A tool.
    Tool(ToolCall<'a>),
    /// A prompt.
    Prompt(PromptGet<'a>),
    /// A resource.
    Resource(ResourceUse<'a>),
    /// Completion of an argument of a prompt or resource template.
    Complete(Reference<'a>),
    /// Change notifications.
    Listen(Listen<'a>),
    /// A task: a call of a tool that is still carried out, or its result.
    Task(Cow<'a, str>),
    /// Something with tools, prompts or resources that is not known here.
    Unknown(Family),
    /// Nothing that roles speak of.
    Ungoverned,
}

/// `tools/call`
#[derive(Debug, Clone)]
pub struct ToolCall<'a> {
    /// The tool.
    pub name: Cow<'a, str>,
    /// What it is called with, as it was sent.
    pub arguments: Option<Raw<'a>>,
}

/// `prompts/get`
#[derive(Debug, Clone)]
pub struct PromptGet<'a> {
    /// The prompt.
    pub name: Cow<'a, str>,
    /// What fills it, as it was sent.
    pub arguments: Option<Raw<'a>>,
}

/// `resources/read`, `resources/subscribe`, `resources/unsubscribe`
#[derive(Debug, Clone)]
pub struct ResourceUse<'a> {
    /// What is done with it.
    pub verb: ResourceVerb,
    /// The resource.
    pub uri: Cow<'a, str>,
}

/// What is done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceVerb {
    /// Its contents are read.
    Read,
    /// Its changes are followed.
    Subscribe,
    /// They are no longer followed.
    Unsubscribe,
}

/// The `ref` of `completion/complete`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A prompt, by name.
    Prompt(Cow<'a, str>),
    /// A resource or resource template, by URI or URI template.
    Resource(Cow<'a, str>),
}

/// `subscriptions/listen`
#[derive(Debug, Clone)]
pub struct Listen<'a> {
    /// The resources whose changes are asked for.
    pub resources: Vec<Cow<'a, str>>,
    /// The tasks whose progress and results are asked for.
    pub tasks: Vec<Cow<'a, str>>,
}

// === impl Request ===

impl<'a> Request<'a> {
    /// What the request wants to use.
    pub fn ask(&self) -> Result<Ask<'a>, Refused> {
        self.read().map_err(|reason| reason.under(&self.id))
    }

    fn read(&self) -> Result<Ask<'a>, Reason> {
        let params = &self.params;
        if let Method::Other(_) = self.method {
            return Ok(self.method.family().map_or(Ask::Ungoverned, Ask::Unknown));
        }
        params.sound()?;
        Ok(match self.method {
            Method::Initialize => Ask::Initialize,
            Method::Discover => Ask::Discover,
            Method::ToolsList => Ask::List(ListKind::Tools),
            Method::PromptsList => Ask::List(ListKind::Prompts),
            Method::ResourcesList => Ask::List(ListKind::Resources),
            Method::ResourceTemplatesList => Ask::List(ListKind::ResourceTemplates),
            Method::ToolsCall => Ask::Tool(ToolCall::read(params)?),
            Method::PromptsGet => Ask::Prompt(PromptGet::read(params)?),
            Method::ResourcesRead => Ask::Resource(ResourceUse::read(params, ResourceVerb::Read)?),
            Method::ResourcesSubscribe => {
                Ask::Resource(ResourceUse::read(params, ResourceVerb::Subscribe)?)
            }
            Method::ResourcesUnsubscribe => {
                Ask::Resource(ResourceUse::read(params, ResourceVerb::Unsubscribe)?)
            }
            Method::Complete => Ask::Complete(Reference::read(params)?),
            Method::Listen => Ask::Listen(Listen::read(params)?),
            Method::TasksGet | Method::TasksResult | Method::TasksUpdate | Method::TasksCancel => {
                Ask::Task(task(params)?)
            }
            Method::TasksList => Ask::List(ListKind::Tasks),
            Method::Other(_) => Ask::Ungoverned,
        })
    }
}

// === impl ToolCall ===

impl<'a> ToolCall<'a> {
    /// Reads the params of `tools/call`.
    pub fn read(params: &Params<'a>) -> Result<Self, Reason> {
        params.sound()?;
        let name = subject::read(params.name(), "name", Sort::Name)?;
        Ok(Self { name, arguments: params.arguments() })
    }
}

// === impl PromptGet ===

impl<'a> PromptGet<'a> {
    /// Reads the params of `prompts/get`.
    pub fn read(params: &Params<'a>) -> Result<Self, Reason> {
        params.sound()?;
        let name = subject::read(params.name(), "name", Sort::Name)?;
        Ok(Self { name, arguments: params.arguments() })
    }
}

// === impl ResourceUse ===

impl<'a> ResourceUse<'a> {
    /// Reads the params of a request that names a resource.
    pub fn read(params: &Params<'a>, verb: ResourceVerb) -> Result<Self, Reason> {
        Ok(Self { verb, uri: uri(params)? })
    }
}

// === impl Reference ===

impl<'a> Reference<'a> {
    /// Reads the params of `completion/complete`. A reference that could be to either sort is refused.
    pub fn read(params: &Params<'a>) -> Result<Self, Reason> {
        params.sound()?;
        let fault = Reason::Member {
            key: "ref",
            expected: "an object with \"type\" \"ref/prompt\" and \"name\", or \"ref/resource\" and \"uri\"",
        };
        let Some(raw) = params.reference().filter(|raw| raw.kind() == Kind::Object) else {
            return Err(fault);
        };
        let [sort, name, uri] = json::members(raw, &["type", "name", "uri"])?;
        match (sort.and_then(Raw::string).as_deref(), name, uri) {
            (Some("ref/prompt"), Some(_), None) => {
                Ok(Self::Prompt(subject::read(name, "name", Sort::Name)?))
            }
            (Some("ref/resource"), None, Some(_)) => {
                Ok(Self::Resource(subject::read(uri, "uri", Sort::Uri)?))
            }
            _ => Err(fault),
        }
    }
}

// === impl Listen ===

impl<'a> Listen<'a> {
    /// Reads the params of `subscriptions/listen`, or of the notification that acknowledges it.
    pub fn read(params: &Params<'a>) -> Result<Self, Reason> {
        params.sound()?;
        let fault = || Reason::Member {
            key: "notifications",
            expected: "an object whose \"resourceSubscriptions\" and \"taskIds\" list at most 1000 each",
        };
        let filter =
            params.notifications().filter(|raw| raw.kind() == Kind::Object).ok_or_else(fault)?;
        let [uris, tasks] = json::members(filter, &["resourceSubscriptions", "taskIds"])?;
        let list = |raw: Option<Raw<'a>>, key, sort| -> Result<Vec<Cow<'a, str>>, Reason> {
            let mut found = Vec::new();
            let Some(raw) = raw.filter(|raw| !raw.is_null()) else { return Ok(found) };
            if raw.kind() != Kind::Array {
                return Err(fault());
            }
            Scanner::again(raw).array(|scanner| {
                scanner.space();
                let one = subject::read(Some(scanner.value()?), key, sort)?;
                if found.len() >= LISTEN_URIS {
                    return Err(fault());
                }
                found.push(one);
                Ok(())
            })?;
            Ok(found)
        };
        Ok(Self {
            resources: list(uris, "resourceSubscriptions", Sort::Uri)?,
            tasks: list(tasks, "taskIds", Sort::Name)?,
        })
    }
}

/// The task that params name: of a request, or of a notification about it.
pub fn task<'a>(params: &Params<'a>) -> Result<Cow<'a, str>, Reason> {
    params.sound()?;
    subject::read(params.task_id(), "taskId", Sort::Name)
}

/// The resource that params name: of a request, or of `notifications/resources/updated`.
pub fn uri<'a>(params: &Params<'a>) -> Result<Cow<'a, str>, Reason> {
    params.sound()?;
    subject::read(params.uri(), "uri", Sort::Uri)
}

/// The request that `notifications/cancelled` is about.
pub fn cancelled<'a>(params: &Params<'a>) -> Result<Id<'a>, Reason> {
    params.sound()?;
    let fault = Reason::Member { key: "requestId", expected: "the id of a request" };
    Id::read(params.request_id().ok_or(fault)?)
}

#[cfg(test)]
mod tests;
