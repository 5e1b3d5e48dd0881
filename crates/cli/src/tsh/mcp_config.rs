//! `tsh mcp config`: what an AI client needs to launch MCP servers through `tsh`.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::args::{ConfigFormat, Global, JsonFormat, McpConfig, brought};
use super::client_config::{Client, Launch, Layout, fresh, put};
use super::servers::{Selection, Server, servers, servers_in};
use crate::environment;
use crate::exit::{Refused, Usage};
use crate::run::Context;
use crate::session::Session;

/// Before the app's name in a client's list of servers.
const PREFIX: &str = "tessera-mcp-";

/// The file to edit, and whose it is.
struct Target {
    path: PathBuf,
    client: Client,
    restart: &'static str,
}

/// `tsh mcp config`.
pub(super) async fn configure(
    cx: Context,
    global: Global,
    args: McpConfig,
) -> anyhow::Result<ExitCode> {
    // What cannot be sent is said now, not to a client later.
    drop(brought(&args.headers)?);
    let selection = selection(&args)?;
    let target = match args.client_config.clone().or_else(|| environment::MCP_CLIENT_CONFIG.read())
    {
        Some(client) => Some(Target::find(&client)?),
        None => None,
    };
    let session = Session::open(global.identity().as_deref(), global.proxy().as_deref())?;
    session.require_valid(cx.clock.now())?;
    let elsewhere = session.elsewhere(args.cluster.as_deref());
    let found = match &elsewhere {
        Some(cluster) => servers_in(&session, &cx.tasks, cluster, &selection).await?,
        None => servers(&session, &cx.tasks, &selection).await?,
    };
    if found.is_empty() {
        return Err(Refused::new("no MCP servers found")
            .hint("`tsh mcp ls` lists those that you may reach")
            .into());
    }
    let entries: Vec<(String, Launch)> = found
        .iter()
        .map(|server| {
            let launch = launch(server, elsewhere.as_deref(), &args, &global)?;
            // The same name may be in several clusters, and no name has an underscore.
            let name = match &elsewhere {
                Some(cluster) => format!("{PREFIX}{}_at_{cluster}", server.name()),
                None => format!("{PREFIX}{}", server.name()),
            };
            Ok((name, launch))
        })
        .collect::<anyhow::Result<_>>()?;
    cx.printer.talk("Found MCP servers:");
    for server in &found {
        cx.printer.talk(server.name());
    }
    cx.printer.talk("");
    let without = found.iter().filter(|server| !server.is_over_http());
    let without: Vec<&str> = without.map(Server::name).collect();
    if !args.headers.is_empty() && !without.is_empty() {
        cx.printer.talk(&format!(
            "Headers are left out for {}: only servers over HTTP have them.\n",
            without.join(", ")
        ));
    }
    let layout = layout(args.json_format)?;
    match target {
        Some(target) => {
            edit(&target, &entries, layout)?;
            cx.printer.talk(&format!(
                "Updated {}.\nThe servers are prefixed with \"{PREFIX}\" there. {}",
                target.path.display(),
                target.restart
            ));
        }
        None => {
            let client = match args.format {
                Some(ConfigFormat::Vscode) => Client::VsCode,
                Some(ConfigFormat::Claude | ConfigFormat::Cursor) | None => Client::Claude,
            };
            cx.printer.talk("Here is what an AI client needs to launch them:");
            cx.printer.data(fresh(client, &entries, layout).trim_end())?;
            cx.printer.talk(
                "\nTip: --client-config=claude|claude-code|cursor|vscode|PATH writes this into the \
                 client's own file and keeps what else is in it.",
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn selection(args: &McpConfig) -> anyhow::Result<Selection> {
    let given = [args.name.is_some(), args.all, args.labels.is_some(), args.query.is_some()];
    match given.into_iter().filter(|given| *given).count() {
        1 => {}
        0 => {
            return Err(
                Usage("which servers? give a name, --all, --labels or --query".to_owned()).into()
            );
        }
        _ => {
            return Err(
                Usage("a name, --all, --labels and --query exclude each other".to_owned()).into()
            );
        }
    }
    Selection::new(args.name.clone(), args.labels.as_deref(), Vec::new(), args.query.as_deref())
}

fn launch(
    server: &Server,
    elsewhere: Option<&str>,
    args: &McpConfig,
    global: &Global,
) -> anyhow::Result<Launch> {
    let program = program()?;
    let mut words: Vec<String> = Vec::new();
    // The one binary that is everything needs to be told what it is to be.
    if !matches!(program.file_name().and_then(OsStr::to_str), Some("tsh")) {
        words.push("tsh".to_owned());
    }
    words.extend(["mcp", "connect"].map(str::to_owned));
    if let Some(identity) = global.identity() {
        let identity = std::path::absolute(&identity)?;
        words.push(format!("--identity={}", text(&identity)?));
    }
    if let Some(proxy) = global.proxy() {
        words.push(format!("--proxy={proxy}"));
    }
    if let Some(cluster) = elsewhere {
        words.push(format!("--cluster={cluster}"));
    }
    if args.auto_reconnect {
        words.push("--auto-reconnect".to_owned());
    }
    if args.no_auto_reconnect {
        words.push("--no-auto-reconnect".to_owned());
    }
    if server.is_over_http() {
        for header in &args.headers {
            words.extend(["-H".to_owned(), header.clone()]);
        }
    }
    // A name is no option, whatever it begins with: another cluster may have given it.
    if server.name().starts_with('-') {
        words.push("--".to_owned());
    }
    words.push(server.name().to_owned());
    let mut env = serde_json::Map::new();
    for variable in [environment::HOME, environment::DEBUG] {
        if let Some(value) = variable.read() {
            env.insert(variable.name().to_owned(), value.into());
        }
    }
    Ok(Launch { command: text(&program)?.to_owned(), args: words, env })
}

/// This program by the path that it was called by, if that says that it is `tsh`; links stay links,
/// so that an update of what they point to is an update of what clients launch.
fn program() -> anyhow::Result<PathBuf> {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let is_tsh = called.file_name() == Some(OsStr::new("tsh"));
    if is_tsh && called.components().count() > 1 {
        return std::path::absolute(called).context("cannot tell where this program is");
    }
    std::env::current_exe().context("cannot tell where this program is")
}

fn edit(target: &Target, entries: &[(String, Launch)], layout: Layout) -> anyhow::Result<()> {
    let path = &target.path;
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let edited = match text {
        None => fresh(target.client, entries, layout),
        Some(mut text) => {
            for (name, launch) in entries {
                text = put(&text, target.client, name, launch, layout)
                    .with_context(|| format!("cannot edit {}", path.display()))?;
            }
            text
        }
    };
    write_whole(path, &edited).with_context(|| format!("cannot write {}", path.display()))
}

/// Replaces a file by its new content in one step, with the rights that it had; a link stays one. A new file is its
/// owner's alone.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_absent| path.to_owned());
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    std::fs::create_dir_all(&directory)?;
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let fresh = directory.join(format!(".{name}.{}", std::process::id()));
    // What is in the file already may be secret, and so may be headers that are written into it: nobody else may
    // read the new one while it is made; and a link that somebody has put there is not followed.
    let mut options = std::fs::File::options();
    options.write(true).create_new(true).mode(0o600);
    let permissions = std::fs::metadata(&path).map(|metadata| metadata.permissions()).ok();
    let written = options.open(&fresh).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))
    });
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(error),
        written => written.inspect_err(|_error| _ = std::fs::remove_file(&fresh))?,
    }
    std::fs::rename(&fresh, &path).inspect_err(|_error| {
        // The half-made file is worth nothing; that it stays is worth no second error.
        _ = std::fs::remove_file(&fresh);
    })
}

