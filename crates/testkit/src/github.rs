//! A stand-in for GitHub: the one provider that cannot be run here.

use serde_json::{Value, json};

use crate::http::Call;
use crate::{Argv, Cluster, HttpServer, Real};

/// What the cluster proves itself with: each character of it means something somewhere.
const CLIENT_SECRET: &str = "a secret: 50% &more+";

/// A running one. `alice`, `bob` and `eve` are known at it; their passwords are their names.
#[derive(Debug)]
pub struct Github {
    server: HttpServer,
}

// === impl Github ===

impl Github {
    /// Starts one.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(real: &Real, _cluster: &Cluster) -> Self {
        let argv = Argv::new(real.python())
            .arg(real.script("servers/github.py"))
            .with_env("CLIENT_SECRET", CLIENT_SECRET);
        Self { server: HttpServer::telling("", &argv) }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What the cluster proves itself with.
    #[must_use]
    pub fn client_secret(&self) -> &'static str {
        CLIENT_SECRET
    }

    /// A connector to it, by which members of `octo-org/eng` are developers. `more` is added to the spec.
    #[must_use]
    pub fn connector(&self, name: &str, more: &Value) -> Value {
        let mut spec = json!({
            "client_id": "gateway", "client_secret": CLIENT_SECRET, "endpoint_url": self.url(),
            "teams_to_roles": [{"organization": "octo-org", "team": "eng", "roles": ["developer"]}],
        });
        if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
            spec.extend(more.clone());
        }
        json!({"kind": "github", "version": "v3", "metadata": {"name": name}, "spec": spec})
    }

    /// Has it misbehave, or gives somebody other teams: see the script's head.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn change(&self, change: &Value) {
        let _said = self.ask(&Call::new("PUT", "/_ctl").body(change.to_string()));
    }

    /// How often it was asked for a path.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn asked(&self, path: &str) -> u64 {
        let asked = self.ask(&Call::new("GET", "/_ctl"));
        asked.get(path).and_then(Value::as_u64).unwrap_or_default()
    }

    fn ask(&self, call: &Call) -> Value {
        match call.send(self.server.port()) {
            Ok(reply) => reply.json(),
            Err(cause) => panic!("GitHub's stand-in does not answer: {cause}"),
        }
    }
}
