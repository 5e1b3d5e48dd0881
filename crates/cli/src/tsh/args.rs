//! The command line of `tsh`.

use std::path::PathBuf;
use std::time::Duration;

use api::Brought;
use clap::{Parser, Subcommand};

use super::proxy_mcp::Diary;
use crate::browser::Opening;
use crate::environment;
use crate::exit::Usage;
use crate::format::Format;

/// Sign in to a cluster and use its MCP servers.
#[derive(Debug, Parser)]
#[command(name = "tsh", bin_name = "tsh", version, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// The proxy of the cluster.
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    proxy: Option<String>,
    /// The user to sign in as.
    #[arg(long, global = true, value_name = "NAME")]
    user: Option<String>,
    /// An identity file to use instead of a sign-in.
    #[arg(short, long, global = true, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// With what a local user proves who they are.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) mfa_mode: MfaMode,
    /// Do not check the proxy's certificate at the first contact.
    #[arg(long, global = true)]
    pub(super) insecure: bool,
    /// Log in detail on standard error.
    #[arg(short, long, global = true)]
    pub(super) debug: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sign in and keep a short-lived certificate.
    ///
    /// Example: tsh login --proxy=tessera.example.com --user=alice --ca-pin=sha256:…
    Login(Login),
    /// Forget the certificates that are kept.
    Logout,
    /// Show who is signed in where, and until when.
    Status(Status),
    /// List the clusters whose servers you can reach.
    Clusters(Clusters),
    /// Print the version.
    Version,
    /// Look at the devices by which you prove who you are, add one, or remove one.
    Mfa(Mfa),
    /// List, configure and connect to MCP servers.
    Mcp(Mcp),
    /// Make what is behind the cluster a service of this machine.
    Proxy(Proxy),
}

#[derive(Debug, clap::Args)]
pub(super) struct Clusters {
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct Login {
    /// The cluster whose servers `tsh mcp ls` and `tsh mcp config` are about when they name none. Who is signed in
    /// already needs not sign in again.
    #[arg(conflicts_with = "out")]
    pub(super) cluster: Option<String>,
    /// The authority to believe at first contact, as `tctl status` prints it.
    #[arg(long, value_name = "sha256:…")]
    pub(super) ca_pin: Vec<pki::CaPin>,
    /// How long the certificate is to live, for example 8h; in minutes without a unit.
    #[arg(long, value_name = "DURATION", value_parser = parse_ttl)]
    pub(super) ttl: Option<Duration>,
    /// Read the password and the one-time code from standard input, a line each.
    #[arg(long)]
    pub(super) credentials_from_stdin: bool,
    /// Write an identity file instead of a profile.
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// The connector to sign in through, `local` for a password, or `passwordless` for a passkey; the cluster's
    /// choice if not given.
    #[arg(long, value_name = "CONNECTOR")]
    pub(super) auth: Option<String>,
    /// Whether a browser is opened, for a connector or for --mfa-mode=browser.
    #[arg(long, value_enum, default_value_t)]
    pub(super) browser: Opening,
    /// Sign in with a browser on another machine: shows a code that is typed there.
    #[arg(long)]
    pub(super) headless: bool,
}

/// With what a local user proves who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum MfaMode {
    /// A one-time code where the cluster takes them, else a browser.
    #[default]
    Auto,
    /// A one-time code, typed here.
    Otp,
    /// A security key, a passkey or a code, in a browser.
    #[value(alias = "platform", alias = "cross-platform")]
    Browser,
}

#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct Mfa {
    #[command(subcommand)]
    pub(super) command: MfaCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum MfaCommand {
    /// List your devices.
    Ls(MfaLs),
    /// Add a device. One that you have is asked for first.
    ///
    /// Example: tsh mfa add --type=webauthn --name=blue-key
    Add(MfaAdd),
    /// Remove a device. One that you have is asked for first.
    ///
    /// Example: tsh mfa rm blue-key
    Rm(MfaRm),
}

