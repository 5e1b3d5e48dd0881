//! The demo server's tools.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::{ABOUT_TEXT, DemoContext};
use crate::error::code;
use crate::json::Raw;
use crate::method::name;
use crate::request::ToolCall;
use crate::{Era, Request};

/// The tool that counts and reports progress.
pub const COUNT: &str = "tessera_count";
/// The tool that asks for a name.
pub const GREET: &str = "tessera_greet";
/// The tool that shows who calls.
pub const USER_INFO: &str = "tessera_user_info";
/// The tool that shows through what the call came.
pub const SESSION_INFO: &str = "tessera_session_info";
/// The tool that says what this is.
pub const DEMO_INFO: &str = "tessera_demo_info";

/// The key of the one question, in the modern era.
const NAME: &str = "name";

/// What is known of the client that calls.
pub(super) struct Caller<'a> {
    /// Whether a form can be put before the person at the client.
    pub(super) can_be_asked: bool,
    pub(super) progress_token: Option<Raw<'a>>,
}

/// What becomes of a call.
pub(super) enum Called {
    Done(Value),
    /// Reports of progress first.
    Steps(Vec<Value>, Value),
    /// Something has to be asked first: the params of `elicitation/create`.
    Asks(Value),
}

pub(super) fn call(
    call: &ToolCall<'_>,
    request: &Request<'_>,
    era: Era,
    caller: &Caller<'_>,
    context: &DemoContext<'_>,
) -> Result<Called, Failure> {
    Ok(match call.name.as_ref() {
        USER_INFO => Called::Done(shown(&user(context))),
        SESSION_INFO => {
            let decision = decision(SESSION_INFO, context);
            Called::Done(shown(&with(session(context), "decision", decision.into())))
        }
        DEMO_INFO => Called::Done(said(ABOUT_TEXT, false)),
        COUNT => count(call.arguments, caller)?,
        GREET => greet(request, era, caller)?,
        other => return Err(Failure::new(code::INVALID_PARAMS, format!("unknown tool: {other}"))),
    })
}

pub(super) fn user(context: &DemoContext<'_>) -> Value {
    json!({"name": context.user, "user_kind": context.user_kind, "roles": context.roles})
}

pub(super) fn session(context: &DemoContext<'_>) -> Value {
    json!({
        "cluster": context.cluster,
        "app_name": context.app_name,
        "description": context.description,
        "transport": context.transport,
        "session": context.session,
    })
}

/// That this could be asked is itself the decision: what is refused does not come here.
fn decision(tool: &str, context: &DemoContext<'_>) -> String {
    format!(
        "allowed: the roles of {:?} grant the tool {tool:?} of the app {:?}; the call is recorded under this session",
        context.user, context.app_name
    )
}

/// Whether a client that declares these capabilities can be asked by a form.
pub(super) fn can_ask(capabilities: &str) -> bool {
    let Ok(capabilities) = serde_json::from_str::<Map<String, Value>>(capabilities) else {
        return false;
    };
    let Some(Value::Object(modes)) = capabilities.get("elicitation") else { return false };
    modes.is_empty() || modes.contains_key("form")
}

fn count(arguments: Option<Raw<'_>>, caller: &Caller<'_>) -> Result<Called, Failure> {
    let arguments: Value =
        arguments.and_then(|raw| serde_json::from_str(raw.as_str()).ok()).unwrap_or(Value::Null);
    let to = match arguments.get("to") {
        None | Some(Value::Null) => 3,
        Some(to) => to.as_u64().filter(|to| (1..=10).contains(to)).ok_or_else(|| {
            Failure::new(code::INVALID_PARAMS, "\"to\" must be an integer from 1 to 10".to_owned())
        })?,
    };
    let token: Option<Value> =
        caller.progress_token.and_then(|raw| serde_json::from_str(raw.as_str()).ok());
    let numbers: Vec<String> = (1..=to).map(|n| n.to_string()).collect();
    let result = said(&numbers.join(", "), false);
    let Some(token) = token.filter(|token| token.is_string() || token.is_number()) else {
        return Ok(Called::Done(result));
    };
    let step = |at: u64| json!({"progressToken": token, "progress": at, "total": to, "message": format!("{at} of {to}")});
    Ok(Called::Steps((1..=to).map(step).collect(), result))
}

fn greet(request: &Request<'_>, era: Era, caller: &Caller<'_>) -> Result<Called, Failure> {
    if era == Era::Modern
        && let Some(told) = request.params.input_responses()
    {
        let told: Value = serde_json::from_str(told.as_str()).unwrap_or(Value::Null);
        if let Some(told) = told.get(NAME) {
            return Ok(Called::Done(greeting(Some(told))));
        }
    }
    if caller.can_be_asked {
        let schema = json!({
            "type": "object",
            "properties": {NAME: {"type": "string", "title": "Name", "maxLength": 100}},
            "required": [NAME],
        });
        let message = "What should the demo server call you?";
        return Ok(Called::Asks(json!({"message": message, "requestedSchema": schema})));
    }
    match era {
        Era::Modern => Err(Failure::new(
            code::MISSING_CLIENT_CAPABILITY,
            "the client cannot be asked: it does not declare \"elicitation\"".to_owned(),
        )
        .with_data(json!({"requiredCapabilities": {"elicitation": {}}}))),
        Era::Legacy => Ok(Called::Done(said(
            "The client cannot be asked: it did not declare \"elicitation\", or too many questions are open.",
            true,
        ))),
    }
}

/// The result of the modern era that asks.
pub(super) fn input_required(question: &Value) -> Value {
    json!({
        "resultType": "input_required",
        "inputRequests": {NAME: {"method": name::ELICIT, "params": question}},
    })
}

/// The result of the call that waited for an answer; nothing when there was an error instead.
pub(super) fn greeting(told: Option<&Value>) -> Value {
    let part = |pointer: &str| told.and_then(|told| told.pointer(pointer)).and_then(Value::as_str);
    match (part("/action"), part("/content/name")) {
        (Some("accept"), Some(name)) => {
            let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            said(&format!("Hello, {name}!"), false)
        }
        (Some("decline" | "cancel"), _) => said("Hello! No name was given.", false),
        _ => said("No answer came that can be read.", true),
    }
}

fn shown(value: &Value) -> Value {
    with(said(&value.to_string(), false), "structuredContent", value.clone())
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
    object
}

fn said(text: &str, is_error: bool) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": is_error})
}
