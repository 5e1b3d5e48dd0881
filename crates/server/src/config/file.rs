//! The configuration file: `version: v3`, and one section for each service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use api::FirstContact;
use pki::CaPin;
use resource::decode::{FromNode, Reader, Table, decode_config};
use resource::token::JoinMethodName;
use resource::{Secret, Source};
use runtime::telemetry::Format;

use super::services::{AppSection, AuthSection, ProxySection};
use super::{AUTH_PORT, Config, DATA_DIR, Join, PROXY_PORT, TokenSource, diag_addr, with_port};

/// The sections that other products of this kind have and that may be present if switched off.
const FOREIGN_SERVICES: [&str; 6] = [
    "ssh_service",
    "kubernetes_service",
    "db_service",
    "windows_desktop_service",
    "discovery_service",
    "okta_service",
];

/// The largest configuration file that is read.
const MAX_FILE: u64 = 1 << 20;

/// Reads a configuration file.
///
/// # Errors
/// It cannot be read, or holds mistakes, all of which are told.
pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
    let size = std::fs::metadata(path)
        .with_context(|| format!("cannot read the configuration file {}", path.display()))?
        .len();
    anyhow::ensure!(size <= MAX_FILE, "{} is larger than 1 MiB", path.display());
    let bytes = std::fs::read(path)
        .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
    let source = Source::from_bytes(&path.display().to_string(), &bytes)?;
    parse(&source)
}

/// Reads a configuration.
///
/// # Errors
/// It holds mistakes, all of which are told.
pub(crate) fn parse(source: &Source) -> anyhow::Result<Config> {
    Ok(decode_config(source)?)
}

/// The section that concerns the whole process.
struct Process {
    node_name: String,
    data_dir: PathBuf,
    log: Log,
    diag_addr: Option<SocketAddr>,
    join: Option<Join>,
}

struct Log {
    level: String,
    format: Format,
}

impl FromNode for Config {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            check_version(table);
            let process = read_process(table);
            let durability = table.field("audit").and_then(read_durability);
            let auth = table.field("auth_service").map(AuthSection::read);
            let proxy = table.field("proxy_service").map(ProxySection::read);
            let app = table.field("app_service").map(AppSection::read);
            for name in FOREIGN_SERVICES {
                if let Some(section) = table.field(name) {
                    refuse_foreign(name, section);
                }
            }
            // A section that was read with mistakes has noted them; the rest is read all the same.
            let (auth, proxy, app) = (flatten(auth), flatten(proxy), flatten(app));
            let process = process?;
            let (auth, proxy, app) = (auth?, proxy?, app?);
            if auth.is_none() && proxy.is_none() && app.is_none() {
                return table.reader().refuse_with_help(
                    "no service is enabled",
                    "enable auth_service, proxy_service or app_service",
                );
            }
            if auth.is_none() && process.join.is_none() {
                return table.reader().refuse_with_help(
                    "this process runs no auth service and is not told where one is",
                    "set proxy_server (or auth_server) and join_params in the tessera section",
                );
            }
            let through_proxy =
                process.join.as_ref().is_some_and(|join| join.contact.through_proxy);
            if auth.is_none() && proxy.is_some() && through_proxy {
                return table.reader().refuse_with_help(
                    "a proxy reaches the auth service itself, and not through another proxy",
                    "set auth_server in the place of proxy_server",
                );
            }
            Some(Self {
                node_name: process.node_name,
                data_dir: process.data_dir,
                log_level: process.log.level,
                log_format: process.log.format,
                diag_addr: process.diag_addr,
                join: process.join,
                durability: durability.unwrap_or_default(),
                auth,
                proxy,
                app,
            })
        })
    }
}

/// A section is absent, or off, or on; or it had mistakes (`None`).
#[expect(clippy::option_option, reason = "absent, off and mistaken are three things")]
fn flatten<T>(section: Option<Option<Option<T>>>) -> Option<Option<T>> {
    match section {
        None => Some(None),
        Some(read) => read,
    }
}

fn check_version(table: &mut Table<'_>) {
    if let Some(version) = table.field("version") {
        version.choice("version", &[("v1", ()), ("v2", ()), ("v3", ())]);
    }
}

fn read_process(table: &mut Table<'_>) -> Option<Process> {
    let ours = table.field("tessera");
    let theirs = table.field("teleport");
    match (ours, theirs) {
        (Some(_), Some(second)) => {
            second.refuse("this section means the same as \"tessera\", which is present too")
        }
        (Some(section), None) | (None, Some(section)) => section.table(read_process_fields),
        (None, None) => Some(Process {
            node_name: host_name(),
            data_dir: PathBuf::from(DATA_DIR),
            log: Log::default(),
            diag_addr: None,
            join: None,
        }),
    }
}