#[derive(Debug, clap::Args)]
pub(super) struct MfaLs {
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// What kind of device is added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum MfaType {
    /// A security key or a passkey, in a browser.
    #[default]
    #[value(alias = "WEBAUTHN")]
    Webauthn,
    /// An authenticator app.
    #[value(alias = "TOTP")]
    Totp,
}

#[derive(Debug, clap::Args)]
pub(super) struct MfaAdd {
    /// What it is.
    #[arg(long, value_enum, default_value_t)]
    pub(super) r#type: MfaType,
    /// What you call it.
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Make it a passkey, which is enough to sign in.
    #[arg(long)]
    pub(super) allow_passwordless: bool,
    /// Whether a browser is opened.
    #[arg(long, value_enum, default_value_t)]
    pub(super) browser: Opening,
    /// Read codes from standard input, a line each: of an app that you have, then of the new one.
    #[arg(long)]
    pub(super) codes_from_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct MfaRm {
    /// Its name, or its identifier.
    pub(super) name: String,
    /// Whether a browser is opened.
    #[arg(long, value_enum, default_value_t)]
    pub(super) browser: Opening,
    /// Read the code from standard input.
    #[arg(long)]
    pub(super) codes_from_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Mcp {
    #[command(subcommand)]
    pub(super) command: McpCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum McpCommand {
    /// List the MCP servers that you may reach, and which tools.
    ///
    /// Example: tsh mcp ls env=prod
    Ls(McpLs),
    /// Print or write what an AI client needs to launch MCP servers.
    ///
    /// Example: tsh mcp config everything --client-config=claude-code
    Config(McpConfig),
    /// Be an MCP server on standard input and output: what AI clients launch.
    Connect(McpConnect),
}

/// Which servers a command is about.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// Words that must all be found in the name, description or labels.
    #[arg(long, value_delimiter = ',', value_name = "WORDS")]
    pub(super) search: Vec<String>,
    /// A predicate over labels, for example: labels["env"] == "prod"
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) query: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct McpLs {
    /// Labels that must all be present: key=value,key=value
    pub(super) labels: Option<String>,
    #[command(flatten)]
    pub(super) filter: Filter,
    /// The cluster that has the servers, if not the one that the proxy is of.
    #[arg(short, long, value_name = "NAME", conflicts_with = "all_clusters")]
    pub(super) cluster: Option<String>,
    /// The servers of all clusters.
    #[arg(short = 'R', long, visible_alias = "all")]
    pub(super) all_clusters: bool,
    /// Show labels in full, commands and arguments.
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct McpConfig {
    /// The server.
    pub(super) name: Option<String>,
    /// All servers.
    #[arg(short = 'R', long)]
    pub(super) all: bool,
    /// The cluster that has the servers, if not the one that the proxy is of.
    #[arg(short, long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// Servers with these labels: key=value,key=value
    #[arg(long, value_name = "LABELS")]
    pub(super) labels: Option<String>,
    /// Servers for which this predicate holds.
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) query: Option<String>,
    /// The file to edit: claude, claude-code, cursor, vscode, or a path.
    #[arg(long, alias = "config-client", value_name = "CLIENT|PATH")]
    pub(super) client_config: Option<String>,
    /// The form of what is printed: claude, cursor or vscode.
    #[arg(long, value_enum)]
    pub(super) format: Option<ConfigFormat>,
    /// How the edited file is laid out.
    #[arg(long, value_enum)]
    pub(super) json_format: Option<JsonFormat>,
    /// A header for the MCP server itself, if it is reached over HTTP; may be repeated. The app's own
    /// `rewrite.headers` win.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Reconnect when the connection is lost.
    #[arg(long, overrides_with = "no_auto_reconnect")]
    pub(super) auto_reconnect: bool,
    /// End when the connection is lost.
    #[arg(long)]
    pub(super) no_auto_reconnect: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ConfigFormat {
    Claude,
    Cursor,
    Vscode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum JsonFormat {
    Pretty,
    Compact,
    Auto,
    None,
}

#[derive(Debug, clap::Args)]
pub(super) struct McpConnect {
    /// The server.
    pub(super) name: String,
    /// The cluster that has the server, if not the one that the proxy is of.
    #[arg(short, long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// Whether a browser is opened, where a second factor is asked for each session.
    #[arg(long, value_enum, default_value_t)]
    pub(super) browser: Opening,
    /// A header for the MCP server itself, if it is reached over HTTP; may be repeated. The app's own
    /// `rewrite.headers` win.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Connect again when the connection is lost (the default).
    #[arg(long, overrides_with = "no_auto_reconnect")]
    pub(super) auto_reconnect: bool,
    /// End when the connection is lost.
    #[arg(long)]
    pub(super) no_auto_reconnect: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Proxy {
    #[command(subcommand)]
    pub(super) command: ProxyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ProxyCommand {
    /// Make an MCP server a streamable HTTP server of this machine, for clients that launch nothing.
    ///
    /// Only processes of the user who runs this may use it, and no page in a browser. Ends with Ctrl-C.
    ///
    /// Example: tsh proxy mcp everything --port=8080
    Mcp(ProxyMcp),
}

#[derive(Debug, clap::Args)]
pub(super) struct ProxyMcp {
    /// The server.
    pub(super) name: String,
    /// The port on the loopback; a free one if not given.
    #[arg(short, long, default_value_t = 0, hide_default_value = true)]
    pub(super) port: u16,
    /// The cluster that has the server, if not the one that the proxy is of.
    #[arg(short, long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// Where to tell of connections and refusals.
    #[arg(long, value_enum, default_value_t, value_name = "WHERE")]
    pub(super) proxy_log_output: Diary,
    /// Whether a browser is opened, where a second factor is asked for each session.
    #[arg(long, value_enum, default_value_t)]
    pub(super) browser: Opening,
    /// A header for the MCP server itself, if it is reached over HTTP; may be repeated. The app's own
    /// `rewrite.headers` win.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    /// Serve processes of all users of this machine, in your name.
    #[arg(long)]
    pub(super) allow_any_local_user: bool,
}

// === impl Login ===

impl Login {
    /// Whether a sign-in that is there would do.
    pub(super) fn asks_for_nothing_else(&self) -> bool {
        self.out.is_none() && self.auth.is_none() && self.ttl.is_none() && !self.headless
    }
}

// === impl Global ===

impl Global {
    /// The proxy as `host:port`, from the option or the environment.
    pub(super) fn proxy(&self) -> Option<String> {
        let proxy = self.proxy.clone().or_else(|| environment::PROXY.read())?;
        Some(crate::address::with_port(&proxy, crate::address::PROXY_PORT))
    }

    /// The user, from the option or the environment.
    pub(super) fn user(&self) -> Option<String> {
        self.user.clone().or_else(|| environment::USER.read())
    }

    /// The identity file, from the option or the environment.
    pub(super) fn identity(&self) -> Option<PathBuf> {
        self.identity.clone().or_else(|| environment::IDENTITY_FILE.read().map(PathBuf::from))
    }
}

/// The headers that a command is to add to what reaches an MCP server.
pub(super) fn brought(headers: &[String]) -> Result<Brought, Usage> {
    let mut brought = Brought::default();
    for header in headers {
        brought.add_line(header).map_err(|unfit| match unfit {
            Some(unfit) => Usage(unfit.to_string()),
            None => Usage("a header is NAME: VALUE".to_owned()),
        })?;
    }
    Ok(brought)
}

/// A duration, or a plain number of minutes as Teleport's users write it.
fn parse_ttl(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(minutes) => Ok(Duration::from_secs(minutes.saturating_mul(60))),
        Err(_not_a_number) => resource::duration::parse(text).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests;
