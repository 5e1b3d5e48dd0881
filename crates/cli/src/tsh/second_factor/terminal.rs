//! The terminal that this process belongs to, whatever its standard input and output are.

use std::fs::OpenOptions;

use anyhow::Context as _;
use resource::Secret;
use runtime::Tasks;

use crate::exit::Refused;

/// What a process's own terminal is called.
const TERMINAL: &str = "/dev/tty";

/// Whether there is one.
pub(super) fn is_there() -> bool {
    OpenOptions::new().read(true).write(true).open(TERMINAL).is_ok()
}

/// Asks there for something that is not shown as it is typed.
pub(super) async fn ask(tasks: &Tasks, prompt: String) -> anyhow::Result<Secret<String>> {
    if !is_there() {
        return Err(Refused::new("there is no terminal here to type a code into")
            .hint("use a browser: --mfa-mode=browser")
            .into());
    }
    let typed = tasks.spawn_blocking("tsh.terminal", move || rpassword::prompt_password(prompt));
    let typed = typed.await.context("the terminal is not read any more")?;
    typed.map(Secret::new).context("cannot read the terminal")
}
