//! `tsh mcp ls`: the MCP servers that a user may reach.

mod across;

use std::process::ExitCode;

use policy::Patterns;
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

/// The columns when everything is shown.
const VERBOSE: [&str; 9] = [
    "Name",
    "Description",
    "Type",
    "Labels",
    "Command",
    "Args",
    "Allowed Tools",
    "Allowed Prompts",
    "Allowed Resources",
];
/// Where it is shown how servers are.
const HEALTH_COLUMN: usize = 3;

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
    let elsewhere = match args.all_clusters {
        true => None,
        false => session.elsewhere(args.cluster.as_deref()),
    };
    if args.all_clusters || elsewhere.is_some() {
        let how = (args.format, args.verbose);
        return across::list(&cx, &session, elsewhere, &selection, how).await;
    }
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
    let found: Vec<_> = found.iter().map(|server| (None, server)).collect();
    table(&found, verbose, width)
}

/// The servers, with the cluster of each where several are asked.
fn table(found: &[(Option<&str>, &Server)], verbose: bool, width: Option<u16>) -> String {
    let mut columns: Vec<&'static str> = if verbose {
        VERBOSE.to_vec()
    } else {
        vec!["Name", "Description", "Type", "Allowed Tools", "Labels"]
    };
    // Only where servers are looked after.
    let with_health = found.iter().any(|(_, server)| server.health.is_some());
    if with_health {
        columns.insert(HEALTH_COLUMN, "Health");
    }
    if found.iter().any(|(cluster, _)| cluster.is_some()) {
        columns.insert(0, "Cluster");
    }
    let mut table = Table::new(&columns);
    if !verbose {
        table = table.elastic("Labels");
    }
    for (cluster, server) in found {
        let mut row = row(server, verbose);
        if with_health {
            let health = server.health.as_ref().map_or("", |health| health.status.as_str());
            row.insert(HEALTH_COLUMN, health.to_owned());
        }
        if let Some(cluster) = cluster {
            row.insert(0, (*cluster).to_owned());
        }
        table.row(row);
    }
    let mut out = table.render(if verbose { None } else { width });
    out.push('\n');
    if found.iter().any(|(_, server)| server.tools.allowed.is_empty()) {
        out.push('\n');
        out.push_str(NO_TOOLS_NOTE);
        out.push('\n');
    }
    let asking = found.iter().filter(|(_, server)| server.second_factor);
    let asking: Vec<String> = asking
        .map(|(cluster, server)| match cluster {
            Some(cluster) => format!("{} ({cluster})", server.name()),
            None => server.name().to_owned(),
        })
        .collect();
    if !asking.is_empty() {
        out.push_str("\nYou are asked for a second factor at each new session with: ");
        out.push_str(&asking.join(", "));
        out.push('\n');
    }
    out
}

fn row(server: &Server, verbose: bool) -> Vec<String> {
    let app = &server.app;
    let name = app.name().to_owned();
    let description = app.metadata.description.clone();
    let kind = app.transport().map(|transport| transport.as_str().to_owned()).unwrap_or_default();
    let tools = tools(&server.tools);
    let labels = labels(&server.labels, verbose);
    if !verbose {
        return vec![name, description, kind, tools, labels];
    }
    let (command, args) = match &app.spec.mcp {
        Some(mcp) => (mcp.command.clone(), mcp.args.join(" ")),
        None => (String::new(), String::new()),
    };
    let (prompts, resources) = (others(&server.prompts), others(&server.resources));
    vec![name, description, kind, labels, command, args, tools, prompts, resources]
}

fn tools(tools: &Patterns) -> String {
    if tools.allowed.is_empty() { NO_TOOLS.to_owned() } else { patterns(tools) }
}

/// Prompts or resources, which roles need not mention.
fn others(others: &Patterns) -> String {
    if others.allowed.is_empty() {
        "(none)".to_owned()
    } else if is_unrestricted(others) {
        "(all)".to_owned()
    } else {
        patterns(others)
    }
}

/// `[a, b], except: [c]`
fn patterns(patterns: &Patterns) -> String {
    let allowed = format!("[{}]", patterns.allowed.join(", "));
    if patterns.denied.is_empty() {
        allowed
    } else {
        format!("{allowed}, except: [{}]", patterns.denied.join(", "))
    }
}

/// Whether roles let everything through: because none of those that grant the app mentions the field, or
/// because one allows everything.
fn is_unrestricted(patterns: &Patterns) -> bool {
    patterns.denied.is_empty() && patterns.allowed.iter().any(|pattern| pattern == "*")
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
    if let Some(object) = value.as_object_mut() {
        let mcp = json!({
            "tools": permission(&server.tools),
            "prompts": open_permission(&server.prompts),
            "resources": open_permission(&server.resources),
        });
        object.insert("permissions".to_owned(), json!({ "mcp": mcp }));
        if server.second_factor {
            object.insert("second_factor_per_session".to_owned(), json!(true));
        }
        if let Some(health) = &server.health {
            object.insert("health".to_owned(), health.to_json());
        }
    }
    value
}

fn permission(patterns: &Patterns) -> Value {
    if patterns.denied.is_empty() {
        json!({ "allowed": patterns.allowed })
    } else {
        json!({ "allowed": patterns.allowed, "denied": patterns.denied })
    }
}

/// The same for what roles need not mention: that nothing is restricted is said in so many words.
fn open_permission(patterns: &Patterns) -> Value {
    if is_unrestricted(patterns) {
        json!({ "allowed": patterns.allowed, "unrestricted": true })
    } else {
        permission(patterns)
    }
}

#[cfg(test)]
mod tests;
