//! `tsh mcp ls`: the MCP servers that a user may reach.

use std::process::ExitCode;

use resource::{Labels, Resource, Secrets};
use serde_json::{Value, json};

use super::args::{Global, McpLs};
use super::servers::{Selection, Server, servers};
use crate::format::Format;
use crate::run::Context;
use crate::session::Session;
use crate::table::Table;

/// Shown where roles let no tool through.
const NO_TOOLS: &str = "(none) [!]";
const NO_TOOLS_NOTE: &str = "[!] Your roles let you reach this server but use none of its tools.\n    \
     An administrator can add the tools to `allow.mcp.tools` of one of your roles,\n    \
     or to your `mcp_tools` trait where a role refers to it.\n    \
     Then sign in again with `tsh login`.";

/// `tsh mcp ls`.
pub(super) async fn list(cx: Context, global: Global, args: McpLs) -> anyhow::Result<ExitCode> {
    let selection = Selection::new(
        None,
        args.labels.as_deref(),
        args.filter.search,
        args.filter.query.as_deref(),
    )?;
    let session = Session::open(global.identity().as_deref(), global.proxy().as_deref())?;
    session.require_valid(cx.clock.now())?;
    let found = servers(&session, &cx.tasks, &selection).await?;
    match args.format {
        Format::Text => cx.printer.data(&text(&found, args.verbose, cx.printer.width()))?,
        Format::Json | Format::Yaml => {
            let values: Vec<Value> = found.iter().map(value).collect();
            cx.printer.value(&values.into(), args.format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(found: &[Server], verbose: bool, width: Option<u16>) -> String {
    let mut table = if verbose {
        Table::new(&["Name", "Description", "Type", "Labels", "Command", "Args", "Allowed Tools"])
    } else {
        Table::new(&["Name", "Description", "Type", "Allowed Tools", "Labels"]).elastic("Labels")
    };
    for server in found {
        let app = &server.app;
        let name = app.name().to_owned();
        let description = app.metadata.description.clone();
        let kind = app.transport().map(|transport| transport.as_str().to_owned()).unwrap_or_default();
        let tools = tools(server);
        table.row(if verbose {
            let (command, args) = match &app.spec.mcp {
                Some(mcp) => (mcp.command.clone(), mcp.args.join(" ")),
                None => (String::new(), String::new()),
            };
            vec![name, description, kind, labels(&server.labels, true), command, args, tools]
        } else {
            vec![name, description, kind, tools, labels(&server.labels, false)]
        });
    }
    let mut out = table.render(if verbose { None } else { width });
    out.push('\n');
    if found.iter().any(|server| server.allowed.is_empty()) {
        out.push('\n');
        out.push_str(NO_TOOLS_NOTE);
        out.push('\n');
    }
    out
}

/// `[a, b], except: [c]`
fn tools(server: &Server) -> String {
    if server.allowed.is_empty() {
        return NO_TOOLS.to_owned();
    }
    let allowed = format!("[{}]", server.allowed.join(", "));
    if server.denied.is_empty() {
        allowed
    } else {
        format!("{allowed}, except: [{}]", server.denied.join(", "))
    }
}

fn labels(labels: &Labels, with_internal: bool) -> String {
    labels
        .iter()
        .filter(|(key, _)| {
            with_internal
                || !(key.starts_with(resource::label::INTERNAL_PREFIX)
                    || key.starts_with(resource::label::DEV_PREFIX))
        })
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// The whole app resource, and beside it what the roles allow.
fn value(server: &Server) -> Value {
    let app = Resource::App((*server.app).clone());
    let mut value = app.to_json(Secrets::Redact);
    let mut tools = json!({ "allowed": server.allowed });
    if !server.denied.is_empty()
        && let Some(tools) = tools.as_object_mut()
    {
        tools.insert("denied".to_owned(), json!(server.denied));
    }
    if let Some(object) = value.as_object_mut() {
        object.insert("permissions".to_owned(), json!({ "mcp": { "tools": tools } }));
    }
    value
}
