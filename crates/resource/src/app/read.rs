//! Reads apps.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::{self, Refusal};
use super::dynamic;
use super::{App, AppSpec, AppStatus, Given, Header, JwtClaims, McpSpec, Rewrite, STDIO_URI};
use crate::decode::{FromNode, Reader, Table, decode};
use crate::kind::Kind;
use crate::label::{ORIGIN_DYNAMIC, ORIGIN_LABEL};
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::node::NodeValue;
use crate::report::quoted;

/// Fields of apps that are no MCP servers, or that mean nothing for those.
const OTHER_FIELDS: &[&str] = &[
    "aws",
    "cloud",
    "cors",
    "identity_center",
    "integration",
    "required_app_names",
    "tcp_ports",
    "use_any_proxy_public_addr",
    "user_groups",
    "UserGroups",
];

/// The bounds of `mcp.start_timeout`.
const START_TIMEOUT_LEAST: Duration = Duration::from_secs(1);
const START_TIMEOUT_MOST: Duration = Duration::from_hours(1);

impl App {
    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::App);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").map(|reader| (reader, reader.table(spec)));
        // What others observed is not worth refusing a document for.
        let status = document
            .field("status")
            .and_then(|reader| decode(reader.node(), AppStatus::from_node).ok());
        let (reader, spec) = spec?;
        let mut app = Self { metadata: metadata?, spec: spec?, status };
        if app.metadata.labels.get(ORIGIN_LABEL).is_none_or(String::is_empty) {
            app.set_origin(ORIGIN_DYNAMIC);
        }
        app.complete(reader)
    }

    /// Checks what concerns several fields, and derives what documents leave out.
    pub(super) fn complete(mut self, spec: Reader<'_>) -> Option<Self> {
        let writes_mcp = spec.node().get("mcp").is_some_and(|mcp| !mcp.is_null());
        if writes_mcp && self.spec.mcp.is_none() {
            // It could not be read, and that has been noted; more would confuse.
            return None;
        }
        if self.spec.uri.is_empty() {
            match self.spec.other.get("cloud").and_then(|cloud| cloud.as_str()) {
                Some(cloud) if !cloud.is_empty() => self.spec.uri = format!("cloud://{cloud}"),
                _ if writes_mcp => STDIO_URI.clone_into(&mut self.spec.uri),
                _ => {
                    let name = quoted(&self.metadata.name);
                    let help = "write a uri, or mcp.command for a server that is to be started";
                    return spec.refuse_with_help(format!("URI is empty in app {name}"), help);
                }
            }
        }
        self.derive_labels();
        if self.transport() == Some(super::Transport::Stdio) && !self.is_demo() {
            check_stdio(spec, self.spec.mcp.as_ref())?;
        }
        if self.is_mcp() {
            check_headers(spec, self.spec.rewrite.as_ref())?;
        }
        Some(self)
    }

    /// An app of these parts, completed as a document's would be.
    pub(super) fn from_parts(metadata: Metadata, spec: AppSpec) -> Self {
        let mut app = Self { metadata, spec, status: None };
        app.derive_labels();
        app
    }
}

fn check_stdio(spec: Reader<'_>, mcp: Option<&McpSpec>) -> Option<()> {
    let Some(mcp) = mcp else {
        let help = "add mcp with command, args and run_as_host_user";
        return spec.refuse_with_help("a stdio server needs mcp, which says how to start it", help);
    };
    let at = spec.node().get("mcp").map_or(spec, |node| spec.inside(node));
    let mut complete = Some(());
    if mcp.command.is_empty() {
        complete = at.refuse("a stdio server needs mcp.command, the program to start");
    }
    if mcp.run_as_host_user.is_empty() {
        let message = "a stdio server needs mcp.run_as_host_user, the user it runs as";
        complete = at.refuse_with_help(message, "name a user of the agent's host");
    }
    complete
}

/// What concerns the connection or the protocol is not an administrator's to set.
fn check_headers(spec: Reader<'_>, rewrite: Option<&Rewrite>) -> Option<()> {
    let reserved = rewrite.and_then(|all| all.headers.iter().find(|header| header.is_reserved()));
    let Some(header) = reserved else { return Some(()) };
    let node = spec.node().get("rewrite").and_then(|rewrite| rewrite.get("headers"));
    let at = node.map_or(spec, |node| spec.inside(node));
    let name = quoted(&header.name);
    at.refuse_with_help(
        format!("the header {name} cannot be set: it is the gateway's own"),
        "use another header, such as Authorization or X-Api-Key",
    )
}

pub(super) fn spec(table: &mut Table<'_>) -> Option<AppSpec> {
    let uri = checked(table.field("uri"), |uri| check::transport(uri).map(|_| ()));
    let public_addr = checked(table.field("public_addr"), check::public_addr);
    let insecure_skip_verify = table.get_or_default("insecure_skip_verify");
    let tls = table.get("tls");
    let mcp = table.get("mcp");
    let rewrite = table.get("rewrite");
    let dynamic_labels = table
        .field("dynamic_labels")
        .map_or_else(|| Some(BTreeMap::new()), dynamic::dynamic_labels);
    check_cloud(table);
    let other = table.keep(OTHER_FIELDS);
    Some(AppSpec {
        uri: uri?,
        public_addr: public_addr?,
        insecure_skip_verify,
        tls,
        mcp,
        rewrite,
        dynamic_labels: dynamic_labels?,
        other,
    })
}

