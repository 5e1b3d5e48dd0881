//! The `params` of a request or notification: the members that Tessera reads, found in the one pass.

use crate::json::{Kind, Raw, Scanner, Text};
use crate::keys::confusable;
use crate::meta::Meta;
use crate::refused::Reason;

/// The members of `params` that are read. In a governed request none of them may be repeated, and no key
/// may be confusable with one of them, whichever of them that request uses.
pub const KEYS: [&str; 18] = [
    "name",
    "uri",
    "ref",
    "argument",
    "arguments",
    "_meta",
    "cursor",
    "notifications",
    "inputResponses",
    "requestState",
    "protocolVersion",
    "capabilities",
    "clientInfo",
    "requestId",
    "progressToken",
    "level",
    "task",
    "taskId",
];

/// The `params` of a message.
#[derive(Debug, Clone, Default)]
pub struct Params<'a> {
    raw: Option<Raw<'a>>,
    members: Members<'a>,
    /// The first key that was repeated or confusable.
    fault: Option<Reason>,
}

#[derive(Debug, Clone, Default)]
struct Members<'a> {
    name: Option<Raw<'a>>,
    uri: Option<Raw<'a>>,
    reference: Option<Raw<'a>>,
    argument: Option<Raw<'a>>,
    arguments: Option<Raw<'a>>,
    meta: Option<Raw<'a>>,
    cursor: Option<Raw<'a>>,
    notifications: Option<Raw<'a>>,
    input_responses: Option<Raw<'a>>,
    request_state: Option<Raw<'a>>,
    protocol_version: Option<Raw<'a>>,
    capabilities: Option<Raw<'a>>,
    client_info: Option<Raw<'a>>,
    request_id: Option<Raw<'a>>,
    progress_token: Option<Raw<'a>>,
    level: Option<Raw<'a>>,
    task: Option<Raw<'a>>,
    task_id: Option<Raw<'a>>,
}

// === impl Params ===

impl<'a> Params<'a> {
    /// Reads the value at the scanner.
    pub(crate) fn scan(scanner: &mut Scanner<'a>) -> Result<Self, Reason> {
        let start = scanner.position();
        let mut params = Self::default();
        match scanner.peek() {
            Some(b'{') => scanner.object(|scanner, key| params.member(scanner, key))?,
            // Some clients write an absent value so; every reader takes it for one.
            Some(b'n') => scanner.skip()?,
            Some(_) => {
                scanner.skip()?;
                return Err(Reason::Params);
            }
            None => return Err(scanner.syntax()),
        }
        params.raw = Some(Raw::checked(scanner.since(start)?));
        Ok(params)
    }

    fn member(&mut self, scanner: &mut Scanner<'a>, key: Text<'a>) -> Result<(), Reason> {
        let value = scanner.value()?;
        match key.plain().and_then(|name| self.members.slot(name)) {
            Some((slot @ None, _)) => *slot = Some(value),
            Some((Some(_), name)) => self.note(Reason::RepeatedKey { key: name.to_owned() }),
            None => {
                if let Some(key) = confusable(key, &KEYS) {
                    self.note(Reason::ConfusableKey { key });
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, reason: Reason) {
        self.fault.get_or_insert(reason);
    }

    /// Refuses params whose members could be read in two ways. Called before any member is acted on.
    pub fn sound(&self) -> Result<(), Reason> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// The whole value, as it was sent; nothing when it was absent.
    pub const fn raw(&self) -> Option<Raw<'a>> {
        self.raw
    }

    /// `name`
    pub const fn name(&self) -> Option<Raw<'a>> {
        self.members.name
    }

    /// `uri`
    pub const fn uri(&self) -> Option<Raw<'a>> {
        self.members.uri
    }

    /// `ref`
    pub const fn reference(&self) -> Option<Raw<'a>> {
        self.members.reference
    }

    /// `argument`
    pub const fn argument(&self) -> Option<Raw<'a>> {
        self.members.argument
    }

    /// `arguments`
    pub const fn arguments(&self) -> Option<Raw<'a>> {
        self.members.arguments
    }

    /// `cursor`
    pub const fn cursor(&self) -> Option<Raw<'a>> {
        self.members.cursor
    }

    /// `notifications`
    pub const fn notifications(&self) -> Option<Raw<'a>> {
        self.members.notifications
    }

    /// `inputResponses`
    pub const fn input_responses(&self) -> Option<Raw<'a>> {
        self.members.input_responses
    }

    /// `requestState`
    pub const fn request_state(&self) -> Option<Raw<'a>> {
        self.members.request_state
    }

    /// `protocolVersion`
    pub const fn protocol_version(&self) -> Option<Raw<'a>> {
        self.members.protocol_version
    }

    /// `capabilities`
    pub const fn capabilities(&self) -> Option<Raw<'a>> {
        self.members.capabilities
    }

    /// `clientInfo`
    pub const fn client_info(&self) -> Option<Raw<'a>> {
        self.members.client_info
    }

    /// `requestId`
    pub const fn request_id(&self) -> Option<Raw<'a>> {
        self.members.request_id
    }

    /// `progressToken`
    pub const fn progress_token(&self) -> Option<Raw<'a>> {
        self.members.progress_token
    }

    /// `level`
    pub const fn level(&self) -> Option<Raw<'a>> {
        self.members.level
    }

    /// `task`, by which a legacy client asks for a task
    pub const fn task(&self) -> Option<Raw<'a>> {
        self.members.task
    }

    /// `taskId`
    pub const fn task_id(&self) -> Option<Raw<'a>> {
        self.members.task_id
    }

    /// `_meta`, read.
    pub fn meta(&self) -> Result<Option<Meta<'a>>, Reason> {
        self.sound()?;
        match self.members.meta {
            None => Ok(None),
            Some(raw) if raw.is_null() => Ok(None),
            Some(raw) if raw.kind() == Kind::Object => Meta::read(raw).map(Some),
            Some(_) => Err(Reason::Member { key: "_meta", expected: "an object" }),
        }
    }
}

// === impl Members ===

impl<'a> Members<'a> {
    /// The place for the member of this name.
    fn slot(&mut self, name: &str) -> Option<(&mut Option<Raw<'a>>, &'static str)> {
        Some(match name {
            "name" => (&mut self.name, "name"),
            "uri" => (&mut self.uri, "uri"),
            "ref" => (&mut self.reference, "ref"),
            "argument" => (&mut self.argument, "argument"),
            "arguments" => (&mut self.arguments, "arguments"),
            "_meta" => (&mut self.meta, "_meta"),
            "cursor" => (&mut self.cursor, "cursor"),
            "notifications" => (&mut self.notifications, "notifications"),
            "inputResponses" => (&mut self.input_responses, "inputResponses"),
            "requestState" => (&mut self.request_state, "requestState"),
            "protocolVersion" => (&mut self.protocol_version, "protocolVersion"),
            "capabilities" => (&mut self.capabilities, "capabilities"),
            "clientInfo" => (&mut self.client_info, "clientInfo"),
            "requestId" => (&mut self.request_id, "requestId"),
            "progressToken" => (&mut self.progress_token, "progressToken"),
            "level" => (&mut self.level, "level"),
            "task" => (&mut self.task, "task"),
            "taskId" => (&mut self.task_id, "taskId"),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
