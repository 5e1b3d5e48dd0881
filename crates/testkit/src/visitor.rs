//! A person in front of a real browser, with security keys that are virtual.

use serde_json::{Value, json};

use crate::{Argv, Cluster, Real, process, wait};

/// Goes through pages of a cluster, each time in a new browser.
#[derive(Debug)]
pub struct Visitor {
    argv: Argv,
    address: String,
}

/// What is seen after a step.
#[derive(Debug)]
pub struct Sight(Value);

// === impl Visitor ===

impl Visitor {
    /// One who believes the certificate of the cluster's proxy, and no other that browsers do not.
    #[must_use]
    pub fn new(real: &Real, cluster: &Cluster) -> Self {
        Self { argv: real.visitor(), address: cluster.proxy_addr().to_owned() }
    }

    /// Takes steps, which the head of the script describes; gives what is seen after each.
    ///
    /// # Panics
    /// When the browser does not work.
    #[must_use]
    #[track_caller]
    pub fn visit(&self, steps: &[Value]) -> Vec<Sight> {
        let plan = json!({"address": self.address, "steps": steps});
        let done = process::run(self.argv.command(), plan.to_string().as_bytes(), wait::PATIENCE);
        match serde_json::from_slice::<Vec<Value>>(&done.stdout) {
            Ok(seen) => seen.into_iter().map(Sight).collect(),
            Err(_) => panic!("the browser saw nothing ({}):\n{}", done.status, done.stderr),
        }
    }

    /// The same; gives what is seen in the end.
    ///
    /// # Panics
    /// When the browser does not work.
    #[must_use]
    #[track_caller]
    pub fn see(&self, steps: &[Value]) -> Sight {
        match self.visit(steps).pop() {
            Some(sight) => sight,
            None => panic!("no steps"),
        }
    }
}

// === impl Sight ===

impl Sight {
    /// The status of the last page.
    #[must_use]
    pub fn status(&self) -> u64 {
        self.0.get("status").and_then(Value::as_u64).unwrap_or_default()
    }

    /// What a person reads.
    #[must_use]
    pub fn text(&self) -> &str {
        self.word("text")
    }

    /// What a person is told of what went wrong.
    #[must_use]
    pub fn problem(&self) -> &str {
        self.word("problem")
    }

    /// Where the browser is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.word("url")
    }

    /// What the step gave.
    #[must_use]
    pub fn gave(&self) -> &Value {
        self.0.get("gave").unwrap_or(&Value::Null)
    }

    /// Anything else that is seen, by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    fn word(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
