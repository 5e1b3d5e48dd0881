//! `tctl auth rotate` and `tctl auth ls`.

use std::process::ExitCode;
use std::time::Duration;

use api::wire::{AuthorityStatus, RotationRequest};
use clap::ValueEnum;

use super::args::Global;
use super::cluster::Cluster;
use super::{status, when};
use crate::format::Format;
use crate::run::Context;

/// Arguments of `tctl auth rotate`.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Rotate {
    /// Only this authority; may be repeated.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    types: Vec<Authority>,
    /// Take the steps by hand: go to the phase that --phase names, or to the next one.
    #[arg(long)]
    manual: bool,
    /// The phase to go to, by hand.
    #[arg(long, value_enum, value_name = "PHASE")]
    phase: Option<Phase>,
    /// How long the whole change takes, a third of it for each phase: people have to sign in again
    /// meanwhile [default: 48h].
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = when::parse_ttl,
        conflicts_with_all = ["manual", "phase"]
    )]
    grace_period: Option<Duration>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `tctl auth ls`.
#[derive(Debug, clap::Args)]
pub(super) struct Ls {
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The authorities that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Authority {
    /// Certifies people.
    User,
    /// Certifies services.
    Host,
    /// Signs tokens.
    Jwt,
}

/// The phases that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Phase {
    /// The new keys are believed.
    Init,
    /// The new keys sign for people.
    UpdateClients,
    /// The new keys sign for services.
    UpdateServers,
    /// The old keys are forgotten.
    Standby,
    /// The old keys sign again.
    Rollback,
}

/// Takes a step of a change of the cluster's keys.
pub(super) async fn rotate(
    cx: &Context,
    global: &Global,
    args: Rotate,
) -> anyhow::Result<ExitCode> {
    let format = args.format;
    let cluster = Cluster::open(cx, global)?;
    let report = cluster.client.rotate_authorities(&args.request()).await?;
    show(cx, &report.authorities, format)?;
    if format == Format::Text
        && let Some(words) = advice(&report.authorities)
    {
        cx.printer.talk(words);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the cluster's authorities.
pub(super) async fn ls(cx: &Context, global: &Global, args: Ls) -> anyhow::Result<ExitCode> {
    let status = Cluster::open(cx, global)?.client.status().await?;
    show(cx, &status.authorities, args.format)?;
    Ok(ExitCode::SUCCESS)
}

fn show(cx: &Context, authorities: &[AuthorityStatus], format: Format) -> anyhow::Result<()> {
    match format {
        Format::Text => cx.printer.data(&status::authorities(authorities))?,
        Format::Json | Format::Yaml => {
            cx.printer.value(&serde_json::to_value(authorities)?, format)?;
        }
    }
    Ok(())
}

/// What whoever took a step has to know before the next.
fn advice(authorities: &[AuthorityStatus]) -> Option<&'static str> {
    let is_in = |phase: &str| authorities.iter().any(|authority| authority.rotation == phase);
    if is_in("rollback") {
        Some(
            "The old keys sign again. Whoever signed in since update_clients signs in again; then \
             `tctl auth rotate --manual --phase=standby` forgets the new keys.",
        )
    } else if is_in("update_servers") {
        Some(
            "The new keys sign everything. In the phase standby the old ones are forgotten: \
             certificates, identity files and pins of before are refused from then on.",
        )
    } else if is_in("update_clients") {
        Some("The new keys sign for people. Let them sign in again before the next phase.")
    } else if is_in("init") {
        Some("The new keys are believed everywhere, and sign nothing yet.")
    } else {
        None
    }
}

// === impl Rotate ===

impl Rotate {
    fn request(self) -> RotationRequest {
        let Self { types, manual, phase, grace_period, format: _ } = self;
        // Who names a phase takes the steps.
        let mode = if manual || phase.is_some() { "manual" } else { "auto" };
        RotationRequest {
            types: types.into_iter().map(|one| one.as_str().to_owned()).collect(),
            phase: phase.map(|phase| phase.as_str().to_owned()),
            mode: Some(mode.to_owned()),
            grace_period_seconds: grace_period.map(|grace| grace.as_secs()),
        }
    }
}

// === impl Authority ===

impl Authority {
    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Host => "host",
            Self::Jwt => "jwt",
        }
    }
}

// === impl Phase ===

impl Phase {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::UpdateClients => "update_clients",
            Self::UpdateServers => "update_servers",
            Self::Standby => "standby",
            Self::Rollback => "rollback",
        }
    }
}

#[cfg(test)]
mod tests;
