//! Asking a command once.
//!
//! It runs as a server would: behind a keeper, without a shell, without the agent's rights where the
//! agent has more than anybody, and everything that it starts ends with it.

use std::time::Duration;

use keeper::Outcome;
use nix::unistd::Uid;
use resource::App;
use resource::app::CommandLabel;
use tokio::time::timeout;

use crate::launch::{Launcher, Program};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a value may be.
const VALUE_BYTES: usize = 1024;
/// Whom commands run as where the agent is root and the app names nobody.
const NOBODY: &str = "nobody";
/// Where they work.
const DIRECTORY: &str = "/";

/// The account of this host that an app's commands run as; nothing for the agent's own.
pub(super) fn host_user(app: &App) -> Option<String> {
    let named = app.spec.mcp.as_ref().map(|mcp| &mcp.run_as_host_user);
    named
        .filter(|user| !user.is_empty())
        .cloned()
        .or_else(|| Uid::effective().is_root().then(|| NOBODY.to_owned()))
}

/// What a command says.
///
/// # Errors
/// Why it says nothing, for the app's administrator.
pub(super) async fn run(
    launcher: &Launcher,
    app: &App,
    label: &CommandLabel,
) -> Result<String, String> {
    let (command, args) = label.command.split_first().ok_or("it has no command")?;
    let program = Program {
        command: command.clone(),
        args: args.to_vec(),
        user: host_user(app),
        env: Vec::new(),
        cwd: Some(DIRECTORY.to_owned()),
    };
    let mut process = launcher.start(program).await.map_err(|fault| fault.to_string())?;
    drop(process.stdin.take());
    let mut written = Vec::new();
    let read = timeout(PATIENCE, process.read_to_end(&mut written, VALUE_BYTES + 1)).await;
    let ended = process.end().await;
    match read {
        Err(_elapsed) => {
            return Err(format!("the command did not end within {} seconds", PATIENCE.as_secs()));
        }
        Ok(Err(error)) => return Err(format!("the command's output cannot be read: {error}")),
        Ok(Ok(())) if written.len() > VALUE_BYTES => {
            return Err(format!("the command says more than {VALUE_BYTES} bytes"));
        }
        Ok(Ok(())) => {}
    }
    match ended.outcome {
        Outcome::Exited { code: 0 } => value(written),
        Outcome::Exited { code } => Err(match ended.last_words {
            Some(words) => format!("the command ended with status {code}: {words}"),
            None => format!("the command ended with status {code}"),
        }),
        Outcome::Signalled { signal } => Err(format!("the command was ended by {signal}")),
        Outcome::NotStarted { fault } => Err(format!("the command could not be started: {fault}")),
        Outcome::Unknown => Err("the command was lost".to_owned()),
    }
}

fn value(written: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(written).map_err(|_e| "the command says no text in UTF-8")?;
    let text = text.trim();
    if text.contains(char::is_control) {
        return Err("the command says more than one line".to_owned());
    }
    Ok(text.to_owned())
}
