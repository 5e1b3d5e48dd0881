//! `tbot`'s configuration file: `version: v2`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use api::FirstContact;
use pki::CaPin;
use resource::decode::{FromNode, Reader, Table, decode_config};
use resource::token::JoinMethodName;
use resource::{Secret, Source};

use crate::address::{AUTH_PORT, PROXY_PORT, with_port};

/// Where a bot keeps what it is unless the file says otherwise.
pub(super) const STORAGE: &str = "/var/lib/tessera/bot";
/// How long what programs use works, unless the file says otherwise.
const TTL: Duration = Duration::from_secs(60 * 60);
/// How often it is renewed.
const INTERVAL: Duration = Duration::from_secs(20 * 60);
/// The longest life that the auth service gives.
const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// The most outputs of one bot.
const MAX_OUTPUTS: usize = 64;
/// The largest file.
const MAX_FILE: u64 = 1 << 20;

/// What a bot is told.
#[derive(Debug)]
pub(super) struct Config {
    /// Where the cluster is.
    pub(super) contact: FirstContact,
    /// How the bot joins.
    pub(super) method: JoinMethodName,
    /// The join token; not needed by who is there already.
    pub(super) token: Option<TokenSource>,
    /// Where the bot keeps what it is; nowhere means in memory.
    pub(super) storage: Option<PathBuf>,
    /// How long what programs use works.
    pub(super) ttl: Duration,
    /// How often it is renewed.
    pub(super) interval: Duration,
    /// Whether it is written once.
    pub(super) oneshot: bool,
    /// What programs use.
    pub(super) outputs: Vec<Output>,
}

/// Something that programs use.
#[derive(Debug)]
pub(super) struct Output {
    /// The directory that it is written to.
    pub(super) directory: PathBuf,
    /// Some of the bot's roles; all if not given.
    pub(super) roles: Option<Vec<String>>,
    /// How long it works.
    pub(super) ttl: Duration,
}

/// Where a join token is found.
#[derive(Debug)]
pub(super) enum TokenSource {
    Literal(Secret<String>),
    File(PathBuf),
}

// === impl TokenSource ===

impl TokenSource {
    pub(super) fn read(&self) -> anyhow::Result<Secret<String>> {
        match self {
            Self::Literal(token) => Ok(Secret::new(token.expose().clone())),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).with_context(|| {
                    format!("cannot read the join token from {}", path.display())
                })?;
                Ok(Secret::new(text.trim().to_owned()))
            }
        }
    }
}

// === impl Config ===

impl Config {
    /// Reads a configuration file.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        use std::io::Read as _;
        let mut text = String::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text));
        read.with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::ensure!(text.len() as u64 <= MAX_FILE, "{} is too large", path.display());
        Ok(decode_config(&Source::new(&path.display().to_string(), &text))?)
    }
}

impl FromNode for Config {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(read)
    }
}

fn read(table: &mut Table<'_>) -> Option<Config> {
    let version =
        table.required("version").and_then(|version| version.choice("version", &[("v2", ())]));
    let proxy = table.get::<String>("proxy_server");
    let auth = table.get::<String>("auth_server");
    let onboarding = match table.field("onboarding") {
        Some(reader) => reader.table(onboarding),
        None => Some((JoinMethodName::Token, None, Vec::new())),
    };
    let storage = match table.field("storage") {
        Some(reader) => reader.table(storage),
        None => Some(Some(PathBuf::from(STORAGE))),
    };
    let ttl = match (table.field("credential_ttl"), table.field("certificate_ttl")) {
        (Some(_), Some(other)) => other.refuse("this says the same as credential_ttl"),
        (Some(reader), None) | (None, Some(reader)) => ttl(reader),
        (None, None) => Some(TTL),
    };
    let interval = table.field("renewal_interval").map_or(Some(INTERVAL), duration);
    let oneshot = table.get_or_default::<bool>("oneshot");
    for name in ["debug", "diag_addr", "fips"] {
        table.ignore(name);
    }
    let lists = [table.field("services"), table.field("outputs")];
    let (ttl, interval) = (ttl?, interval?);
    let mut outputs = Vec::new();
    let mut is_whole = true;
    for item in lists.into_iter().flatten().filter_map(Reader::items).flatten() {
        match item.table(|table| output(table, ttl)) {
            Some(output) => outputs.push(output),
            None => is_whole = false,
        }
    }
    if outputs.is_empty() && is_whole {
        return table.missing_with_help(
            "services",
            "missing: nothing would be written",
            "name a service of type identity, and the directory for it",
        );
    }
    if outputs.len() > MAX_OUTPUTS {
        return table.reader().refuse(format!("more than {MAX_OUTPUTS} services"));
    }
    if interval.is_zero() || interval >= ttl {
        return table.reader().refuse_with_help(
            "renewal_interval must be shorter than credential_ttl",
            "what is written would end before it is renewed; a third of it is usual",
        );
    }
    let (addresses, through_proxy) = match (proxy, auth) {
        (Some(proxy), None) => (vec![with_port(&proxy, PROXY_PORT)], true),
        (None, Some(auth)) => (vec![with_port(&auth, AUTH_PORT)], false),
        (Some(_), Some(_)) => {
            return table.reader().refuse("proxy_server and auth_server exclude each other");
        }
        (None, None) => return table.missing("proxy_server", "missing"),
    };
    let (method, token, ca_pins) = onboarding?;
    version?;
    is_whole.then_some(())?;
    Some(Config {
        contact: FirstContact { addresses, through_proxy, ca_pins },
        method,
        token,
        storage: storage?,
        ttl,
        interval,
        oneshot,
        outputs,
    })
}

