//! `tctl status`.

use std::process::ExitCode;

use api::wire::{AuthorityStatus, Status as ClusterStatus};

use super::args::Global;
use super::cluster::Cluster;
use super::when;
use crate::format::Format;
use crate::run::Context;

/// Arguments of `tctl status`.
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints the cluster's name, version, authorities and pins.
pub(super) async fn status(
    cx: &Context,
    global: &Global,
    args: Status,
) -> anyhow::Result<ExitCode> {
    let status = Cluster::open(cx, global)?.client.status().await?;
    match args.format {
        Format::Text => cx.printer.data(&text(&status))?,
        Format::Json | Format::Yaml => {
            cx.printer.value(&serde_json::to_value(&status)?, args.format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(status: &ClusterStatus) -> String {
    let mut rows = vec![
        ("Cluster".to_owned(), status.cluster.clone()),
        ("Version".to_owned(), status.version.clone()),
    ];
    rows.extend(status.authorities.iter().map(row));
    rows.extend(status.ca_pins.iter().map(|pin| ("CA pin".to_owned(), pin.clone())));
    table(&rows)
}

/// A line for each authority.
pub(super) fn authorities(authorities: &[AuthorityStatus]) -> String {
    table(&authorities.iter().map(row).collect::<Vec<_>>())
}

fn row(authority: &AuthorityStatus) -> (String, String) {
    let mut words = authority.rotation.clone();
    if let Some(mode) = &authority.mode {
        words.push_str(&format!(" ({mode})"));
    }
    if let Some(since) = authority.since {
        words.push_str(&format!(", signing key since {}", when::to_the_second(since)));
    }
    // One that nobody has begun needs no next step.
    if authority.mode.is_some() {
        let next = match (authority.next_at, authority.next.first()) {
            (Some(at), Some(next)) => format!(", {next} at {}", when::to_the_second(at)),
            _ => format!(", next: {}", authority.next.join(" or ")),
        };
        words.push_str(&next);
    }
    (title(&authority.kind), words)
}

fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(title, _)| title.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> =
        rows.iter().map(|(title, value)| format!("{title:width$} {value}")).collect();
    lines.join("\n")
}

/// `User CA`, `Host CA`, `JWT CA`.
fn title(kind: &str) -> String {
    match kind {
        "user" => "User CA".to_owned(),
        "host" => "Host CA".to_owned(),
        other => format!("{} CA", other.to_uppercase()),
    }
}

#[cfg(test)]
mod tests;
