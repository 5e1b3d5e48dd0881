//! The grid of eras and transports: servers that offer the same in each of them, and official
//! clients that walk through it. What they see depends on the server alone, so it must be the same
//! on every way.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process;
use crate::{Argv, Cluster, HttpServer, Real, wait};

/// An era and a transport of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 2024-11-05 to 2025-11-25 over stdio.
    LegacyStdio,
    /// The same over streamable HTTP, with sessions.
    LegacyHttp,
    /// The same over HTTP+SSE.
    LegacySse,
    /// 2026-07-28 over stdio, and nothing older.
    ModernStdio,
    /// The same over HTTP.
    ModernHttp,
}

/// One of the grid's servers.
#[derive(Debug)]
pub struct GridServer {
    kind: Kind,
    log: PathBuf,
    stdio: Argv,
    http: Option<HttpServer>,
}

/// A client that nobody here wrote, and the era it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walker {
    /// The JavaScript SDK 1.x, which knows the legacy era only.
    Js1,
    /// The JavaScript client 2.x in the legacy era.
    Js2Legacy,
    /// The JavaScript client 2.x in the modern era.
    Js2Modern,
    /// The Python SDK 2.x in the legacy era.
    PythonLegacy,
    /// The Python SDK 2.x in the modern era.
    PythonModern,
}

/// Where a client is sent.
#[derive(Debug, Clone)]
pub enum Way {
    /// What it starts and speaks to over stdio.
    Command(Argv),
    /// What it asks over streamable HTTP.
    Http(String),
    /// What it asks over HTTP+SSE.
    Sse(String),
}

// === impl Kind ===

impl Kind {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::LegacyStdio, Self::LegacyHttp, Self::LegacySse, Self::ModernStdio, Self::ModernHttp];

    /// Whether it speaks 2026-07-28.
    #[must_use]
    pub fn is_modern(self) -> bool {
        matches!(self, Self::ModernStdio | Self::ModernHttp)
    }

    fn words(self) -> [&'static str; 2] {
        match self {
            Self::LegacyStdio => ["legacy", "stdio"],
            Self::LegacyHttp => ["legacy", "http"],
            Self::LegacySse => ["legacy", "sse"],
            Self::ModernStdio => ["modern", "stdio"],
            Self::ModernHttp => ["modern", "http"],
        }
    }
}

// === impl GridServer ===

impl GridServer {
    /// Starts it, unless it is one that its client starts. `log` is where it writes what it was
    /// asked.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(real: &Real, kind: Kind, log: &Path) -> Self {
        let argv = Argv::new(real.node()).arg(real.script("servers/grid/server.mjs"));
        let argv = argv.arg(real.modules("sdk")).arg(log).args(kind.words());
        let http = match kind {
            Kind::LegacyStdio | Kind::ModernStdio => None,
            Kind::LegacyHttp | Kind::ModernHttp => Some(HttpServer::telling("/mcp", &argv)),
            Kind::LegacySse => Some(HttpServer::telling("/sse", &argv)),
        };
        Self { kind, log: log.to_owned(), stdio: argv, http }
    }

    /// Straight to it.
    #[must_use]
    pub fn direct(&self) -> Way {
        match (&self.http, self.kind) {
            (None, _) => Way::Command(self.stdio.clone()),
            (Some(http), Kind::LegacySse) => Way::Sse(http.url()),
            (Some(http), _) => Way::Http(http.url()),
        }
    }

    /// Registers it as an app.
    ///
    /// # Panics
    /// When it is refused or not served.
    #[track_caller]
    pub fn register(&self, cluster: &Cluster, name: &str) {
        match (&self.http, self.kind) {
            (None, _) => cluster.app(name, &self.stdio),
            (Some(http), Kind::LegacySse) => cluster.app_at(name, &http.uri("mcp+sse+http")),
            (Some(http), _) => cluster.app_at(name, &http.uri("mcp+http")),
        }
    }

    /// How many calls of it were cancelled so far.
    #[must_use]
    pub fn cancelled(&self) -> usize {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| *line == "slow was cancelled").count()
    }
}

// === impl Walker ===

impl Walker {
    /// Those that speak the legacy era.
    pub const LEGACY: [Self; 3] = [Self::Js1, Self::Js2Legacy, Self::PythonLegacy];
    /// Those that speak the modern era.
    pub const MODERN: [Self; 2] = [Self::Js2Modern, Self::PythonModern];

    /// Those that speak an era.
    #[must_use]
    pub fn of(modern: bool) -> &'static [Self] {
        if modern { &Self::MODERN } else { &Self::LEGACY }
    }

    /// Walks through everything: what each scenario saw, `{NAME: {"saw"} or {"error"}}`.
    ///
    /// # Panics
    /// When it does not connect.
    #[must_use]
    #[track_caller]
    pub fn walk(self, real: &Real, way: &Way) -> Value {
        match self.try_walk(real, way) {
            Ok(saw) => saw,
            Err(why) => panic!("{self:?} did not connect by {way:?}: {why}"),
        }
    }

    /// The same for a caller who reports more than one failure.
    ///
    /// # Errors
    /// What it said when it did not connect.
    pub fn try_walk(self, real: &Real, way: &Way) -> Result<Value, String> {
        let done = process::run(self.argv(real, way).command(), b"", wait::PATIENCE * 3);
        let said: Result<Value, _> = serde_json::from_slice(&done.stdout);
        let scenarios = said.ok().and_then(|mut said| said.get_mut("scenarios").map(Value::take));
        scenarios.ok_or_else(|| {
            format!("{}\n{}\n{}", done.status, String::from_utf8_lossy(&done.stdout), done.stderr)
        })
    }

    fn argv(self, real: &Real, way: &Way) -> Argv {
        let js = || {
            let argv = Argv::new(real.node()).arg(real.script("clients/grid.mjs"));
            argv.arg(real.modules("sdk"))
        };
        let python = || Argv::new(real.python()).arg(real.script("clients/grid.py"));
        let argv = match self {
            Self::Js1 => js().args(["v1", "legacy"]),
            Self::Js2Legacy => js().args(["v2", "legacy"]),
            Self::Js2Modern => js().args(["v2", "modern"]),
            Self::PythonLegacy => python().arg("legacy"),
            Self::PythonModern => python().arg("modern"),
        };
        match way {
            Way::Command(server) => argv.arg("stdio").args(server.words()),
            Way::Http(url) => argv.arg("http").arg(url),
            Way::Sse(url) => argv.arg("sse").arg(url),
        }
    }
}

/// Each scenario that saw something else than it should, with what it saw.
#[must_use]
pub fn differences(expected: &Value, seen: &Value) -> Vec<String> {
    let scenarios = expected.as_object().into_iter().flatten();
    let differ = scenarios.filter_map(|(name, expected)| {
        let seen = seen.get(name).unwrap_or(&Value::Null);
        let report = match seen.get("error").and_then(Value::as_str) {
            Some(error) => error.to_owned(),
            None => seen.to_string(),
        };
        (seen != expected).then(|| format!("{name}: {report}"))
    });
    differ.collect()
}

#[cfg(test)]
mod tests;
