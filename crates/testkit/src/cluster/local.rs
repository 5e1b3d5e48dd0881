//! `tsh proxy mcp` as somebody runs it beside a client.

use std::path::Path;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

use super::Cluster;
use crate::process::{self, Process};
use crate::{Argv, wait};

/// A running `tsh proxy mcp`.
#[derive(Debug)]
pub struct LocalProxy {
    process: Process,
    port: u16,
}

// === impl Cluster ===

impl Cluster {
    /// Starts one for an app, on a free port, as `identity`.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn local_proxy(&self, identity: &Path, app: &str) -> LocalProxy {
        LocalProxy::start(&self.tsh_as(identity).args(["proxy", "mcp", app]))
    }
}

// === impl LocalProxy ===

impl LocalProxy {
    /// Starts it by a command line.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(argv: &Argv) -> Self {
        const SAID: &str = " on 127.0.0.1:";
        let mut process = process::service(argv.command());
        process.wait_for_output(SAID, wait::PATIENCE);
        let told = process.stdout();
        let port = told.split_once(SAID).and_then(|(_, rest)| rest.lines().next());
        let port = port.and_then(|port| port.parse().ok());
        Self { port: port.unwrap_or_else(|| panic!("no port in {told:?}")), process }
    }

    /// Where clients ask.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    /// On which port it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Asks it to end, and waits.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn stop(&mut self, signal: Signal) -> ExitStatus {
        self.process.signal(signal);
        self.process.wait(wait::PATIENCE)
    }
}
