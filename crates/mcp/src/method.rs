//! Methods, and which of them are governed.

use std::borrow::Cow;
use std::fmt;

use crate::json::Raw;
use crate::keys::same_skeleton;
use crate::list::ListKind;
use crate::refused::Reason;

/// The longest method name that is accepted.
pub const METHOD_BYTES: usize = 256;

/// A method. Every variant but `Other` is governed: its request says what it wants to use, or its answer is
/// filtered, or it starts a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method<'a> {
    /// `initialize`
    Initialize,
    /// `server/discover`
    Discover,
    /// `tools/list`
    ToolsList,
    /// `tools/call`
    ToolsCall,
    /// `prompts/list`
    PromptsList,
    /// `prompts/get`
    PromptsGet,
    /// `resources/list`
    ResourcesList,
    /// `resources/templates/list`
    ResourceTemplatesList,
    /// `resources/read`
    ResourcesRead,
    /// `resources/subscribe`
    ResourcesSubscribe,
    /// `resources/unsubscribe`
    ResourcesUnsubscribe,
    /// `completion/complete`
    Complete,
    /// `subscriptions/listen`
    Listen,
    /// `tasks/get`
    TasksGet,
    /// `tasks/result` (2025-11-25)
    TasksResult,
    /// `tasks/update` (the modern era's extension)
    TasksUpdate,
    /// `tasks/cancel`
    TasksCancel,
    /// `tasks/list` (2025-11-25)
    TasksList,
    /// Any other.
    Other(Cow<'a, str>),
}

/// Methods that are not governed and that Tessera knows by name.
pub mod name {
    /// A request either side may send in the legacy era.
    pub const PING: &str = "ping";
    /// Legacy.
    pub const SET_LEVEL: &str = "logging/setLevel";
    /// From the server in the legacy era.
    pub const CREATE_MESSAGE: &str = "sampling/createMessage";
    /// From the server in the legacy era.
    pub const LIST_ROOTS: &str = "roots/list";
    /// From the server in the legacy era.
    pub const ELICIT: &str = "elicitation/create";
    /// Notification.
    pub const INITIALIZED: &str = "notifications/initialized";
    /// Notification.
    pub const CANCELLED: &str = "notifications/cancelled";
    /// Notification.
    pub const PROGRESS: &str = "notifications/progress";
    /// Notification.
    pub const MESSAGE: &str = "notifications/message";
    /// Notification.
    pub const TOOLS_CHANGED: &str = "notifications/tools/list_changed";
    /// Notification.
    pub const PROMPTS_CHANGED: &str = "notifications/prompts/list_changed";
    /// Notification.
    pub const RESOURCES_CHANGED: &str = "notifications/resources/list_changed";
    /// Notification that names a resource.
    pub const RESOURCE_UPDATED: &str = "notifications/resources/updated";
    /// Notification.
    pub const ROOTS_CHANGED: &str = "notifications/roots/list_changed";
    /// Notification that names a task; 2025-11-25.
    pub const TASK_STATUS: &str = "notifications/tasks/status";
    /// Notification that names a task, and may hold its result; modern era.
    pub const TASK: &str = "notifications/tasks";
    /// Notification that names resources and tasks; modern era.
    pub const SUBSCRIPTIONS_ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
}

/// What a request asked for, as far as its answer is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A list, which is filtered.
    List(ListKind),
    /// The contents of a resource, which are for this identity only.
    Read,
    /// What the server can do, in the modern era.
    Discover,
    /// A session.
    Initialize,
    /// Anything else.
    Other,
}

/// What a method that nobody here knows is about, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `tools/…`
    Tools,
    /// `prompts/…`
    Prompts,
    /// `resources/…`
    Resources,
    /// `completion/…`: of prompts and of resources.
    Completion,
    /// `tasks/…`: calls of tools that are still carried out.
    Tasks,
}

const GOVERNED: [Method<'static>; 18] = [
    Method::Initialize,
    Method::Discover,
    Method::ToolsList,
    Method::ToolsCall,
    Method::PromptsList,
    Method::PromptsGet,
    Method::ResourcesList,
    Method::ResourceTemplatesList,
    Method::ResourcesRead,
    Method::ResourcesSubscribe,
    Method::ResourcesUnsubscribe,
    Method::Complete,
    Method::Listen,
    Method::TasksGet,
    Method::TasksResult,
    Method::TasksUpdate,
    Method::TasksCancel,
    Method::TasksList,
];

