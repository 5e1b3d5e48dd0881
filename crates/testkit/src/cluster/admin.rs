//! What an administrator does on the auth service's host: `tctl -c FILE`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Cluster, own_user};
use crate::process::{self, Finished};
use crate::{Argv, wait};

// === impl Cluster ===

impl Cluster {
    /// Runs `tctl`, for the caller to judge.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn tctl(&self, words: &[&str]) -> Finished {
        self.tctl_with(words, "")
    }

    /// Runs `tctl` with something to read.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn tctl_with(&self, words: &[&str], input: &str) -> Finished {
        let mut command = self.binaries.tctl();
        command.arg("-c").arg(self.auth.config()).args(words);
        self.isolate(&mut command);
        process::run(command, input.as_bytes(), wait::PATIENCE)
    }

    /// `tctl` as a command, for a test that does something else meanwhile.
    #[must_use]
    pub fn tctl_argv(&self, words: &[&str]) -> Argv {
        Argv::new(self.binaries.folder().join("tctl")).arg("-c").arg(self.auth.config()).args(words)
    }

    /// Runs `tctl` without the auth service's file: from elsewhere, with an identity file, or with
    /// nothing.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn tctl_elsewhere(&self, words: &[&str]) -> Finished {
        let mut command = self.binaries.tctl();
        command.args(words);
        self.isolate(&mut command);
        process::run(command, b"", wait::PATIENCE)
    }

    /// Runs `tctl`, which must succeed: its output.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn admin(&self, words: &[&str]) -> String {
        self.admin_with(words, "")
    }

    /// The same with something to read.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn admin_with(&self, words: &[&str], input: &str) -> String {
        let done = self.tctl_with(words, input);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(
            done.status.success(),
            "tctl {words:?} failed ({}):\n{said}{}",
            done.status,
            done.stderr
        );
        said
    }

    /// Runs `tctl`, which must succeed and print JSON.
    ///
    /// # Panics
    /// When it fails, or prints something else.
    #[must_use]
    #[track_caller]
    pub fn tctl_json(&self, words: &[&str]) -> Value {
        let said = self.admin(words);
        serde_json::from_str(&said)
            .unwrap_or_else(|cause| panic!("tctl {words:?} prints no JSON ({cause}):\n{said}"))
    }

    /// Creates a resource, or replaces it.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn put(&self, document: &Value) {
        self.admin_with(&["create", "-f", "-"], &document.to_string());
    }

    /// A role of the newest version with this `allow` and `deny`.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn role(&self, name: &str, allow: &Value, deny: &Value) {
        self.put(&json!({
            "kind": "role", "version": "v8", "metadata": {"name": name},
            "spec": {"allow": allow, "deny": deny},
        }));
    }

    /// A role that reaches every app, and these tools of it.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn tools_role(&self, name: &str, tools: &[&str]) {
        self.role(name, &json!({"app_labels": {"*": "*"}, "mcp": {"tools": tools}}), &json!({}));
    }

    /// Registers a stdio server that runs as whoever runs this, and waits until it is served.
    ///
    /// # Panics
    /// When it is refused or not served.
    #[track_caller]
    pub fn app(&self, name: &str, server: &Argv) {
        self.put(&app_document(name, server, &own_user()));
        self.await_served(name);
    }

    /// Registers a server that is dialled at `uri`, and waits until it is served.
    ///
    /// # Panics
    /// When it is refused or not served.
    #[track_caller]
    pub fn app_at(&self, name: &str, uri: &str) {
        self.put(&json!({
            "kind": "app", "version": "v3",
            "metadata": {"name": name, "labels": {"env": "test"}},
            "spec": {"uri": uri},
        }));
        self.await_served(name);
    }

    /// The same for a server that is known to speak one era: `legacy` or `modern`.
    ///
    /// # Panics
    /// When it is refused or not served.
    #[track_caller]
    pub fn app_pinned(&self, name: &str, uri: &str, protocol: &str) {
        self.put(&json!({
            "kind": "app", "version": "v3",
            "metadata": {"name": name, "labels": {"env": "test"}},
            "spec": {"uri": uri, "mcp": {"protocol": protocol}},
        }));
        self.await_served(name);
    }

    /// Waits until some agent serves an app as it is registered.
    ///
    /// # Panics
    /// When none does.
    #[track_caller]
    pub fn await_served(&self, name: &str) {
        wait::until(&format!("{name} to be served"), wait::PATIENCE, || {
            let status = self.app_status(name);
            let states = status.iter().filter_map(|server| server.get("state")?.as_str());
            match states.into_iter().any(|state| state == "serving") {
                true => Ok(()),
                false => Err(format!("its status is {status:?}")),
            }
        });
    }

    /// What the app's `status` says of each agent.
    ///
    /// # Panics
    /// When there is no such app.
    #[must_use]
    #[track_caller]
    pub fn app_status(&self, name: &str) -> Vec<Value> {
        let app = self.get(&format!("app/{name}"));
        app.pointer("/status/servers").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// One resource.
    ///
    /// # Panics
    /// When there is none of this name.
    #[must_use]
    #[track_caller]
    pub fn get(&self, reference: &str) -> Value {
        let found = self.tctl_json(&["get", reference, "--format=json"]);
        found.get(0).cloned().unwrap_or(found)
    }

    /// A user with these roles, without credentials.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn user(&self, name: &str, roles: &[&str]) {
        self.put(&json!({
            "kind": "user", "version": "v2", "metadata": {"name": name},
            "spec": {"roles": roles},
        }));
    }

    /// A user with these roles; gives an identity file of theirs.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    #[track_caller]
    pub fn identity(&self, name: &str, roles: &[&str]) -> PathBuf {
        self.user(name, roles);
        self.sign(name, "1h")
    }

    /// An identity file of an existing user.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    #[track_caller]
    pub fn sign(&self, name: &str, ttl: &str) -> PathBuf {
        let file = self.scratch.join(format!("{name}.pem"));
        self.admin(&["auth", "sign", "--user", name, "--ttl", ttl, "--out", text(&file)]);
        file
    }

    /// A join token for these services.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    #[track_caller]
    pub fn token(&self, services: &str, ttl: &str) -> String {
        let kind = format!("--type={services}");
        let ttl = format!("--ttl={ttl}");
        self.admin(&["tokens", "add", &kind, &ttl, "--format=text"]).trim().to_owned()
    }

    /// Audit records that `words` ask for, the newest first.
    ///
    /// # Panics
    /// When they are not JSON.
    #[must_use]
    #[track_caller]
    pub fn audit(&self, words: &[&str]) -> Vec<Value> {
        let words = [&["audit", "ls", "--format=json"], words].concat();
        match self.tctl_json(&words) {
            Value::Array(events) => events,
            other => panic!("audit records are a list: {other}"),
        }
    }

    /// Waits until there is an audit record that fits: agents bring theirs in batches.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn await_audit(&self, what: &str, words: &[&str], fits: impl Fn(&Value) -> bool) -> Value {
        wait::until(&format!("the audit record of {what}"), wait::PATIENCE, || {
            let events = self.audit(words);
            let found = events.iter().find(|event| fits(event)).cloned();
            found.ok_or_else(|| {
                let lines = events.iter().map(Value::to_string).collect::<Vec<_>>();
                format!("there is\n{}", lines.join("\n"))
            })
        })
    }
}

/// The document of a stdio server.
#[must_use]
pub fn app_document(name: &str, server: &Argv, user: &str) -> Value {
    json!({
        "kind": "app", "version": "v3",
        "metadata": {"name": name, "labels": {"env": "test"}},
        "spec": {"mcp": {
            "command": server.program(),
            "args": server.arguments(),
            "run_as_host_user": user,
        }},
    })
}

fn text(path: &Path) -> &str {
    match path.to_str() {
        Some(text) => text,
        None => panic!("{} is not UTF-8", path.display()),
    }
}
