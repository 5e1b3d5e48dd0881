//! `tsh proxy mcp`: a streamable HTTP server on the loopback, which is in truth an MCP server behind the
//! cluster. It adds the certificate of whoever is signed in, so it serves nobody else.

mod diary;
mod exchange;
mod listener;
mod local;
mod peer;
mod pool;
mod tail;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use runtime::Shutdown;

pub(super) use self::diary::Diary;
use self::listener::{Guard, Listener};
use self::pool::Pool;
use super::args::{Global, ProxyMcp, brought};
use super::servers::{Selection, servers};
use super::way::SignedIn;
use crate::exit::Refused;
use crate::run::Context;

/// `tsh proxy mcp`.
pub(super) async fn proxy(cx: Context, global: Global, args: ProxyMcp) -> anyhow::Result<ExitCode> {
    let brought = brought(&args.headers)?;
    super::start_log(&global);
    let shutdown = Shutdown::on_signals(&cx.tasks).context("cannot wait for signals")?;
    let diary = args.proxy_log_output;
    let asked = (args.name.clone(), args.cluster.clone());
    let guide = SignedIn::new(&cx, &global, asked, args.browser).bringing(brought);
    require_served(&cx, &guide, &args, diary).await?;
    let listener = Listener::bind(args.port, diary).await?;
    let address = listener.address();
    cx.printer.data(&format!("Proxying connections to {} on {address}", args.name))?;
    diary.note(&format!("MCP clients reach it at http://{address}/mcp"));
    let guard = if args.allow_any_local_user { Guard::Nobody } else { Guard::Owner };
    let pool = Arc::new(Pool::new(Arc::new(guide), cx.tasks.clone(), diary));
    tokio::select! {
        () = listener.serve(&pool, guard, &cx.tasks) => {}
        () = shutdown.requested() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// A mistyped name is said now, not to a client later. That the cluster cannot be asked is no obstacle: it
/// may come back.
async fn require_served(
    cx: &Context,
    guide: &SignedIn,
    args: &ProxyMcp,
    diary: Diary,
) -> anyhow::Result<()> {
    let session = guide.session().map_err(|fault| Refused::new(fault.text()))?;
    if args.cluster.as_ref().is_some_and(|cluster| *cluster != session.user.cluster) {
        return Ok(());
    }
    let selection = Selection::new(Some(args.name.clone()), None, Vec::new(), None)?;
    match servers(&session, &cx.tasks, &selection).await {
        Ok(found) if found.is_empty() => {
            Err(Refused::new(format!("no MCP server {:?}, or none that you may use", args.name))
                .hint("`tsh mcp ls` lists those that you may reach")
                .into())
        }
        Ok(_) => Ok(()),
        Err(error) => {
            let fault = super::fault::Fault::of(&error);
            if !fault.temporary {
                return Err(error);
            }
            diary.note(&format!("cannot tell yet whether {:?} is served: {fault}", args.name));
            Ok(())
        }
    }
}
