//! `tessera configure`: a configuration file to start from.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;

use crate::config;

/// Arguments of `tessera configure`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigureArgs {
    /// The services that the file enables.
    #[arg(long, value_delimiter = ',', default_value = "auth,proxy,app")]
    roles: Vec<Role>,
    /// The cluster's name; fixed at the first start.
    #[arg(long, value_name = "NAME")]
    cluster_name: Option<String>,
    /// Under which address people and agents reach the proxy.
    #[arg(long, value_name = "HOST:PORT")]
    public_addr: Option<String>,
    /// The proxy of the cluster to join, for a machine without the auth service.
    #[arg(long, value_name = "HOST:PORT")]
    proxy: Option<String>,
    /// The join token, or the path of a file that holds it.
    #[arg(long, value_name = "TOKEN|FILE")]
    token: Option<String>,
    /// The authority to believe at first contact, as `tctl status` prints it.
    #[arg(long, value_name = "sha256:…")]
    ca_pin: Option<String>,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", default_value = config::DATA_DIR)]
    data_dir: PathBuf,
    /// Serve the built-in demo MCP server.
    #[arg(long)]
    mcp_demo_server: bool,
    /// The file to write instead of standard output; it must not exist.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Auth,
    Proxy,
    App,
}

/// Writes the file.
pub(crate) fn main(args: &ConfigureArgs) -> anyhow::Result<ExitCode> {
    let text = render(args);
    // What is written must be readable: nobody should find out at the first start.
    config::parse(&resource::Source::new("the new configuration", &text))?;
    let printer = cli::Printer::new();
    let Some(path) = &args.output else {
        printer.data(text.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        // The file may hold a join token.
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    printer.talk(&format!(
        "Wrote {}. Start it with: tessera start -c {}",
        path.display(),
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn render(args: &ConfigureArgs) -> String {
    let mut out = String::from("version: v3\ntessera:\n");
    let mut line = |indent: usize, text: String| {
        // Writing to a String cannot fail.
        _ = writeln!(out, "{:indent$}{text}", "");
    };
    let data_dir = args.data_dir.display().to_string();
    line(2, format!("nodename: {}", quote(&config::host_name())));
    line(2, format!("data_dir: {}", quote(&data_dir)));
    if let Some(proxy) = &args.proxy {
        line(2, format!("proxy_server: {}", quote(proxy)));
    }
    if let Some(token) = &args.token {
        line(2, "join_params:".to_owned());
        line(4, "method: token".to_owned());
        line(4, format!("token_name: {}", quote(token)));
    }
    if let Some(pin) = &args.ca_pin {
        line(2, format!("ca_pin: {}", quote(pin)));
    }
    let on = |role| if args.roles.contains(&role) { "yes" } else { "no" };
    line(0, "auth_service:".to_owned());
    line(2, format!("enabled: {}", on(Role::Auth)));
    if args.roles.contains(&Role::Auth) {
        if let Some(name) = &args.cluster_name {
            line(2, format!("cluster_name: {}", quote(name)));
        }
        line(2, format!("listen_addr: 0.0.0.0:{}", config::AUTH_PORT));
    }
    line(0, "proxy_service:".to_owned());
    line(2, format!("enabled: {}", on(Role::Proxy)));
    if args.roles.contains(&Role::Proxy) {
        line(2, format!("web_listen_addr: 0.0.0.0:{}", config::PROXY_PORT));
        if let Some(address) = &args.public_addr {
            line(2, format!("public_addr: {}", quote(address)));
        }
    }
    line(0, "app_service:".to_owned());
    line(2, format!("enabled: {}", on(Role::App)));
    if args.roles.contains(&Role::App) {
        let demo = if args.mcp_demo_server { "yes" } else { "no" };
        line(2, format!("mcp_demo_server: {demo}"));
        line(2, "# Which registered apps this machine serves: '*': '*' is all of them.".to_owned());
        line(2, "resources:".to_owned());
        line(2, "- labels:".to_owned());
        line(6, "'*': '*'".to_owned());
    }
    out
}

/// A YAML double-quoted scalar: JSON's escapes are YAML's too.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
