//! Clusters of real processes, as an administrator and their users meet them: `tessera start` with
//! configuration files, `tctl` on the auth service's host, `tsh` elsewhere.

mod admin;
mod local;
mod node;
mod person;
mod shapes;
mod trust;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub use self::admin::app_document;
pub use self::local::LocalProxy;
pub use self::node::Node;
pub use self::person::{Authenticator, Person};
use crate::{Argv, Binaries, Scratch, process, wait};

/// The name of every cluster here that is not given another.
pub const CLUSTER: &str = "testkit";

/// A service that listens where nobody has said: the kernel chooses the port.
const ANY_PORT: &str = "127.0.0.1:0";

/// A running cluster. Everything it keeps is below one temporary folder.
#[derive(Debug)]
pub struct Cluster {
    name: String,
    binaries: Binaries,
    /// The auth service, and in a cluster of one process all the rest.
    auth: Node,
    proxy: Option<Node>,
    agents: Vec<Node>,
    proxy_addr: String,
    ca_pin: String,
    /// Dropped last: its services write into it.
    scratch: Scratch,
}

// === impl Cluster ===

impl Cluster {
    /// The auth service alone, or with all that `services` names.
    #[track_caller]
    fn begin(name: &str, process: &str, services: &str) -> Self {
        let (binaries, scratch) = (Binaries::locate(), Scratch::new());
        let mut auth = Node::new(&binaries, &scratch, "auth", process, services);
        auth.start();
        let (name, agents) = (name.to_owned(), Vec::new());
        let (proxy_addr, ca_pin) = (String::new(), String::new());
        let mut cluster =
            Self { name, binaries, auth, proxy: None, agents, proxy_addr, ca_pin, scratch };
        cluster.ca_pin = cluster.await_auth();
        cluster
    }

    /// Waits until the auth service answers; gives the pin of its authority.
    #[track_caller]
    pub fn await_auth(&mut self) -> String {
        wait::until("the auth service", wait::PATIENCE, || {
            self.auth.check();
            let done = self.tctl(&["status", "--format=json"]);
            let status: Value = serde_json::from_slice(&done.stdout)
                .map_err(|_no_json| format!("{}\n{}", done.stderr, self.auth.log()))?;
            let pin = status.pointer("/ca_pins/0").and_then(Value::as_str);
            pin.map(str::to_owned).ok_or_else(|| format!("no pin: {status}"))
        })
    }

    #[track_caller]
    fn find_proxy(&mut self) {
        self.proxy_addr = wait::until("the proxy", wait::PATIENCE, || {
            self.auth.check();
            if let Some(proxy) = &mut self.proxy {
                proxy.check();
            }
            let proxies = self.tctl_json(&["get", "proxies", "--format=json"]);
            let address = proxies.pointer("/0/spec/public_addr").and_then(Value::as_str);
            address.map(str::to_owned).ok_or_else(|| format!("only {proxies}"))
        });
    }