/// Text that may be absent or empty, and otherwise must pass a check.
pub(super) fn checked(
    reader: Option<Reader<'_>>,
    check: impl FnOnce(&str) -> Result<(), Refusal>,
) -> Option<String> {
    let Some(reader) = reader else { return Some(String::new()) };
    let text = reader.text()?;
    match if text.is_empty() { Ok(()) } else { check(text) } {
        Ok(()) => Some(text.to_owned()),
        Err(Refusal { message, help: Some(help) }) => reader.refuse_with_help(message, help),
        Err(Refusal { message, help: None }) => reader.refuse(message),
    }
}

pub(super) fn check_cloud(table: &mut Table<'_>) {
    if let Some(reader) = table.field("cloud") {
        reader.choice("cloud", &[("", ()), ("AWS", ()), ("Azure", ()), ("GCP", ())]);
    }
}

impl FromNode for McpSpec {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let command = table.field("command").map_or_else(|| Some(String::new()), argument);
            let args: Option<Vec<String>> = match table.field("args") {
                None => Some(Vec::new()),
                Some(reader) => {
                    let args: Vec<_> = reader.items()?.map(argument).collect();
                    args.into_iter().collect()
                }
            };
            let run_as_host_user = table.get_or_default("run_as_host_user");
            let env = table.field("env").map_or_else(|| Some(BTreeMap::new()), environment);
            let cwd = checked(table.field("cwd"), directory);
            let start_timeout = table.field("start_timeout").map(start_timeout);
            let protocol = table.get("protocol");
            let health_check = table.field("health_check").map(Reader::read);
            let start_timeout = match start_timeout {
                Some(read) => Some(read?),
                None => None,
            };
            Some(Self {
                command: command?,
                args: args?,
                run_as_host_user,
                env: env?,
                cwd: cwd?,
                start_timeout,
                protocol,
                health_check: match health_check {
                    Some(read) => Some(read?),
                    None => None,
                },
            })
        })
    }
}

/// What a process is given cannot hold a NUL.
fn argument(reader: Reader<'_>) -> Option<String> {
    let text = reader.text()?;
    if text.contains('\0') {
        return reader.refuse("a command line cannot contain a NUL character");
    }
    Some(text.to_owned())
}

fn directory(path: &str) -> Result<(), Refusal> {
    if path.starts_with('/') && !path.contains('\0') {
        return Ok(());
    }
    let help = "write an absolute path on the agent's host".to_owned();
    Err(Refusal { message: format!("{} is not an absolute path", quoted(path)), help: Some(help) })
}

fn start_timeout(reader: Reader<'_>) -> Option<Duration> {
    let timeout: Duration = reader.read()?;
    if timeout < START_TIMEOUT_LEAST || timeout > START_TIMEOUT_MOST {
        return reader.expected("a time between 1s and 1h");
    }
    Some(timeout)
}

fn environment(reader: Reader<'_>) -> Option<BTreeMap<String, Given>> {
    let mut variables = BTreeMap::new();
    let mut complete = true;
    for (name, value) in reader.entries()? {
        let Some(given) = value.read::<Given>() else {
            complete = false;
            continue;
        };
        if name.is_empty()
            || name.contains(['=', '\0'])
            || given.here().is_some_and(|text| text.contains('\0'))
        {
            complete = false;
            value.refuse_secret::<()>("not an environment variable");
        }
        variables.insert(name.to_owned(), given);
    }
    complete.then_some(variables)
}

impl FromNode for Rewrite {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let headers: Option<Vec<Header>> =
                table.field("headers").map_or_else(|| Some(Vec::new()), Reader::read);
            let jwt_claims = table.get_or_default("jwt_claims");
            let redirect = table.get_or_default("redirect");
            Some(Self { headers: headers?, jwt_claims, redirect })
        })
    }
}

impl FromNode for Header {
    /// Both ways in which documents write headers: `{name, value}` and `"Name: value"`.
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let header = match &reader.node().value {
            NodeValue::Scalar(scalar) => match scalar.text.split_once(':') {
                Some((name, value)) => {
                    let value = Given::Here(value.trim().to_owned());
                    Self { name: name.trim().to_owned(), value }
                }
                None => return reader.refuse_secret("expected a header, \"Name: value\""),
            },
            _ => reader.table(|table| {
                let name = table.require("name");
                let value = match table.field("value_from") {
                    Some(source) => Given::source(source),
                    None => table.required("value").and_then(header_text),
                };
                Some(Self { name: name?, value: value? })
            })?,
        };
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if header.name.is_empty() || !header.name.chars().all(is_token) {
            return reader.refuse_secret("not the name of a header");
        }
        let is_bad = |text: &str| text.contains(|c: char| c.is_control() && c != '\t');
        if header.value.here().is_some_and(is_bad) {
            return reader.refuse_secret("a header's value cannot contain control characters");
        }
        Some(header)
    }
}

fn header_text(value: Reader<'_>) -> Option<Given> {
    match value.node().as_scalar() {
        Some(scalar) => Some(Given::Here(scalar.text.clone())),
        None => value.refuse_secret("expected text"),
    }
}

impl FromNode for JwtClaims {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let text = reader.text()?;
        if text.is_empty() {
            return Some(Self::default());
        }
        if let Some((_, value)) = Self::SPELLINGS.into_iter().find(|(name, _)| *name == text) {
            return Some(value);
        }
        let names = Self::SPELLINGS.map(|(name, _)| name).join(", ");
        let message = format!("unexpected JWT rewrite value {}", quoted(text));
        reader.refuse_with_help(message, format!("expected one of {names}"))
    }
}
