//! A browser without a screen, for the few pages that people see.

use serde_json::Value;

use crate::{Argv, Real, process, wait};

/// Opens pages and sends forms, each time as a new visitor.
#[derive(Debug)]
pub struct Browser {
    argv: Argv,
}

/// What a visitor sees.
#[derive(Debug)]
pub struct Page {
    seen: Value,
}

// === impl Browser ===

impl Browser {
    /// The script that is one.
    #[must_use]
    pub fn new(real: &Real) -> Self {
        Self { argv: real.browser() }
    }

    /// Opens a page.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    #[track_caller]
    pub fn open(&self, url: &str) -> Page {
        self.see("open", url, "")
    }

    /// Opens a page, fills its form, and sends that: the page that comes then.
    ///
    /// # Panics
    /// When there is no answer, or the form has no such field.
    #[must_use]
    #[track_caller]
    pub fn send(&self, url: &str, fields: &Value) -> Page {
        self.see("send", url, &fields.to_string())
    }

    /// Opens a page, follows where it leads with cookies, and fills the forms on the way: what is seen in the
    /// end, and each step. `wishes` are described in the script's head.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    #[track_caller]
    pub fn walk(&self, url: &str, wishes: &Value) -> Value {
        self.see("walk", url, &wishes.to_string()).seen
    }

    #[track_caller]
    fn see(&self, verb: &str, url: &str, input: &str) -> Page {
        let argv = self.argv.clone().args([verb, url]);
        let done = process::run(argv.command(), input.as_bytes(), wait::PATIENCE);
        let seen = serde_json::from_slice(&done.stdout).unwrap_or_else(|_no_json| {
            panic!("the browser saw nothing at {url} ({}):\n{}", done.status, done.stderr)
        });
        Page { seen }
    }
}

// === impl Page ===

impl Page {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u64 {
        self.seen.get("status").and_then(Value::as_u64).unwrap_or_default()
    }

    /// What a person reads.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text_of("text").unwrap_or_default()
    }

    /// The secret that stands on the page.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.text_of("secret")
    }

    /// A header of the answer, by its name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.seen.pointer(&format!("/headers/{name}"))?.as_str()
    }

    fn text_of(&self, name: &str) -> Option<&str> {
        self.seen.get(name)?.as_str()
    }
}
