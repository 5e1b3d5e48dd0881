//! rmcp, the official Rust library, walks through the grid: what it can of the scenarios of grid.mjs and
//! grid.py, over stdio, in both eras. It sees what they see.

#![expect(clippy::indexing_slicing, reason = "values that the walk reads or reports by panicking")]
#![expect(
    deprecated,
    reason = "servers of the grid ask for samples and roots, which the protocol deprecates"
)]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rmcp::model::{
    CallToolRequestParams, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequestParams, ElicitResult, GetPromptRequestParams, ListRootsResult, ProtocolVersion,
    ReadResourceRequestParams,
};
use rmcp::service::{RequestContext, RunningService, ServiceError};
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, ErrorData, RoleClient};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use testkit::{Argv, process, wait};
use tokio::time::timeout;

/// The person and the model at the client, and what they were asked.
#[derive(Clone, Default)]
struct Person {
    elicited: Arc<Mutex<Vec<String>>>,
    declines: Arc<AtomicBool>,
}

type Client = RunningService<RoleClient, Person>;

/// A value of the library's from what it looks like on the wire.
fn made<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value)
        .map_err(|cause| ErrorData::internal_error(cause.to_string(), None))
}

// === impl Person ===

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        made(json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"elicitation": {}, "sampling": {}, "roots": {"listChanged": true}},
            "clientInfo": {"name": "grid", "version": "3"},
        }))
        .unwrap()
    }

    fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> impl Future<Output = Result<ElicitResult, ErrorData>> + Send + '_ {
        let asked = serde_json::to_value(&request).unwrap();
        self.elicited.lock().push(asked["message"].as_str().unwrap_or_default().to_owned());
        let answer = if self.declines.load(Ordering::Relaxed) {
            json!({"action": "decline"})
        } else {
            let name = asked["requestedSchema"]["properties"].as_object().unwrap().keys().next();
            let name = name.unwrap().as_str();
            let said = if name == "name" { "Ada" } else { "blue" };
            json!({"action": "accept", "content": {name: said}})
        };
        std::future::ready(made(answer))
    }

    fn create_message(
        &self,
        request: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> impl Future<Output = Result<CreateMessageResult, ErrorData>> + Send + '_ {
        let asked = serde_json::to_value(&request).unwrap();
        let content = &asked["messages"][0]["content"];
        let content = content.get(0).unwrap_or(content);
        let text = format!("answer to <{}>", content["text"].as_str().unwrap_or_default());
        std::future::ready(made(json!({
            "role": "assistant", "model": "a-model", "content": {"type": "text", "text": text},
        })))
    }

    fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> impl Future<Output = Result<ListRootsResult, ErrorData>> + Send + '_ {
        let roots = [("file:///srv/one", "one"), ("file:///srv/two", "two")];
        let roots = roots.map(|(uri, name)| json!({"uri": uri, "name": name}));
        std::future::ready(made(json!({ "roots": roots })))
    }
}

/// What it saw by this way, by scenario.
///
/// # Errors
/// What it said when it did not connect.
pub(crate) fn walk(way: &Argv, modern: bool) -> Result<Value, String> {
    let (process, stdin, stdout) = process::dialogue(way.command());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stdin = tokio::process::ChildStdin::from_std(stdin).unwrap();
        let stdout = tokio::process::ChildStdout::from_std(stdout).unwrap();
        let lifecycle = if modern {
            ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            }
        } else {
            ClientLifecycleMode::Initialize
        };
        let person = Person::default();
        let connecting = person.clone().serve_with_lifecycle((stdout, stdin), lifecycle);
        let client = match timeout(wait::PATIENCE, connecting).await {
            Ok(Ok(client)) => client,
            Ok(Err(cause)) => return Err(format!("{cause}\n{}", process.stderr())),
            Err(_elapsed) => return Err(format!("it waits\n{}", process.stderr())),
        };
        let mut seen = Map::new();
        for name in SCENARIOS {
            let saw = match timeout(wait::PATIENCE, scenario(name, &client, &person)).await {
                Ok(Ok(saw)) => json!({ "saw": saw }),
                Ok(Err(cause)) => json!({"error": cause.to_string()}),
                Err(_elapsed) => json!({"error": "what was waited for did not come"}),
            };
            seen.insert((*name).to_owned(), saw);
        }
        drop(client.cancel().await);
        Ok(Value::Object(seen))
    })
}

