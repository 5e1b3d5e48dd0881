//! `tctl policy who`: the users and roles that may do something with an app.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;

use api::wire::SeenQuery;
use api::{Client, ErrorKind};
use policy::{AccessState, AppRef, DenialKind, RoleSet, Subject};
use resource::{Traits, suggest};
use serde_json::{Value, json};

use super::case::{Holder, Roles};
use super::live;
use super::subject::SubjectArgs;
use crate::exit::Refused;
use crate::format::Format;
use crate::run::Context;
use crate::table::Table;
use crate::tctl::args::Global;
use crate::tctl::cluster::Cluster;

/// Arguments of `tctl policy who`.
#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// The app.
    #[arg(long, value_name = "NAME")]
    app: String,
    #[command(flatten)]
    subject: SubjectArgs,
    /// For each tool that the app was last seen to offer.
    #[arg(long, conflicts_with_all = ["tool", "prompt", "resource"])]
    each_tool: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Who may, and who may not although a role would let them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Users, with the role that grants it first.
    users: BTreeMap<String, String>,
    /// Roles that grant it, to anybody or to one of these users by a trait.
    roles: BTreeSet<String>,
    /// Users who hold such a role and are refused, with why.
    refused: BTreeMap<String, &'static str>,
}

/// Lists them.
pub(super) async fn who(cx: &Context, global: &Global, args: Who) -> anyhow::Result<ExitCode> {
    let cluster = Cluster::open(cx, global)?;
    let client = &cluster.client;
    let labels = live::app(client, &args.app).await?;
    let roles = live::roles(client).await?;
    let users = live::users(client).await?;
    let app = AppRef::known(&args.app, &labels);
    if args.each_tool {
        let found = each_tool(client, app, |subject| find(&roles, &users, app, subject)).await?;
        match args.format {
            Format::Text => cx.printer.data(&text_of_each(&found))?,
            Format::Json | Format::Yaml => {
                let value = found.iter().map(|(tool, found)| (tool.clone(), to_json(found)));
                cx.printer.value(&Value::Object(value.collect()), args.format)?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let subject = args.subject.subject();
    if let Some(tool) = args.subject.tool()
        && let Some(warning) = unseen(client, &args.app, tool).await?
    {
        cx.printer.talk(&warning);
    }
    let found = find(&roles, &users, app, &subject);
    match args.format {
        Format::Text => cx.printer.data(&text(&found, &args.app, &subject))?,
        Format::Json | Format::Yaml => cx.printer.value(&to_json(&found), args.format)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Decides for each of the tools that an app was last seen to offer.
async fn each_tool(
    client: &Client,
    app: AppRef<'_>,
    find: impl Fn(&Subject<'_>) -> Found,
) -> anyhow::Result<BTreeMap<String, Found>> {
    let mut offered = client.seen_tools(&of(app.name)).await?;
    let Some(tools) = offered.apps.remove(app.name) else {
        let name = app.name;
        let message = format!("nobody has seen yet which tools app {name:?} offers");
        return Err(Refused::new(message)
            .hint("they are seen when somebody lists them, or by a health check (mcp.health_check)")
            .into());
    };
    let decide = |tool: String| {
        let found = find(&Subject::of(policy::Kind::Tool, tool.clone().into()));
        (tool, found)
    };
    Ok(tools.into_iter().map(decide).collect())
}

fn of(app: &str) -> SeenQuery {
    SeenQuery { app: Some(app.to_owned()) }
}

/// That a tool was not seen, where it is known which were.
async fn unseen(client: &Client, app: &str, tool: &str) -> anyhow::Result<Option<String>> {
    let offered = match client.seen_tools(&of(app)).await {
        Ok(offered) => offered,
        Err(error) if error.kind() == ErrorKind::Denied => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(tools) = offered.apps.get(app) else { return Ok(None) };
    if tools.iter().any(|seen| seen == tool) {
        return Ok(None);
    }
    let message = format!("App {app:?} was not seen to offer a tool {tool:?}.");
    Ok(Some(match suggest::nearest(tool, tools.iter().map(String::as_str)) {
        Some(near) => format!("{message} Did you mean {near:?}?"),
        None => message,
    }))
}

/// Decides for everybody, as if every session had shown its second factor.
fn find(
    roles: &Roles,
    users: &BTreeMap<String, Holder>,
    app: AppRef<'_>,
    subject: &Subject<'_>,
) -> Found {
    let state = AccessState { mfa_verified: true, ..AccessState::default() };
    let mut found = Found::default();
    let nobody = Traits::new();
    for (name, role) in roles {
        let alone = RoleSet::compile(&[Arc::clone(role)], policy::User::new("", &nobody));
        if alone.access_with(app, state).explain(subject).is_allowed() {
            found.roles.insert(name.clone());
        }
    }
    let mut refusals = Vec::new();
    for (user, holder) in users {
        let access = holder.role_set(user, roles).access_with(app, state);
        let explanation = access.explain(subject);
        match (explanation.outcome, explanation.decisive()) {
            (Ok(()), Some(step)) => {
                found.roles.insert(step.role.to_string());
                found.users.insert(user.clone(), step.role.to_string());
            }
            (Ok(()), None) => {}
            (Err(kind), _) => refusals.push((user, holder, kind)),
        }
    }
    for (user, holder, kind) in refusals {
        if holder.roles.iter().any(|role| found.roles.contains(role)) {
            found.refused.insert(user.clone(), reason(kind));
        }
    }
    found
}

fn reason(kind: DenialKind) -> &'static str {
    match kind {
        DenialKind::NotGranted => "no fitting traits",
        DenialKind::Denied => "another role denies it",
        DenialKind::Evaluation => "a role cannot be evaluated",
        DenialKind::UnknownRole => "a role of the user does not exist",
        DenialKind::MfaRequired => "a second factor is needed",
        DenialKind::DeviceRequired => "a trusted device is needed",
        DenialKind::TooLong => "the name is too long",
    }
}

fn text(found: &Found, app: &str, subject: &Subject<'_>) -> String {
    let mut parts = Vec::new();
    if found.users.is_empty() {
        parts.push(format!("No user may {subject} app {app:?}."));
    } else {
        let mut table = Table::new(&["User", "Through Role"]);
        for (user, role) in &found.users {
            table.row(vec![user.clone(), role.clone()]);
        }
        parts.push(table.render(None));
    }
    let roles: Vec<&str> = found.roles.iter().map(String::as_str).collect();
    parts.push(if roles.is_empty() {
        "No role grants it.".to_owned()
    } else {
        format!("Roles that grant it: {}", roles.join(", "))
    });
    if !found.refused.is_empty() {
        let refused: Vec<String> =
            found.refused.iter().map(|(user, why)| format!("  {user}: {why}")).collect();
        parts.push(format!("Refused although they hold one:\n{}", refused.join("\n")));
    }
    parts.join("\n\n")
}

fn text_of_each(found: &BTreeMap<String, Found>) -> String {
    let mut table = Table::new(&["Tool", "Users", "Roles"]);
    for (tool, found) in found {
        let users: Vec<&str> = found.users.keys().map(String::as_str).collect();
        let roles: Vec<&str> = found.roles.iter().map(String::as_str).collect();
        table.row(vec![tool.clone(), users.join(", "), roles.join(", ")]);
    }
    table.render(None)
}

fn to_json(found: &Found) -> Value {
    let users: Vec<Value> =
        found.users.iter().map(|(user, role)| json!({ "name": user, "role": role })).collect();
    let refused: Vec<Value> =
        found.refused.iter().map(|(user, why)| json!({ "name": user, "reason": why })).collect();
    json!({ "users": users, "roles": found.roles, "refused": refused })
}

#[cfg(test)]
mod tests;