fn read_process_fields(table: &mut Table<'_>) -> Option<Process> {
    let node_name = table.get::<String>("nodename").unwrap_or_else(host_name);
    let data_dir = table.get::<String>("data_dir").map_or_else(|| DATA_DIR.into(), PathBuf::from);
    let log = table.field("log").map_or_else(|| Some(Log::default()), Log::read);
    let diag_addr = table.field("diag_addr").map(|reader| {
        reader.text().and_then(|text| match diag_addr(text) {
            Ok(address) => Some(address),
            Err(message) => reader.refuse(message),
        })
    });
    let token = read_token(table);
    let ca_pins = table.field("ca_pin").map_or_else(|| Some(Vec::new()), read_pins);
    let proxy = table.get::<String>("proxy_server");
    let auth_server = table.get::<String>("auth_server");
    let auth_servers = table.get::<Vec<String>>("auth_servers");
    for name in ["pid_file", "cache", "connection_limits", "advertise_ip"] {
        table.ignore(name);
    }
    let auth: Vec<String> =
        auth_server.into_iter().chain(auth_servers.into_iter().flatten()).collect();
    let join = match (proxy, auth.is_empty()) {
        (Some(_), false) => {
            return table.reader().refuse("proxy_server and auth_server exclude each other");
        }
        (Some(proxy), true) => Some((vec![with_port(&proxy, PROXY_PORT)], true)),
        (None, false) => {
            Some((auth.iter().map(|address| with_port(address, AUTH_PORT)).collect(), false))
        }
        (None, true) => None,
    };
    let (token, ca_pins) = (token?, ca_pins?);
    let (method, token) = token;
    let join = join.map(|(addresses, through_proxy)| {
        let contact = FirstContact { addresses, through_proxy, ca_pins };
        Join { contact, method, token }
    });
    let diag_addr = match diag_addr {
        Some(read) => Some(read?),
        None => None,
    };
    Some(Process { node_name, data_dir, log: log?, diag_addr, join })
}

fn read_token(table: &mut Table<'_>) -> Option<(JoinMethodName, Option<TokenSource>)> {
    let legacy = table.get::<String>("auth_token");
    let Some(params) = table.field("join_params") else {
        return Some((JoinMethodName::Token, legacy.map(token_source)));
    };
    params.table(|params| {
        let name = params.require::<String>("token_name");
        let method = match params.field("method") {
            Some(method) => {
                let known = JoinMethodName::ALL.map(|method| (method.as_str(), method));
                method.choice("join method", &known)?
            }
            None => JoinMethodName::Token,
        };
        Some((method, Some(token_source(name?))))
    })
}

fn token_source(text: String) -> TokenSource {
    if text.starts_with('/') {
        TokenSource::File(PathBuf::from(text))
    } else {
        TokenSource::Literal(Secret::new(text))
    }
}

fn read_pins(reader: Reader<'_>) -> Option<Vec<CaPin>> {
    one_or_many(reader)?
        .into_iter()
        .map(|text| match text.parse::<CaPin>() {
            Ok(pin) => Some(pin),
            Err(error) => reader.refuse_with_help(
                format!("not a CA pin: {error}"),
                "`tctl status` prints it on the auth host: sha256:…",
            ),
        })
        .collect()
}

fn read_durability(reader: Reader<'_>) -> Option<audit::Durability> {
    reader.table(|table| {
        table.field("durability")?.choice(
            "durability",
            &[("interval", audit::Durability::default()), ("strict", audit::Durability::Strict)],
        )
    })
}

fn refuse_foreign(name: &str, section: Reader<'_>) {
    section.table(|table| {
        let enabled = table.get::<bool>("enabled");
        if enabled != Some(false) {
            return table.reader().refuse_with_help(
                format!("there is no {name} here"),
                "remove the section, or say `enabled: no`",
            );
        }
        Some(())
    });
}

/// A text, or a list of texts.
pub(super) fn one_or_many(reader: Reader<'_>) -> Option<Vec<String>> {
    match reader.node().as_scalar() {
        Some(_) => Some(vec![reader.text()?.to_owned()]),
        None => reader.read(),
    }
}

/// What the machine calls itself.
pub(crate) fn host_name() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

// === impl Log ===

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Text }
    }
}

impl Log {
    fn read(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let level = table.field("severity").map(|severity| {
                severity.choice(
                    "severity",
                    &[
                        ("error", "error"),
                        ("ERROR", "error"),
                        ("warn", "warn"),
                        ("WARN", "warn"),
                        ("warning", "warn"),
                        ("info", "info"),
                        ("INFO", "info"),
                        ("debug", "debug"),
                        ("DEBUG", "debug"),
                        ("trace", "trace"),
                        ("TRACE", "trace"),
                    ],
                )
            });
            if let Some(output) = table.field("output") {
                output.choice("output", &[("stderr", ()), ("err", ())])?;
            }
            let format = table.field("format").map(|format| {
                format.table(|format| {
                    format.ignore("extra_fields");
                    format
                        .field("output")?
                        .choice("format", &[("text", Format::Text), ("json", Format::Json)])
                })
            });
            Some(Self {
                level: level.unwrap_or(Some("info"))?.to_owned(),
                format: format.unwrap_or(Some(Format::Text))?,
            })
        })
    }
}
