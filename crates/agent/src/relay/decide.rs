//! What may pass: the one decision about what a request wants to use, and what follows from it for lists and
//! notifications.

use std::borrow::Cow;

use mcp::list::ListKind;
use mcp::method::name;
use mcp::request::{self, Listen, Reference};
use mcp::{Ask, Family, Notification, Params, Refused};
use policy::{AppAccess, Denial, Kind, Permit};

use super::tasks::KnownTasks;

/// Why a request is not passed on.
pub(super) enum Stop {
    Refused(Refused),
    Denied(Denial<'static>),
    /// The method is not known here, and its user may not use everything that it could be about.
    Unknown(&'static str),
    /// The task is nobody's that is known here, or another's.
    NoTask,
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// The decision about what a request wants to use.
pub(super) fn decide(
    ask: &Ask<'_>,
    access: &AppAccess,
    tasks: &KnownTasks,
) -> Result<Permit<'static>, Stop> {
    let one = |kind: Kind, name: &str| match access.decide(kind, name).into_result() {
        Ok(permit) => Ok(permit.into_owned()),
        Err(denial) => Err(Stop::Denied(denial.into_owned())),
    };
    // A server may read the resource that the URI resolves to.
    let resource = |uri: &str| {
        if let Cow::Owned(resolved) = mcp::resolved(uri) {
            drop(one(Kind::Resource, &resolved)?);
        }
        one(Kind::Resource, uri)
    };
    let connect = || access.connect().into_result().map_err(Stop::Denied);
    // A task is a call that is still carried out: who may no longer call the tool may not have its result.
    // One that was not made here can only be told to those who may use every tool.
    let task = |id: &str| match tasks.tool_of(id) {
        Some(tool) => one(Kind::Tool, &tool),
        None if may_use_all(access, Kind::Tool) => connect(),
        None => Err(Stop::NoTask),
    };
    match ask {
        Ask::Tool(call) => one(Kind::Tool, &call.name),
        Ask::Prompt(prompt) => one(Kind::Prompt, &prompt.name),
        Ask::Resource(usage) => resource(&usage.uri),
        Ask::Complete(Reference::Prompt(name)) => one(Kind::Prompt, name),
        Ask::Complete(Reference::Resource(uri)) => resource(uri),
        Ask::Task(id) => task(id),
        Ask::Unknown(family) if kinds_of(*family).iter().all(|kind| may_use_all(access, *kind)) => {
            connect()
        }
        Ask::Unknown(_) => Err(Stop::Unknown(
            "method not found: what this method does is not known here, so it is only for those who may use \
             everything of its kind",
        )),
        Ask::Listen(listen) => {
            for uri in &listen.resources {
                drop(resource(uri)?);
            }
            for id in &listen.tasks {
                drop(task(id)?);
            }
            connect()
        }
        // What the answer to a list shows is decided when it comes.
        Ask::List(_) | Ask::Initialize | Ask::Discover | Ask::Ungoverned => connect(),
    }
}

/// Whether a list shows something: exactly when [`decide`] lets it be used.
pub(super) fn visible(access: &AppAccess, kind: Kind, name: &str) -> bool {
    let resolved = match kind {
        Kind::Resource => mcp::resolved(name),
        Kind::Tool | Kind::Prompt => Cow::Borrowed(name),
    };
    access.visible(kind, name)
        && (matches!(resolved, Cow::Borrowed(_)) || access.visible(kind, &resolved))
}

/// Whether a list shows an entry.
pub(super) fn list_shows(
    access: &AppAccess,
    tasks: &KnownTasks,
    list: ListKind,
    name: &str,
) -> bool {
    let kind = match list {
        ListKind::Tools => Kind::Tool,
        ListKind::Prompts => Kind::Prompt,
        ListKind::Resources | ListKind::ResourceTemplates => Kind::Resource,
        ListKind::Tasks => return task_visible(access, tasks, name),
    };
    visible(access, kind, name)
}

/// Whether a task may be told of: exactly when [`decide`] lets it be asked for.
fn task_visible(access: &AppAccess, tasks: &KnownTasks, id: &str) -> bool {
    match tasks.tool_of(id) {
        Some(tool) => visible(access, Kind::Tool, &tool),
        None => may_use_all(access, Kind::Tool),
    }
}

/// Whether nothing of a kind is kept from the user.
fn may_use_all(access: &AppAccess, kind: Kind) -> bool {
    access.patterns(kind).grant_everything()
}

/// What a method that is not known could be about.
const fn kinds_of(family: Family) -> &'static [Kind] {
    match family {
        Family::Tools | Family::Tasks => &[Kind::Tool],
        Family::Prompts => &[Kind::Prompt],
        Family::Resources => &[Kind::Resource],
        Family::Completion => &[Kind::Prompt, Kind::Resource],
    }
}

/// Notifications that name resources or tasks are for those who may use them.
pub(super) fn may_be_told(
    notification: &Notification<'_>,
    access: &AppAccess,
    tasks: &KnownTasks,
) -> bool {
    let visible = |uri: &str| visible(access, Kind::Resource, uri);
    let params: &Params<'_> = &notification.params;
    match notification.method.as_str() {
        name::RESOURCE_UPDATED => request::uri(params).is_ok_and(|uri| visible(&uri)),
        name::SUBSCRIPTIONS_ACKNOWLEDGED => Listen::read(params).is_ok_and(|listen| {
            listen.resources.iter().all(|uri| visible(uri))
                && listen.tasks.iter().all(|id| task_visible(access, tasks, id))
        }),
        name::TASK | name::TASK_STATUS => {
            request::task(params).is_ok_and(|id| task_visible(access, tasks, &id))
        }
        _ => true,
    }
}
