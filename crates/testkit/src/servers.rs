//! MCP servers that listen: each on a port of its own, ended with the test that started it.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::process::{self, Process};
use crate::{Argv, Cluster, Real, wait};

/// Ports that the kernel gives to nobody by itself, neither to listeners that ask for any nor to
/// connections: only another search like ours can take one between its choice and its use.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A running server that is spoken to over HTTP.
#[derive(Debug)]
pub struct HttpServer {
    process: Process,
    port: u16,
    path: String,
}

// === impl HttpServer ===

impl HttpServer {
    /// Starts a server that is told its port, and waits until it listens. `path` is where it
    /// speaks MCP.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn told(path: &str, argv: impl Fn(u16) -> Argv) -> Self {
        let port = free_port();
        let mut process = process::service(argv(port).command());
        wait::until(&format!("a server on port {port}"), wait::PATIENCE, || {
            if let Some(status) = process.status() {
                panic!("the server ended ({status}):\n{}{}", process.stdout(), process.stderr());
            }
            let reached = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
            reached.map(drop).map_err(|cause| format!("{cause}; it wrote:\n{}", process.stderr()))
        });
        Self { process, port, path: path.to_owned() }
    }

    /// Starts one of our own servers, which take any port and say `port NUMBER` when they listen.
    ///
    /// # Panics
    /// When it does not say so.
    #[must_use]
    #[track_caller]
    pub fn telling(path: &str, argv: &Argv) -> Self {
        let mut process = process::service(argv.command());
        process.wait_for_output("port ", wait::PATIENCE);
        let port = wait::until("the port's number", wait::PATIENCE, || {
            let said = process.stdout();
            let line = said.lines().find_map(|line| line.strip_prefix("port ")).map(str::trim);
            let whole = said.contains('\n');
            line.filter(|_| whole).and_then(|port| port.parse().ok()).ok_or(said)
        });
        Self { process, port, path: path.to_owned() }
    }

    /// Where it speaks MCP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.path)
    }

    /// The same as the URI of an app resource. `scheme` is `mcp+http` or `mcp+sse+http`.
    #[must_use]
    pub fn uri(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{}", self.port, self.path)
    }

    /// Its port on the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

// === impl Real ===

impl Real {
    /// The official fixture server of the conformance suite: streamable HTTP, every revision from
    /// 2024-11-05 to 2026-07-28.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn fixture(&self) -> HttpServer {
        HttpServer::told("/mcp", |port| {
            let words = ["-m", "mcp_everything_server", "--log-level", "WARNING", "--port"];
            let python = Argv::new(self.python()).args(words).arg(port.to_string());
            python.with_env("PYTHONPATH", self.fixture_source())
        })
    }

    /// The same over stdio.
    #[must_use]
    pub fn fixture_stdio(&self) -> Argv {
        let run = "from mcp_everything_server.server import mcp; mcp.run(transport='stdio')";
        let python = Argv::new(self.python()).args(["-W", "ignore", "-c", run]);
        python.with_env("PYTHONPATH", self.fixture_source())
    }

    /// The same over HTTP+SSE.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn fixture_sse(&self) -> HttpServer {
        HttpServer::told("/sse", |port| {
            let run = format!(
                "from mcp_everything_server.server import mcp; mcp.run(transport='sse', port={port})"
            );
            let python = Argv::new(self.python()).args(["-W", "ignore", "-c", &run]);
            python.with_env("PYTHONPATH", self.fixture_source())
        })
    }

    fn fixture_source(&self) -> PathBuf {
        self.sdist().join("examples/servers/everything-server")
    }

    /// `@modelcontextprotocol/server-everything` over streamable HTTP: the legacy era only.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn everything_http(&self) -> HttpServer {
        self.everything_on("/mcp", "streamableHttp")
    }

    /// The same over HTTP+SSE, the transport of 2024-11-05.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn everything_sse(&self) -> HttpServer {
        self.everything_on("/sse", "sse")
    }

    /// A way over HTTP to an app behind the gateway, for clients that have no certificate: the one
    /// of `identity` is added to what they send.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn forwarder(&self, cluster: &Cluster, identity: &Path, app: &str) -> HttpServer {
        let argv = Argv::new(self.node()).arg(self.script("clients/forwarder.mjs"));
        let argv = argv.arg(identity).arg(cluster.proxy_addr()).arg(format!("/mcp/apps/{app}"));
        HttpServer::telling("/mcp", &argv)
    }

    /// The proxy's TLS with the certificate of `identity`, and nothing above it: the port of the
    /// loopback address that leads there.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn tls_pipe(&self, cluster: &Cluster, identity: &Path) -> HttpServer {
        let argv = Argv::new(self.node()).arg(self.script("clients/tls_pipe.mjs"));
        HttpServer::telling("", &argv.arg(identity).arg(cluster.proxy_addr()))
    }

    #[track_caller]
    fn everything_on(&self, path: &str, transport: &str) -> HttpServer {
        let script = self.package("servers", "server-everything").join("dist/index.js");
        HttpServer::told(path, |port| {
            Argv::new(self.node()).arg(&script).arg(transport).with_env("PORT", port.to_string())
        })
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests run in many processes at once: each begins elsewhere.
    let begin = std::process::id().wrapping_mul(2_654_435_761) >> 16;
    for _ in PORTS {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let width = u32::from(PORTS.end - PORTS.start);
        let offset = begin.wrapping_add(step) % width;
        let port = PORTS.start + u16::try_from(offset).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free")
}
