//! A stand-in for what a CI platform gives to its jobs; its tokens are made by a library of another language.

use serde_json::Value;

use crate::http::Call;
use crate::{Argv, HttpServer, Real};

/// What jobs ask it for tokens with.
const BEARER: &str = "what-only-the-job-knows";

/// A running one.
#[derive(Debug)]
pub struct CiPlatform {
    server: HttpServer,
}

// === impl CiPlatform ===

impl CiPlatform {
    /// Starts one.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(real: &Real) -> Self {
        let argv = Argv::new(real.python())
            .arg(real.script("servers/ci_platform.py"))
            .with_env("BEARER", BEARER);
        Self { server: HttpServer::telling("", &argv) }
    }

    /// The keys that verify its tokens.
    #[must_use]
    pub fn keys(&self) -> String {
        self.ask(&Call::new("GET", "/jwks")).to_string()
    }

    /// Says what its tokens say from now on, beside times and audience.
    pub fn say(&self, claims: &Value) {
        let _said = self.ask(&Call::new("PUT", "/_ctl/claims").body(claims.to_string()));
    }

    /// The variables that a job finds, as `NAME=VALUE`.
    #[must_use]
    pub fn variables(&self) -> [String; 2] {
        [
            format!("ACTIONS_ID_TOKEN_REQUEST_URL={}/token?api-version=2.0", self.server.url()),
            format!("ACTIONS_ID_TOKEN_REQUEST_TOKEN={BEARER}"),
        ]
    }

    fn ask(&self, call: &Call) -> Value {
        match call.send(self.server.port()) {
            Ok(reply) => reply.json(),
            Err(cause) => panic!("the platform does not answer: {cause}"),
        }
    }
}
