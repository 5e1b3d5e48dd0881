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

/// `tsh mcp connect`. Standard input belongs to the client: where something must be asked, it is in a browser, or in the
/// terminal itself.
pub(super) async fn connect(
    cx: Context,
    global: Global,
    args: McpConnect,
) -> anyhow::Result<ExitCode> {
    let brought = brought(&args.headers)?;
    super::start_log(&global);
    let client = Client::new(Input::open(), Output::open());
    let asked = (args.name, args.cluster);
    let guide = SignedIn::new(&cx, &global, asked, args.browser).bringing(brought);
    let over = Link::new(&guide, &cx.tasks, !args.no_auto_reconnect, client).run().await?;
    Ok(match over {
        Over::ByClient => ExitCode::SUCCESS,
        Over::Cut => ExitCode::FAILURE,
    })
}
