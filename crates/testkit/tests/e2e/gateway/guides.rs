//! The guides, as a reader follows them: their files are written, their commands are run, and what they
//! show is what is said.
//!
//! In a block `console`, a line after `$ ` is an administrator's command and one after `alice$ ` is
//! alice's; what follows is what the command prints, where `…` stands for anything, alone on a line for
//! any lines. A command whose first line is shown after `! ` fails and says that on standard error. A block
//! `yaml` that begins with `# NAME.yaml` is a file of that name.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::cluster::{Person, own_user};
use testkit::{Argv, Cluster, Real, process, wait};

use super::{call, connect, listed, tokens};

/// Where the readers of guides are.
const PROXY: &str = "tessera.example.com:3080";
/// Any text.
const ANYTHING: &str = "…";

/// Whoever follows guides.
struct Reader<'c> {
    real: &'c Real,
    cluster: &'c Cluster,
    /// Where files are written and commands are run.
    folder: PathBuf,
    alice: Option<Person>,
}

/// A command of a guide, and what it is shown to print.
#[derive(Debug, Default)]
struct Shown {
    by_alice: bool,
    command: String,
    fails: bool,
    lines: Vec<String>,
}

// === impl Reader ===

impl<'c> Reader<'c> {
    fn new(real: &'c Real, cluster: &'c Cluster) -> Self {
        let folder = cluster.scratch().join("reader");
        fs::create_dir_all(folder.join("bin")).unwrap();
        let tctl = cluster.binaries().folder().join("tctl");
        let tctl = format!("{} -c {}", tctl.display(), cluster.auth_config().display());
        let reader = Self { real, cluster, folder, alice: None };
        reader.program("tctl", &tctl);
        reader.program("tsh", &cluster.binaries().folder().join("tsh").display().to_string());
        reader
    }

    fn program(&self, name: &str, words: &str) {
        let path = self.folder.join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\nexec {words} \"$@\"\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Does what a guide says.
    fn follow(&mut self, guide: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides").join(guide);
        let text = fs::read_to_string(&path).unwrap();
        let mut commands = 0;
        for (language, block) in blocks(&text) {
            match language {
                "yaml" => self.write(&block),
                "console" => {
                    for shown in console(&block) {
                        self.run(guide, &shown);
                        commands += 1;
                    }
                }
                _ => {}
            }
        }
        assert!(commands > 3, "{guide}: {commands} commands");
    }

    fn write(&self, block: &str) {
        let Some(first) = block.lines().next().and_then(|line| line.strip_prefix("# ")) else {
            return;
        };
        if first.ends_with(".yaml") && !first.contains([' ', '/']) {
            fs::write(self.folder.join(first), self.here(block)).unwrap();
        }
    }

    /// What a guide says, as it is in this cluster.
    fn here(&self, text: &str) -> String {
        let server = self.real.everything();
        let arguments = serde_json::to_string(server.arguments()).unwrap();
        let published = r#"["-y", "@modelcontextprotocol/server-everything"]"#;
        text.replace(PROXY, self.cluster.proxy_addr())
            .replace("command: npx", &format!("command: {}", server.program()))
            .replace(published, &arguments)
            .replace("run_as_host_user: mcp", &format!("run_as_host_user: {}", own_user()))
            .replace("sha256:…", self.cluster.ca_pin())
    }

    fn run(&mut self, guide: &str, shown: &Shown) {
        // What is said is looked at again for a moment: agents are told within a second.
        let looks = ["tctl get", "tctl apps ls", "tsh mcp ls"];
        let patience = if looks.iter().any(|look| shown.command.starts_with(look)) {
            wait::PATIENCE
        } else {
            Duration::ZERO
        };
        wait::until(&format!("{guide}: {}", shown.command), patience, || {
            let done = self.execute(shown);
            let said =
                String::from_utf8_lossy(&done.stdout).replace(self.cluster.proxy_addr(), PROXY);
            let errors = done.stderr.replace(self.cluster.proxy_addr(), PROXY);
            let (heard, failed) = if shown.fails { (&errors, true) } else { (&said, false) };
            let heard = heard.strip_prefix("ERROR: ").unwrap_or(heard);
            if done.status.success() == failed || !matches(&shown.lines, heard) {
                let lines = shown.lines.join("\n");
                return Err(format!("{}: shown is\n{lines}\nsaid is\n{said}{errors}", done.status));
            }
            Ok(said)
        });
        if shown.command.starts_with("tctl users add alice") {
            let link = self.invited();
            self.alice = Some(self.cluster.accept(self.real, "alice", &link));
        }
    }

    /// A new link for alice: what was printed is not kept.
    fn invited(&self) -> String {
        let said = self.cluster.tctl_json(&["users", "reset", "alice", "--format=json"]);
        said.get("url").and_then(Value::as_str).unwrap().to_owned()
    }

    fn execute(&mut self, shown: &Shown) -> process::Finished {
        let mut line = self.here(&shown.command);
        let mut input = String::new();
        let mut home = self.folder.join("home");
        if shown.by_alice {
            let alice = self.alice.as_mut().unwrap();
            home.clone_from(&alice.home);
            if line.starts_with("tsh login") {
                line.push_str(" --credentials-from-stdin");
                input = format!("{}\n{}\n", alice.password, alice.authenticator.code());
            }
        }
        let path = format!(
            "{}:{}",
            self.folder.join("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command: Command = Argv::new("bash").args(["-c", &line]).command();
        command.current_dir(&self.folder).env("PATH", path);
        command.env("HOME", &home).env("TESSERA_HOME", &home);
        process::run(command, input.as_bytes(), wait::PATIENCE)
    }
}

/// The fenced blocks of a page: the language and the text of each.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(language) => {
                open = true;
                blocks.push((language, String::new()));
            }
            None if open => {
                if let Some((_, text)) = blocks.last_mut() {
                    *text += line;
                    *text += "\n";
                }
            }
            None => {}
        }
    }
    blocks
}

