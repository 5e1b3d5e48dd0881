//! Letting somebody change a text in their own editor.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::environment;
use crate::exit::Refused;

/// What is called when nobody says.
const DEFAULT: &str = "vi";
/// How long an editor may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(1);

/// A text that is being edited. Dropping it removes it, and whatever the editor left beside it.
#[derive(Debug)]
pub(super) struct Draft {
    /// Nobody else enters the directory: the text may hold a secret, and editors keep copies.
    _directory: TempDir,
    file: PathBuf,
}

/// The editor's command line.
pub(super) fn command() -> String {
    let named = |name| std::env::var(name).ok();
    choose([environment::EDITOR.read(), named("VISUAL"), named("EDITOR")])
}

/// The first that says anything.
fn choose(candidates: [Option<String>; 3]) -> String {
    let mut named = candidates.into_iter().flatten();
    named.find(|command| !command.trim().is_empty()).unwrap_or_else(|| DEFAULT.to_owned())
}

// === impl Draft ===

impl Draft {
    pub(super) fn new(text: &str) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("tessera-edit-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .context("cannot create a temporary directory")?;
        let file = directory.path().join("tessera-resource.yaml");
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self { _directory: directory, file })
    }

    /// Opens the text with a command, and returns it as the command left it; nothing if it removed
    /// the file.
    pub(super) async fn edit(&self, command: &str) -> anyhow::Result<Option<String>> {
        // The shell takes the command apart as its author meant it, quotes and all, and env gives
        // way to it: what is asked to end is the editor itself.
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("exec env {command} \"$@\""))
            .arg("tctl")
            .arg(&self.file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the editor {command:?}"))?;
        let status = wait(child, command).await?;
        if !status.success() {
            let refused = Refused::new(format!("the editor {command:?} failed: {status}"))
                .hint("nothing was changed; TESSERA_EDITOR names another editor");
            return Err(refused.into());
        }
        match fs::read_to_string(&self.file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("cannot read what the editor wrote"),
        }
    }
}

/// Waits for the editor. An interrupt is the editor's to answer; whoever wants tctl to end gets
/// that, and the draft is removed on the way.
async fn wait(mut child: Child, command: &str) -> anyhow::Result<ExitStatus> {
    let watch = |kind| signal(kind).context("cannot watch for signals");
    let (mut interrupt, mut quit) = (watch(SignalKind::interrupt())?, watch(SignalKind::quit())?);
    let (mut terminate, mut hangup) =
        (watch(SignalKind::terminate())?, watch(SignalKind::hangup())?);
    loop {
        tokio::select! {
            status = child.wait() => {
                return status.with_context(|| format!("cannot wait for the editor {command:?}"));
            }
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
            _ = terminate.recv() => break,
            _ = hangup.recv() => break,
        }
    }
    stop(&mut child).await;
    Err(Refused::new("stopped before the editor ended; nothing was changed").into())
}

/// Asks the editor to end, so that it gives the terminal back as it was; it is killed when it does
/// not.
async fn stop(child: &mut Child) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
    // Both fail only for an editor that has ended.
    _ = pid.map(|pid| kill(pid, Signal::SIGTERM));
    _ = tokio::time::timeout(GRACE, child.wait()).await;
}

#[cfg(test)]
mod tests;
