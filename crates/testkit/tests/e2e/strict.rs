//! Messages that two readers understand differently, each against servers that would have been
//! fooled: nothing of them reaches the server, the client is told in its era, and the audit log
//! knows.
//!
//! The role lets `echo` be used and nothing else; every attack wants `wipe`.

mod answers;
mod attacks;
mod framing;
mod http;
mod lies;
mod stdio;
mod told;

use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::{Argv, Cluster, Real, wait};

/// What reads JSON in a way of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Python,
    Node,
    Go,
}

/// A server that believes what it reads, and its log.
#[derive(Debug)]
pub(crate) struct Fooled {
    argv: Argv,
    log: PathBuf,
}

impl Reader {
    const ALL: [Self; 3] = [Self::Python, Self::Node, Self::Go];

    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
            Self::Go => "go",
        }
    }
}

impl Fooled {
    /// Its command, to which the transport is to be added.
    fn new(real: &Real, reader: Reader, folder: &Path) -> Self {
        let log = folder.join(format!("{}.log", reader.name()));
        let argv = match reader {
            Reader::Node => Argv::new(real.node()).arg(real.script("servers/fooled.mjs")).arg(&log),
            Reader::Python | Reader::Go => Argv::new(real.python())
                .arg(real.script("servers/fooled.py"))
                .arg(&log)
                .arg(reader.name()),
        };
        Self { argv, log }
    }

    fn stdio(&self) -> Argv {
        self.argv.clone().arg("stdio")
    }

    /// Whether it acted on a call of the tool that nobody may use.
    fn wiped(&self) -> bool {
        self.log().lines().any(|line| line == "did tools/call wipe")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn forget(&self) {
        std::fs::write(&self.log, "").unwrap();
    }
}

/// Waits until `app` has this many refusals in the audit log.
#[track_caller]
fn await_refusals(cluster: &Cluster, app: &str, wanted: usize) {
    wait::until(&format!("{wanted} refusals in the audit log"), wait::PATIENCE, || {
        let events = cluster.audit(&["--limit=1000"]);
        let refused = events.iter().filter(|event| {
            let is = |key: &str, value: &str| event.get(key).and_then(Value::as_str) == Some(value);
            is("app_name", app) && (is("code", "TMCP003E") || is("code", "TMCP006E"))
        });
        match refused.count() {
            count if count >= wanted => Ok(()),
            count => Err(format!("there are {count}")),
        }
    });
}
