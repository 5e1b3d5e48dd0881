//! The command lines by which the agent calls the keeper and the keeper calls the drop.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::fault::Fault;

/// Variables for the server travel under this prefix, so that they mean nothing to the keeper and to
/// the loader, which may still be root.
pub const ENV_PREFIX: &str = "TESSERA_SERVER_ENV_";

/// What the agent tells the keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeeperArgs {
    /// The agent.
    pub parent: i32,
    /// Whom to run the server as.
    pub user: Option<String>,
    /// Where it works, if not at home.
    pub cwd: Option<OsString>,
    /// The server.
    pub command: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// What the keeper tells the drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DropArgs {
    /// The keeper.
    pub(crate) parent: i32,
    /// Where a failure is written to; the descriptor closes when the server is executed.
    pub(crate) status: i32,
    /// Whom to become.
    pub(crate) user: Option<String>,
    /// Where the server works, if not at home.
    pub(crate) cwd: Option<OsString>,
    /// The server.
    pub(crate) command: OsString,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
}

/// Reads `--name value` pairs up to `--`.
struct Reader {
    rest: std::vec::IntoIter<OsString>,
}

// === impl KeeperArgs ===

impl KeeperArgs {
    /// The command line, after [`crate::KEEPER`].
    #[must_use]
    pub fn write(&self) -> Vec<OsString> {
        let mut out: Vec<OsString> = vec!["--parent".into(), self.parent.to_string().into()];
        if let Some(user) = &self.user {
            out.extend(["--user".into(), user.into()]);
        }
        if let Some(cwd) = &self.cwd {
            out.extend(["--cwd".into(), cwd.clone()]);
        }
        out.extend(["--".into(), self.command.clone()]);
        out.extend(self.args.iter().cloned());
        out
    }

    pub(crate) fn read(args: Vec<OsString>) -> Result<Self, Fault> {
        let (mut parent, mut user, mut cwd) = (None, None, None);
        let mut reader = Reader { rest: args.into_iter() };
        while let Some((name, value)) = reader.option()? {
            match name.as_str() {
                "--parent" => parent = Some(number(&name, &value)?),
                "--user" => user = Some(text(&name, value)?),
                "--cwd" => cwd = Some(value),
                _ => return Err(unknown(&name)),
            }
        }
        let (command, args) = reader.command()?;
        let parent = parent.ok_or_else(|| missing("--parent"))?;
        Ok(Self { parent, user, cwd, command, args })
    }
}

// === impl DropArgs ===

impl DropArgs {
    pub(crate) fn write(&self) -> Vec<OsString> {
        let mut out: Vec<OsString> = vec![
            "--parent".into(),
            self.parent.to_string().into(),
            "--status".into(),
            self.status.to_string().into(),
        ];
        if let Some(user) = &self.user {
            out.extend(["--user".into(), user.into()]);
        }
        if let Some(cwd) = &self.cwd {
            out.extend(["--cwd".into(), cwd.clone()]);
        }
        out.extend(["--".into(), self.command.clone()]);
        out.extend(self.args.iter().cloned());
        out
    }

    pub(crate) fn read(args: Vec<OsString>) -> Result<Self, Fault> {
        let (mut parent, mut status, mut user, mut cwd) = (None, None, None, None);
        let mut reader = Reader { rest: args.into_iter() };
        while let Some((name, value)) = reader.option()? {
            match name.as_str() {
                "--parent" => parent = Some(number(&name, &value)?),
                "--status" => status = Some(number(&name, &value)?),
                "--user" => user = Some(text(&name, value)?),
                "--cwd" => cwd = Some(value),
                _ => return Err(unknown(&name)),
            }
        }
        let (command, args) = reader.command()?;
        let parent = parent.ok_or_else(|| missing("--parent"))?;
        let status = status.ok_or_else(|| missing("--status"))?;
        Ok(Self { parent, status, user, cwd, command, args })
    }
}

// === impl Reader ===

impl Reader {
    /// The next option, or none after `--`.
    fn option(&mut self) -> Result<Option<(String, OsString)>, Fault> {
        let name = text("an option", self.rest.next().ok_or_else(|| missing("--"))?)?;
        if name == "--" {
            return Ok(None);
        }
        let value = self.rest.next().ok_or_else(|| missing(&name))?;
        Ok(Some((name, value)))
    }

    /// What follows `--`.
    fn command(mut self) -> Result<(OsString, Vec<OsString>), Fault> {
        let command = self.rest.next().ok_or_else(|| missing("the command"))?;
        Ok((command, self.rest.collect()))
    }
}

fn text(name: &str, value: OsString) -> Result<String, Fault> {
    String::from_utf8(value.into_vec()).map_err(|error| bad(name, error))
}

fn number<T>(name: &str, value: &OsString) -> Result<T, Fault>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    value.to_string_lossy().parse().map_err(|error| bad(name, error))
}

fn bad(name: &str, error: impl std::fmt::Display) -> Fault {
    Fault::refused("read its own arguments", format!("{name}: {error}"))
}

fn missing(name: &str) -> Fault {
    Fault::refused("read its own arguments", format!("{name} is missing"))
}

fn unknown(name: &str) -> Fault {
    Fault::refused("read its own arguments", format!("{name} is unknown"))
}

#[cfg(test)]
mod tests;
