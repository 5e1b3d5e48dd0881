//! Which requests may be sent a second time when their answer was lost.

use mcp::method::name;
use mcp::{Method, Request};

/// Whether a request changes nothing, so that it can be sent again when its answer was lost. A call of a
/// tool never is, nor what answers a question of the server's: that works once.
pub(super) fn is_repeatable(request: &Request<'_>) -> bool {
    let by_method = match &request.method {
        Method::Initialize
        | Method::Discover
        | Method::ToolsList
        | Method::PromptsList
        | Method::ResourcesList
        | Method::ResourceTemplatesList
        | Method::ResourcesRead
        | Method::ResourcesSubscribe
        | Method::ResourcesUnsubscribe
        | Method::Complete
        | Method::Listen
        | Method::TasksGet
        | Method::TasksResult
        | Method::TasksList => true,
        Method::ToolsCall | Method::PromptsGet | Method::TasksUpdate | Method::TasksCancel => false,
        Method::Other(other) => matches!(other.as_ref(), name::PING | name::SET_LEVEL),
    };
    by_method
        && request.params.input_responses().is_none()
        && request.params.request_state().is_none()
}