fn layout(given: Option<JsonFormat>) -> anyhow::Result<Layout> {
    let given = match given {
        Some(given) => given,
        None => match environment::MCP_CONFIG_JSON_FORMAT.read() {
            None => JsonFormat::Auto,
            Some(text) => clap::ValueEnum::from_str(&text, true).map_err(Usage)?,
        },
    };
    Ok(match given {
        JsonFormat::Pretty => Layout::Pretty,
        JsonFormat::Compact => Layout::Compact,
        JsonFormat::Auto | JsonFormat::None => Layout::Keep,
    })
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8, which JSON needs", path.display()))
}

// === impl Target ===

impl Target {
    fn find(client: &str) -> anyhow::Result<Self> {
        const DESKTOP: &str = "Restart Claude Desktop to use them.";
        const SELF: &str = "The client picks them up when it starts next.";
        let home = || {
            std::env::var_os("HOME")
                .map(PathBuf::from)
                .context("HOME is not set: give the file's path")
        };
        Ok(match client {
            "claude" => Self { path: claude_desktop()?, client: Client::Claude, restart: DESKTOP },
            "claude-code" => {
                Self { path: PathBuf::from(".mcp.json"), client: Client::Claude, restart: SELF }
            }
            "cursor" => Self {
                path: home()?.join(".cursor").join("mcp.json"),
                client: Client::Claude,
                restart: SELF,
            },
            "vscode" => Self {
                path: PathBuf::from(".vscode").join("mcp.json"),
                client: Client::VsCode,
                restart: SELF,
            },
            path => {
                let path = PathBuf::from(path);
                let in_vscode =
                    path.parent().and_then(Path::file_name) == Some(OsStr::new(".vscode"));
                let client = if in_vscode { Client::VsCode } else { Client::Claude };
                Self { path, client, restart: SELF }
            }
        })
    }
}

/// Where Claude Desktop keeps its configuration.
fn claude_desktop() -> anyhow::Result<PathBuf> {
    if cfg!(target_os = "macos") {
        let home = std::env::var_os("HOME").context("HOME is not set: give the file's path")?;
        return Ok(PathBuf::from(home)
            .join("Library/Application Support/Claude/claude_desktop_config.json"));
    }
    Err(Refused::new("there is no Claude Desktop for this operating system")
        .hint("--client-config=claude-code writes .mcp.json here; any other file is given by its path")
        .into())
}

#[cfg(test)]
mod tests;
