//! Where people sign in: a cluster, a provider, a terminal and a browser.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::process::Finished;
use testkit::{Argv, Browser, Cluster, Process, Real, wait};

/// A cluster with a provider, and a role that gives what the provider says.
pub(super) struct Office<P> {
    pub(super) real: Real,
    pub(super) cluster: Cluster,
    pub(super) provider: P,
}

impl<P> Office<P> {
    pub(super) fn open(provider: impl FnOnce(&Real, &Cluster) -> P) -> Self {
        let (real, cluster) = (Real::locate(), Cluster::single());
        let provider = provider(&real, &cluster);
        let allow = json!({"app_labels": {"*": "*"}, "mcp": {"tools": ["{{external.mcp_tools}}"]}});
        cluster.role("developer", &allow, &json!({}));
        Self { real, cluster, provider }
    }

    pub(super) fn home(&self, name: &str) -> PathBuf {
        self.cluster.scratch().join(format!("home of {name}"))
    }

    /// `tsh login`, waiting for a browser at its link.
    pub(super) fn begin(&self, home: &Path, words: &[&str]) -> (Process, String) {
        let pin = format!("--ca-pin={}", self.cluster.ca_pin());
        let tsh = self.cluster.tsh_at(home).args(["login", "--browser=none", &pin]);
        let tsh = tsh.args(["--proxy", self.cluster.proxy_addr()]).args(words);
        self.await_link(&tsh)
    }

    pub(super) fn await_link(&self, tool: &Argv) -> (Process, String) {
        let mut tool = self.cluster.begin_tool(tool);
        tool.wait_for_output("/web/sso/", wait::PATIENCE);
        let said = tool.stderr();
        let link = said.split_whitespace().find(|word| word.contains("/web/sso/")).unwrap();
        (tool, link.to_owned())
    }

    /// A person opens the link, and signs in at the provider.
    pub(super) fn visit(&self, link: &str, name: &str) -> Value {
        let fields = json!({"login": name, "password": name});
        Browser::new(&self.real).walk(link, &json!({"fields": fields}))
    }

    pub(super) fn login(&self, name: &str, words: &[&str]) -> Finished {
        let (mut tsh, link) = self.begin(&self.home(name), words);
        let seen = self.visit(&link, name);
        let text = seen.get("text").and_then(Value::as_str).unwrap();
        assert!(text.contains("Back to the terminal"), "{seen}");
        finished(&mut tsh)
    }

    /// `tctl sso test` of a connector: alice signs in.
    pub(super) fn try_connector(&self, document: &str) -> Finished {
        let file = self.cluster.scratch().write(Path::new("connector.yaml"), document);
        let words = ["sso", "test", crate::gateway::text(&file), "--browser=none"];
        let (mut tctl, link) = self.await_link(&self.cluster.tctl_argv(&words));
        let _seen = self.visit(&link, "alice");
        finished(&mut tctl)
    }

    /// The same; it would be refused, and these words are said.
    #[track_caller]
    pub(super) fn try_in_vain(&self, document: &str, expected: &[&str]) {
        let tried = self.try_connector(document);
        let said = String::from_utf8(tried.stdout).unwrap();
        assert_eq!(tried.status.code(), Some(1), "{said}{}", tried.stderr);
        for words in expected {
            assert!(said.contains(words), "{words:?} is missing:\n{said}");
        }
    }
}

pub(super) fn finished(tool: &mut Process) -> Finished {
    let status = tool.wait(wait::PATIENCE);
    Finished { status, stdout: tool.stdout().into_bytes(), stderr: tool.stderr() }
}