    /// One more agent, in a process of its own, that serves every registered app. It joins through
    /// the proxy, which is all it knows.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn add_agent(&mut self, name: &str) -> &mut Node {
        let join = format!("  proxy_server: {}\n{}", self.proxy_addr, self.join_params("app"));
        let agent = self.node(name, &join, &app_section(""));
        self.agents.push(agent);
        match self.agents.last_mut() {
            Some(agent) => agent,
            None => panic!("an agent was just added"),
        }
    }

    /// One more proxy, in a process of its own; gives it with its address.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn another_proxy(&self, name: &str) -> (Node, String) {
        let config = std::fs::read_to_string(self.auth.config()).unwrap_or_default();
        let auth = config.lines().find_map(|line| line.strip_prefix("  listen_addr: "));
        let Some(auth) = auth else { panic!("the auth service has no address: {config}") };
        let join = format!("  auth_server: {auth}\n{}", self.join_params("proxy"));
        let mut proxy = self.node(name, &join, &proxy_section());
        let address = proxy.settle("proxy");
        (proxy, address)
    }

    /// An agent that was added, by its name.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn agent_named(&mut self, name: &str) -> &mut Node {
        match self.agents.iter_mut().find(|agent| agent.name() == name) {
            Some(agent) => agent,
            None => panic!("there is no agent {name:?}"),
        }
    }

    /// A process with the lines of the `tessera` section that say how it joins, and the sections of
    /// its services; started.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn node(&self, name: &str, join: &str, services: &str) -> Node {
        let mut node = Node::new(&self.binaries, &self.scratch, name, join, services);
        node.start();
        node
    }

    /// The lines by which a process joins: a new token, good for `services`, and the right pin.
    ///
    /// # Panics
    /// When no token is made.
    #[must_use]
    #[track_caller]
    pub fn join_params(&self, services: &str) -> String {
        join_params(&self.token(services, "30m"), &self.ca_pin)
    }

    /// The process with the auth service.
    pub fn auth(&mut self) -> &mut Node {
        &mut self.auth
    }

    /// The configuration file of the process with the auth service.
    #[must_use]
    pub fn auth_config(&self) -> &Path {
        self.auth.config()
    }

    /// Where the auth service is spoken to by whoever is at its machine.
    #[must_use]
    pub fn auth_socket(&self) -> PathBuf {
        self.auth.data().join("auth.sock")
    }

    /// The process with the proxy.
    pub fn proxy(&mut self) -> &mut Node {
        self.proxy.as_mut().unwrap_or(&mut self.auth)
    }

    /// The process with the first agent.
    pub fn agent(&mut self) -> &mut Node {
        self.agents.first_mut().unwrap_or(&mut self.auth)
    }

    /// The process with the agent that has this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn agent_called(&mut self, name: &str) -> &mut Node {
        match self.agents.iter_mut().find(|agent| agent.name() == name) {
            Some(agent) => agent,
            None => panic!("no agent is called {name}"),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `host:port` of the proxy.
    #[must_use]
    pub fn proxy_addr(&self) -> &str {
        &self.proxy_addr
    }

    /// What a new client pins.
    #[must_use]
    pub fn ca_pin(&self) -> &str {
        &self.ca_pin
    }

    /// The folder of this cluster.
    #[must_use]
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The product's binaries.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// All that the services have written to their logs so far.
    #[must_use]
    pub fn logs(&self) -> String {
        let nodes = [&self.auth].into_iter().chain(&self.proxy).chain(&self.agents);
        nodes.map(|node| format!("=== {}\n{}", node.name(), node.log())).collect()
    }

    /// `tsh` with an identity file, as a command to which more words may be added.
    #[must_use]
    pub fn tsh_as(&self, identity: &Path) -> Argv {
        self.tsh_by(identity, &self.proxy_addr)
    }

    /// The same by another proxy.
    #[must_use]
    pub fn tsh_by(&self, identity: &Path, proxy: &str) -> Argv {
        let tsh = self.binaries.tsh().arg("-i").arg(identity).arg("--proxy").arg(proxy);
        self.at_home(tsh, &self.scratch.join("home"))
    }

    /// The way of `identity` to an app: what an MCP client is given as the server's command. It ends when its
    /// connection does, so that tests see when and why.
    #[must_use]
    pub fn way(&self, identity: &Path, app: &str) -> Argv {
        self.tsh_as(identity).args(["mcp", "connect", "--no-auto-reconnect", app])
    }

    /// `tsh` with the profiles that are kept in `home`.
    #[must_use]
    pub fn tsh_at(&self, home: &Path) -> Argv {
        self.at_home(self.binaries.tsh(), home)
    }

    /// Nothing of the developer's own profile is read or written.
    fn at_home(&self, tsh: Argv, home: &Path) -> Argv {
        tsh.with_env("TESSERA_HOME", home)
    }

    /// Takes what a developer's own shell may say out of a tool's environment.
    pub(crate) fn isolate(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("TESSERA_") || name.starts_with("TELEPORT_") {
                command.env_remove(name.as_ref());
            }
        }
        command.env("HOME", self.scratch.join("home"));
    }

    /// Starts `tsh`, or another tool, which goes on while the test does something else.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn begin_tool(&self, argv: &Argv) -> process::Process {
        let mut command = argv.command();
        self.isolate(&mut command);
        process::service(command)
    }

    /// Runs `tsh` to its end.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn run(&self, argv: &Argv, input: &str) -> process::Finished {
        let mut command = argv.command();
        self.isolate(&mut command);
        process::run(command, input.as_bytes(), wait::PATIENCE)
    }
}

/// The lines by which a process joins.
#[must_use]
pub fn join_params(token: &str, ca_pin: &str) -> String {
    format!("  join_params:\n    method: token\n    token_name: {token}\n  ca_pin: {ca_pin}\n")
}

/// An agent that serves every registered app, and what `more` says.
#[must_use]
pub fn app_section(more: &str) -> String {
    format!("app_service:\n  enabled: yes\n{more}  resources:\n  - labels:\n      '*': '*'\n")
}

fn auth_section(cluster: &str) -> String {
    format!("auth_service:\n  enabled: yes\n  cluster_name: {cluster}\n  listen_addr: {ANY_PORT}\n")
}

fn proxy_section() -> String {
    format!("proxy_service:\n  enabled: yes\n  web_listen_addr: {ANY_PORT}\n")
}

/// The name of the user who runs this: whom agents may start servers as.
///
/// # Panics
/// When that user has no name.
#[must_use]
pub fn own_user() -> String {
    match nix::unistd::User::from_uid(nix::unistd::Uid::effective()) {
        Ok(Some(user)) => user.name,
        other => panic!("whoever runs this has no name: {other:?}"),
    }
}
