//! `tctl audit`.

use std::process::ExitCode;

use api::wire::{AuditPage, AuditQuery};
use clap::Subcommand;
use serde_json::Value;
use time::OffsetDateTime;

use super::args::Global;
use super::cluster::Cluster;
use super::when::When;
use crate::format::Format;
use crate::run::Context;
use crate::table::Table;

/// Arguments of `tctl audit`.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// List what happened, the newest first.
    ///
    /// Example: tctl audit ls --user=alice --event=mcp.session.request --since=1h
    Ls(Ls),
}

#[derive(Debug, clap::Args)]
struct Ls {
    /// Only what this user did.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only what concerns this app.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Only events of this name; `mcp.*` stands for all that begin like that.
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Not before this: how long ago (1h, 7d), or when (RFC 3339).
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// Before this: how long ago, or when.
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = parse_limit)]
    limit: usize,
    /// How to print; json and yaml hold the whole records.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Does what was asked.
pub(super) async fn audit(cx: &Context, global: &Global, args: Audit) -> anyhow::Result<ExitCode> {
    let AuditCommand::Ls(args) = args.command;
    let format = args.format;
    let query = args.query(cx.clock.now());
    let page = Cluster::open(cx, global)?.client.search_audit(&query).await?;
    match format {
        Format::Text => cx.printer.data(&text(&page)?.render(cx.printer.width()))?,
        Format::Json => cx.printer.data(&json(&page))?,
        Format::Yaml => cx.printer.value(&values(&page)?.into(), format)?,
    }
    if page.more {
        let shown = page.events.len();
        cx.printer.talk(&format!(
            "Only the newest {shown} are shown; --limit and --until reach older ones."
        ));
    }
    Ok(ExitCode::SUCCESS)
}

// === impl Ls ===

impl Ls {
    fn query(self, now: OffsetDateTime) -> AuditQuery {
        let Self { user, app, event, since, until, limit, format: _ } = self;
        AuditQuery {
            user,
            app,
            event,
            since: since.map(|since| since.resolve(now)),
            until: until.map(|until| until.resolve(now)),
            limit: Some(limit),
        }
    }
}

fn parse_limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(limit) if limit > 0 => Ok(limit),
        _ => Err("expected a whole number above 0".to_owned()),
    }
}

/// The records as they were written, one a line: no number in them is rounded on the way.
fn json(page: &AuditPage) -> String {
    if page.events.is_empty() {
        return "[]".to_owned();
    }
    let lines: Vec<&str> = page.events.iter().map(|event| event.get()).collect();
    format!("[\n  {}\n]", lines.join(",\n  "))
}

fn values(page: &AuditPage) -> serde_json::Result<Vec<Value>> {
    page.events.iter().map(|event| serde_json::from_str(event.get())).collect()
}

fn text(page: &AuditPage) -> serde_json::Result<Table> {
    let mut table =
        Table::new(&["Time", "Code", "Event", "User", "App", "Details"]).elastic("Details");
    for event in values(page)? {
        let field = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        table.row(vec![
            field("time").to_owned(),
            field("code").to_owned(),
            field("event").to_owned(),
            field("user").to_owned(),
            field("app_name").to_owned(),
            details(&event),
        ]);
    }
    Ok(table)
}

/// What was asked of an MCP server, or whom or what an event is about, and why it failed.
fn details(event: &Value) -> String {
    let at = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let mut words: Vec<&str> = Vec::new();
    if let Some(method) = at("/message/method") {
        words.push(method);
        words.extend(at("/message/params/name").or_else(|| at("/message/params/uri")));
    } else {
        words.extend(at("/verb"));
        words.extend(at("/kind"));
        words.extend(at("/name").filter(|name| at("/app_name") != Some(*name)));
    }
    let what = words.join(" ");
    // A denial goes on to list every role that was looked at; the record has it all.
    match at("/error").and_then(|error| error.lines().next()) {
        Some(error) if what.is_empty() => error.to_owned(),
        Some(error) => format!("{what}: {error}"),
        None => what,
    }
}

#[cfg(test)]
mod tests;
