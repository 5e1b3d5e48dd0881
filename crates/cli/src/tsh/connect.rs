//! `tsh mcp connect`: an MCP server on standard input and output, which is in truth a stream to the
//! cluster. Bytes pass as they are; only what the cluster cannot say itself is said here.

mod client;
mod conversation;
mod end;
mod handshake;
mod link;
mod rename;
mod runs;
mod standing;
mod stdio;
mod stream;

use std::process::ExitCode;

use self::client::Client;
use self::link::{Link, Over};
use self::stdio::{Input, Output};
use super::args::{Global, McpConnect, brought};
use super::way::SignedIn;
use crate::run::Context;

/// `tsh mcp connect`. Never asks anything: standard input belongs to the client.
pub(super) async fn connect(
    cx: Context,
    global: Global,
    args: McpConnect,
) -> anyhow::Result<ExitCode> {
    let brought = brought(&args.headers)?;
    super::start_log(&global);
    let client = Client::new(Input::open(), Output::open());
    let guide = SignedIn::new(&global, args.cluster, args.name, cx.clock.clone()).bringing(brought);
    let over = Link::new(&guide, &cx.tasks, !args.no_auto_reconnect, client).run().await?;
    Ok(match over {
        Over::ByClient => ExitCode::SUCCESS,
        Over::Cut => ExitCode::FAILURE,
    })
}