/// The commands of a block.
fn console(block: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for line in block.lines() {
        let by_alice = line.strip_prefix("alice$ ");
        if let Some(command) = by_alice.or_else(|| line.strip_prefix("$ ")) {
            let (by_alice, command) = (by_alice.is_some(), command.to_owned());
            all.push(Shown { by_alice, command, ..Shown::default() });
            continue;
        }
        let shown = all.last_mut().unwrap();
        let line = match line.strip_prefix("! ") {
            Some(error) => {
                shown.fails = true;
                error
            }
            None => line,
        };
        shown.lines.push(line.to_owned());
    }
    all
}

/// Whether what was said is what is shown. How wide columns are is no matter.
fn matches(shown: &[String], said: &str) -> bool {
    let said: Vec<String> = said.lines().map(plain).filter(|line| !line.is_empty()).collect();
    lines_match(shown, &said)
}

fn lines_match(shown: &[String], said: &[String]) -> bool {
    match shown.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first == ANYTHING => {
            (0..=said.len()).any(|skipped| lines_match(rest, said.split_at(skipped).1))
        }
        Some((first, rest)) => said.split_first().is_some_and(|(line, left)| {
            line_matches(&plain(first), line) && lines_match(rest, left)
        }),
    }
}

fn line_matches(shown: &str, said: &str) -> bool {
    let Some((first, rest)) = shown.split_once(ANYTHING) else { return shown == said };
    let Some(said) = said.strip_prefix(first) else { return false };
    let mut places = said.char_indices().map(|(at, _)| at).chain([said.len()]);
    places.any(|at| line_matches(rest, said.split_at(at).1))
}

/// A line with spaces and rules of any length made short.
fn plain(line: &str) -> String {
    let words = line
        .split_whitespace()
        .map(|word| if word.len() > 2 && word.chars().all(|c| c == '-') { "----" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_the_guides_show_is_what_happens() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let mut reader = Reader::new(&real, &cluster);
    reader.follow("register-an-mcp-server.md");
    reader.follow("give-a-team-some-tools.md");
    // What the guides promise of calls, which take a client.
    let config = fs::read_to_string(reader.folder.join("client.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let entry = config["mcpServers"].as_object().unwrap().values().next().unwrap();
    let words = entry["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let home = &reader.alice.as_ref().unwrap().home;
    let way =
        Argv::new(entry["command"].as_str().unwrap()).args(words).with_env("TESSERA_HOME", home);
    let mut peer = connect(&way);
    assert_eq!(listed(&mut peer), ["echo"]);
    let said = peer.request("tools/call", &json!({"name": "echo", "arguments": {"message": "hi"}}));
    assert!(super::outcome(&said).is_ok(), "{}", String::from_utf8_lossy(&said));
    assert_eq!(call(&mut peer, "get-env").unwrap_err().0, -32602);
}

#[test]
fn the_guide_on_clients_that_sign_in_by_themselves_leads_them_there() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let url = format!("https://{}/mcp/apps/everything", cluster.proxy_addr());
    let challenge = || tokens::ask(&real, &url, &json!({}))["headers"]["www-authenticate"].clone();
    assert_eq!(challenge(), "Bearer");
    let mut reader = Reader::new(&real, &cluster);
    reader.follow("let-clients-sign-in-by-themselves.md");
    wait::until("a way to sign in", wait::PATIENCE, || {
        let told = challenge();
        if told.to_string().contains("resource_metadata") { Ok(()) } else { Err(told.to_string()) }
    });
}

#[test]
fn a_guide_that_does_not_hold_is_noticed() {
    let shown = |text: &str| console(text).remove(0).lines;
    let table = shown("$ x\nHost Name\n---- ----\n… everything …\n");
    assert!(matches(&table, "Host   Name      \n------ -------\na      everything b\n"));
    assert!(!matches(&table, "Host   Name      \n------ -------\na      other b\n"));
    assert!(!matches(&table, "Host   Name      \n------ -------\n"));
    let yaml = shown("$ x\n…\n state: serving\n…\n");
    assert!(matches(&yaml, "kind: app\nstatus:\n  state: serving\n  more: x\n"));
    assert!(!matches(&yaml, "kind: app\nstatus:\n  state: failed\n"));
    assert!(!matches(&shown("$ x\nall\n"), "all\nand more\n"), "what is not shown is not hidden");
    assert!(console("$ x\n! refused\n").remove(0).fails);
}
