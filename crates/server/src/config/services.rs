//! The sections of the configuration file that say which services run and how.

use std::net::SocketAddr;

use agent::Egress;
use agent::dial::egress::Place;
use resource::app::StaticApp;
use resource::decode::{Reader, Table};
use resource::{App, LabelSelector};

use super::file::one_or_many;
use super::limits;
use super::{AUTH_PORT, PROXY_PORT, with_port};

/// `auth_service`.
#[derive(Debug)]
pub(crate) struct AuthSection {
    /// The cluster's name; fixed at the first start.
    pub(crate) cluster_name: Option<String>,
    /// Where it listens.
    pub(crate) listen_addr: SocketAddr,
}

/// `proxy_service`.
#[derive(Debug)]
pub(crate) struct ProxySection {
    /// Where it listens.
    pub(crate) web_listen_addr: SocketAddr,
    /// `host:port` each, under which people and agents reach it; the first is shown to people.
    pub(crate) public_addrs: Vec<String>,
    /// The bounds within which it works.
    pub(crate) limits: proxy::Limits,
}

/// `app_service`.
#[derive(Debug, Default)]
pub(crate) struct AppSection {
    /// Which registered apps this agent serves: any selector will do.
    pub(crate) selectors: Vec<LabelSelector>,
    /// Apps that are written in the file itself.
    pub(crate) static_apps: Vec<App>,
    /// Whether the built-in demo server is served.
    pub(crate) mcp_demo_server: bool,
    /// Which addresses servers may have that are dialled.
    pub(crate) egress: Egress,
    /// The bounds within which it serves.
    pub(crate) limits: agent::Limits,
}

/// Whether a section is on; sections that are present are, unless they say otherwise.
fn is_enabled(table: &mut Table<'_>) -> Option<bool> {
    match table.field("enabled") {
        Some(enabled) => enabled.read(),
        None => Some(true),
    }
}

fn listen_addr(table: &mut Table<'_>, name: &'static str, port: u16) -> Option<SocketAddr> {
    let default = SocketAddr::from(([0, 0, 0, 0], port));
    let Some(reader) = table.field(name) else { return Some(default) };
    let text = with_port(reader.text()?, port);
    let text =
        text.strip_prefix("localhost:").map_or(text.clone(), |port| format!("127.0.0.1:{port}"));
    match text.parse() {
        Ok(address) => Some(address),
        Err(_not_an_address) => reader.expected("an IP address and port such as 0.0.0.0:3080"),
    }
}

// === impl AuthSection ===

impl AuthSection {
    /// Reads the section: `Some(None)` when it is switched off.
    #[expect(clippy::option_option, reason = "off and mistaken are two things")]
    pub(super) fn read(reader: Reader<'_>) -> Option<Option<Self>> {
        reader.table(|table| {
            let enabled = is_enabled(table);
            let cluster_name = table.field("cluster_name").map(|name| {
                let text = name.text()?;
                let fits = !text.is_empty()
                    && text.len() <= 200
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
                if fits {
                    Some(text.to_owned())
                } else {
                    name.expected("a cluster name: letters, digits, dots, dashes and underscores")
                }
            });
            let listen_addr = listen_addr(table, "listen_addr", AUTH_PORT);
            table.ignore("proxy_listener_mode");
            let cluster_name = match cluster_name {
                Some(read) => Some(read?),
                None => None,
            };
            let section = Self { cluster_name, listen_addr: listen_addr? };
            Some(enabled?.then_some(section))
        })
    }
}

// === impl ProxySection ===

impl ProxySection {
    /// Reads the section: `Some(None)` when it is switched off.
    #[expect(clippy::option_option, reason = "off and mistaken are two things")]
    pub(super) fn read(reader: Reader<'_>) -> Option<Option<Self>> {
        reader.table(|table| {
            let enabled = is_enabled(table);
            let web_listen_addr = listen_addr(table, "web_listen_addr", PROXY_PORT);
            let public_addrs = match table.field("public_addr") {
                Some(reader) => one_or_many(reader),
                None => Some(Vec::new()),
            };
            let limits = limits::of_proxy(table);
            let web_listen_addr = web_listen_addr?;
            let public_addrs = public_addrs?
                .iter()
                .map(|address| with_port(address, web_listen_addr.port()))
                .collect();
            let section = Self { web_listen_addr, public_addrs, limits: limits? };
            Some(enabled?.then_some(section))
        })
    }
}

// === impl AppSection ===

impl AppSection {
    /// Reads the section: `Some(None)` when it is switched off.
    #[expect(clippy::option_option, reason = "off and mistaken are two things")]
    pub(super) fn read(reader: Reader<'_>) -> Option<Option<Self>> {
        reader.table(|table| {
            let enabled = is_enabled(table);
            let mcp_demo_server = table.get_or_default::<bool>("mcp_demo_server");
            let selectors = match table.field("resources") {
                Some(reader) => read_selectors(reader),
                None => Some(Vec::new()),
            };
            let static_apps = match table.field("apps") {
                Some(reader) => {
                    // Every app is read, so that all mistakes are told.
                    let read: Option<Vec<StaticApp>> = reader.read();
                    read.map(|apps| apps.into_iter().map(|app| app.0).collect())
                }
                None => Some(Vec::new()),
            };
            let egress = read_egress(table);
            let limits = limits::of_agent(table);
            let section = Self {
                selectors: selectors?,
                static_apps: static_apps?,
                mcp_demo_server,
                egress: egress?,
                limits: limits?,
            };
            if !enabled? {
                return Some(None);
            }
            if section.selectors.is_empty()
                && section.static_apps.is_empty()
                && !section.mcp_demo_server
            {
                return table.reader().refuse_with_help(
                    "the app service has nothing to serve",
                    "set resources (label selectors), apps, or mcp_demo_server",
                );
            }
            Some(Some(section))
        })
    }
}

/// `egress`, or the two lists by which other products of this kind say the same.
fn read_egress(table: &mut Table<'_>) -> Option<Egress> {
    let theirs = [table.field("allowed_hosts"), table.field("denied_hosts")];
    let ours = table.field("egress");
    match (ours, theirs) {
        (Some(section), [None, None]) => section.table(|table| {
            let (allow, deny) = (table.field("allow"), table.field("deny"));
            Some(Egress { allow: read_places(allow)?, deny: read_places(deny)? })
        }),
        (Some(section), _) => {
            section.refuse("this says the same as allowed_hosts and denied_hosts; use one of them")
        }
        (None, [allow, deny]) => {
            Some(Egress { allow: read_places(allow)?, deny: read_places(deny)? })
        }
    }
}

fn read_places(reader: Option<Reader<'_>>) -> Option<Vec<Place>> {
    let Some(reader) = reader else { return Some(Vec::new()) };
    let read: Vec<Option<Place>> = reader
        .items()?
        .map(|item| match item.text()?.parse() {
            Ok(place) => Some(place),
            Err(error) => item.refuse(format!("{error}")),
        })
        .collect();
    read.into_iter().collect()
}

fn read_selectors(reader: Reader<'_>) -> Option<Vec<LabelSelector>> {
    let read: Vec<Option<LabelSelector>> = reader
        .items()?
        .map(|item| item.table(|table| table.require::<LabelSelector>("labels")))
        .collect();
    read.into_iter().collect()
}