type Onboarding = (JoinMethodName, Option<TokenSource>, Vec<CaPin>);

fn onboarding(table: &mut Table<'_>) -> Option<Onboarding> {
    let method = match table.field("join_method") {
        Some(method) => {
            let known = JoinMethodName::ALL.map(|method| (method.as_str(), method));
            method.choice("join method", &known)
        }
        None => Some(JoinMethodName::Token),
    };
    let token = table.get::<String>("token").map(|text| {
        if text.starts_with('/') {
            TokenSource::File(PathBuf::from(text))
        } else {
            TokenSource::Literal(Secret::new(text))
        }
    });
    let pins = table.field("ca_pins");
    let pins = pins.map_or(Some(Vec::new()), |reader| {
        let read: Vec<Option<CaPin>> = reader
            .items()?
            .map(|item| match item.text()?.parse() {
                Ok(pin) => Some(pin),
                Err(error) => item.refuse(format!("not a CA pin: {error}")),
            })
            .collect();
        read.into_iter().collect()
    });
    Some((method?, token, pins?))
}

#[expect(clippy::option_option, reason = "in memory and mistaken are two things")]
fn storage(table: &mut Table<'_>) -> Option<Option<PathBuf>> {
    let kind = table.required("type")?.choice("storage", &[("directory", true), ("memory", false)]);
    if kind? { Some(Some(path(table)?)) } else { Some(None) }
}

fn path(table: &mut Table<'_>) -> Option<PathBuf> {
    let path = table.required("path")?;
    // How others keep readers out; here the permissions of files do.
    for name in ["symlinks", "acls", "readers"] {
        table.ignore(name);
    }
    let text = path.text()?;
    if text.is_empty() { path.refuse("is empty") } else { Some(PathBuf::from(text)) }
}

fn output(table: &mut Table<'_>, default: Duration) -> Option<Output> {
    let kind = table.required("type").and_then(|kind| kind.choice("type", &[("identity", ())]));
    let directory = table.required("destination").and_then(|reader| {
        reader.table(|table| {
            let kind = table.required("type")?.choice("destination", &[("directory", ())]);
            let path = path(table);
            kind?;
            path
        })
    });
    let roles = table.get::<Vec<String>>("roles");
    let ttl = table.field("credential_ttl").map_or(Some(default), ttl);
    // What is written is good for every app as it is, and its name says nothing.
    for name in ["allow_reissue", "cluster", "name", "ssh_config", "renewal_interval"] {
        table.ignore(name);
    }
    kind?;
    Some(Output { directory: directory?, roles, ttl: ttl? })
}

fn ttl(reader: Reader<'_>) -> Option<Duration> {
    let ttl = duration(reader)?;
    if ttl > MAX_TTL { reader.refuse("what bots hold lives for 24h at most") } else { Some(ttl) }
}

fn duration(reader: Reader<'_>) -> Option<Duration> {
    resource::duration::parse(reader.text()?)
        .map_or_else(|_error| reader.expected("a duration such as 20m"), Some)
}

#[cfg(test)]
mod tests;