// === impl Method ===

impl<'a> Method<'a> {
    /// Reads a method. Governed ones are matched exactly, after unescaping; what a lenient server could take
    /// for one of them is refused.
    pub fn read(raw: Raw<'a>) -> Result<Self, Reason> {
        let text = raw.string().ok_or(Reason::Method)?;
        Self::exact(&text).map_or_else(|| Self::other(text), Ok)
    }

    /// The governed method of exactly this name.
    pub fn exact(name: &str) -> Option<Method<'static>> {
        Some(match name {
            "initialize" => Method::Initialize,
            "server/discover" => Method::Discover,
            "tools/list" => Method::ToolsList,
            "tools/call" => Method::ToolsCall,
            "prompts/list" => Method::PromptsList,
            "prompts/get" => Method::PromptsGet,
            "resources/list" => Method::ResourcesList,
            "resources/templates/list" => Method::ResourceTemplatesList,
            "resources/read" => Method::ResourcesRead,
            "resources/subscribe" => Method::ResourcesSubscribe,
            "resources/unsubscribe" => Method::ResourcesUnsubscribe,
            "completion/complete" => Method::Complete,
            "subscriptions/listen" => Method::Listen,
            "tasks/get" => Method::TasksGet,
            "tasks/result" => Method::TasksResult,
            "tasks/update" => Method::TasksUpdate,
            "tasks/cancel" => Method::TasksCancel,
            "tasks/list" => Method::TasksList,
            _ => return None,
        })
    }

    fn other(text: Cow<'a, str>) -> Result<Self, Reason> {
        if let Some(method) = GOVERNED
            .iter()
            .find_map(|method| method.governed_name().filter(|name| same_skeleton(&text, name)))
        {
            return Err(Reason::ConfusableMethod { method });
        }
        let plain = !text.is_empty()
            && text.len() <= METHOD_BYTES
            && text.trim() == text
            && !text.chars().any(char::is_control);
        if plain { Ok(Self::Other(text)) } else { Err(Reason::Method) }
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name,
            governed => governed.governed_name().unwrap_or_default(),
        }
    }

    /// The name when the method is governed.
    pub const fn governed_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Initialize => "initialize",
            Self::Discover => "server/discover",
            Self::ToolsList => "tools/list",
            Self::ToolsCall => "tools/call",
            Self::PromptsList => "prompts/list",
            Self::PromptsGet => "prompts/get",
            Self::ResourcesList => "resources/list",
            Self::ResourceTemplatesList => "resources/templates/list",
            Self::ResourcesRead => "resources/read",
            Self::ResourcesSubscribe => "resources/subscribe",
            Self::ResourcesUnsubscribe => "resources/unsubscribe",
            Self::Complete => "completion/complete",
            Self::Listen => "subscriptions/listen",
            Self::TasksGet => "tasks/get",
            Self::TasksResult => "tasks/result",
            Self::TasksUpdate => "tasks/update",
            Self::TasksCancel => "tasks/cancel",
            Self::TasksList => "tasks/list",
            Self::Other(_) => return None,
        })
    }

    /// What a method is about that is not governed: what it does with tools, prompts or resources nobody here
    /// knows. The first part of its name is read as loosely as a server might read it.
    pub fn family(&self) -> Option<Family> {
        let Self::Other(name) = self else { return None };
        let head = name.split(['/', '.', ':']).next().unwrap_or_default();
        [
            ("tools", Family::Tools),
            ("prompts", Family::Prompts),
            ("resources", Family::Resources),
            ("completion", Family::Completion),
            ("tasks", Family::Tasks),
        ]
        .into_iter()
        .find_map(|(word, family)| same_skeleton(head, word).then_some(family))
    }

    /// What the answer to such a request is.
    pub const fn asked(&self) -> Asked {
        match self {
            Self::ToolsList => Asked::List(ListKind::Tools),
            Self::PromptsList => Asked::List(ListKind::Prompts),
            Self::ResourcesList => Asked::List(ListKind::Resources),
            Self::ResourceTemplatesList => Asked::List(ListKind::ResourceTemplates),
            Self::TasksList => Asked::List(ListKind::Tasks),
            Self::ResourcesRead => Asked::Read,
            Self::Discover => Asked::Discover,
            Self::Initialize => Asked::Initialize,
            _ => Asked::Other,
        }
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
