//! `tctl sso`: write connectors to identity providers, and try them.

mod configure;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use api::wire::{SsoFinish, SsoTest};
use clap::Subcommand;
use resource::Secrets;
use serde_json::value::to_raw_value;

use self::configure::Configure;
use super::args::Global;
use super::cluster::Cluster;
use super::input;
use crate::browser::{Link, Opening, Waiting};
use crate::exit::Usage;
use crate::format::Format;
use crate::run::Context;

/// Write and try connectors to identity providers.
#[derive(Debug, clap::Args)]
pub(super) struct Sso {
    #[command(subcommand)]
    command: SsoCommand,
}

#[derive(Debug, Subcommand)]
enum SsoCommand {
    /// Print a connector, to look at and to create.
    #[command(
        after_help = "Example: tctl sso configure oidc --issuer-url=https://idp.example.com --id=tessera \
                      --secret-file=secret.txt --claims-to-roles=groups,eng,developer | tctl sso test"
    )]
    Configure(Configure),
    /// Sign in once through the connector in a file, and show what would come of it. Creates nothing.
    ///
    /// Example: tctl sso test oidc.yaml
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// The connector; standard input if no file is named.
    file: Option<PathBuf>,
    /// Whether a browser is opened.
    #[arg(long, value_enum, default_value_t)]
    browser: Opening,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) async fn sso(cx: &Context, global: &Global, args: Sso) -> anyhow::Result<ExitCode> {
    match args.command {
        SsoCommand::Configure(command) => configure::configure(cx, command),
        SsoCommand::Test(command) => test(cx, global, command).await,
    }
}

async fn test(cx: &Context, global: &Global, args: Test) -> anyhow::Result<ExitCode> {
    let files: Vec<PathBuf> = args.file.into_iter().collect();
    let mut connectors = Vec::new();
    for source in input::read_all(&files, &cx.printer)? {
        connectors.extend(resource::parse_documents(&source)?);
    }
    let [connector] = connectors.as_slice() else {
        return Err(Usage("expected one connector in the file".to_owned()).into());
    };
    let kind = connector.resource.kind();
    if !kind.is_connector() {
        return Err(Usage(format!("expected an authentication connector, found {kind}")).into());
    }
    let cluster = Cluster::open(cx, global)?;
    let waiting = Waiting::open().await?;
    let started = cluster
        .client
        .test_sso(&SsoTest {
            connector: to_raw_value(&connector.resource.to_json(Secrets::Include))?,
            callback: waiting.callback(),
            challenge: waiting.challenge(),
        })
        .await?;
    let link = Link::parse(&started.url)?;
    let brought = waiting.code(&link, args.browser, &cx.printer, &cx.tasks).await?;
    let verifier = brought.verifier.expose().clone();
    let report =
        cluster.client.finish_sso_test(&SsoFinish { code: brought.code, verifier }).await?;
    match args.format {
        Format::Text => cx.printer.data(&show::text(&report))?,
        format => cx.printer.value(&serde_json::to_value(&report)?, format)?,
    }
    Ok(if report.refusal.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