/// Those of the grid's scenarios that it walks through.
pub(crate) const SCENARIOS: &[&str] = &[
    "lists",
    "calls",
    "many",
    "reading",
    "prompts",
    "completion",
    "elicitation",
    "rounds",
    "sampling",
    "roots",
];

async fn scenario(name: &str, client: &Client, person: &Person) -> Result<Value, ServiceError> {
    Ok(match name {
        "lists" => {
            let tools = client.list_all_tools().await?;
            let tools = tools.iter().map(|tool| tool.name.as_ref());
            let tools: Vec<_> = tools.filter(|name| !name.starts_with("grown-")).collect();
            let resources = client.list_all_resources().await?;
            let templates = client.list_all_resource_templates().await?;
            let prompts = client.list_all_prompts().await?;
            json!({
                "tools": tools,
                "resources": resources.iter().map(|one| &one.uri).collect::<Vec<_>>(),
                "templates": [templates.iter().map(|one| &one.uri_template).collect::<Vec<_>>()],
                "prompts": [prompts.iter().map(|one| &one.name).collect::<Vec<_>>()],
            })
        }
        "calls" => json!([
            call(client, "echo", json!({"text": "h\u{e9}\u{2028}"})).await?,
            call(client, "fail", json!({})).await?,
            refusal(call(client, "no-such-tool", json!({})).await)?,
        ]),
        "many" => {
            let calls = (0..20).map(|at| call(client, "echo", json!({"text": at.to_string()})));
            let mut seen = Vec::new();
            for call in calls {
                seen.push(call.await?["text"].take());
            }
            Value::from(seen)
        }
        "reading" => {
            let read = |uri: &str| client.read_resource(ReadResourceRequestParams::new(uri));
            let note = serde_json::to_value(read("grid://notes/1").await?).unwrap();
            let none = read("grid://notes/99").await.map(|_| Value::Null);
            json!([note["contents"][0]["text"], refusal(none)?])
        }
        "prompts" => {
            let arguments = json!({"who": "Ada"}).as_object().cloned().unwrap();
            let asked = GetPromptRequestParams::new("greet").with_arguments(arguments);
            let prompt = serde_json::to_value(client.get_prompt(asked).await?).unwrap();
            prompt["messages"][0]["content"]["text"].clone()
        }
        "completion" => json!(client.complete_prompt_simple("greet", "who", "am").await?),
        "elicitation" => {
            person.elicited.lock().clear();
            let accepted = call(client, "ask", json!({})).await?;
            person.declines.store(true, Ordering::Relaxed);
            let declined = call(client, "ask", json!({})).await;
            person.declines.store(false, Ordering::Relaxed);
            let elicited = person.elicited.lock().clone();
            json!({"accepted": accepted["text"], "declined": declined?["text"], "elicited": elicited})
        }
        "rounds" => {
            person.elicited.lock().clear();
            let done = call(client, "interview", json!({})).await?;
            json!({"text": done["text"], "elicited": person.elicited.lock().clone()})
        }
        "sampling" => call(client, "sample", json!({"prompt": "why?"})).await?["text"].take(),
        _ => call(client, "roots", json!({})).await?["text"].take(),
    })
}

async fn call(client: &Client, tool: &str, arguments: Value) -> Result<Value, ServiceError> {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let asked = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    let result = serde_json::to_value(client.call_tool(asked).await?).unwrap();
    let text = &result["content"][0]["text"];
    Ok(match result["isError"].as_bool() {
        Some(true) => json!({"isError": true, "text": text}),
        _ => json!({ "text": text }),
    })
}

fn refusal(outcome: Result<Value, ServiceError>) -> Result<Value, ServiceError> {
    match outcome {
        Err(ServiceError::McpError(refused)) => Ok(json!({"code": refused.code.0})),
        Err(other) => Err(other),
        Ok(result) => Ok(json!({"not refused": result})),
    }
}
