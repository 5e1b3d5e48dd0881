//! What must hold for any input at all: fuzz targets for everything that reads what others wrote.
//!
//! A target reads an input as some part of Tessera would, and panics when something does not hold. It is run
//! in two ways. `cargo xtask fuzz` searches for inputs, guided by coverage, and adds those that reach new
//! code to `target/fuzz`. Those worth keeping, and everything that ever failed, are in `corpus`; a test runs
//! them all, and holds each to the bounds of [`bound`]. `words` has the pieces that inputs are made of.
//!
//! An input of several parts has a unit separator (U+001F) between them, so that it stays readable text.

pub mod bound;
mod bridge;
mod clause;
mod documents;
mod envelope;
mod events;
mod expression;
mod framing;
mod headers;
mod list;
mod parts;
mod probe;
mod regex;
mod role;
mod saml;
mod template;

/// Something that reads inputs.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called, and its folder in the corpus.
    pub name: &'static str,
    /// What it reads, for people.
    pub about: &'static str,
    run: fn(&str),
}

/// Every target.
pub const TARGETS: [Target; 14] = [
    Target { name: "template", about: "templates, filled in from traits", run: template::run },
    Target { name: "expression", about: "label expressions, evaluated", run: expression::run },
    Target {
        name: "clause",
        about: "where clauses and actions of rules, evaluated",
        run: clause::run,
    },
    Target {
        name: "regex",
        about: "patterns, matched and replaced by three different ways that must agree",
        run: regex::run,
    },
    Target {
        name: "role",
        about: "role documents, checked, compiled and decided by",
        run: role::run,
    },
    Target {
        name: "documents",
        about: "resources in YAML and JSON, read and printed",
        run: documents::run,
    },
    Target {
        name: "envelope",
        about: "messages of clients and servers, read beside another reader of JSON",
        run: envelope::run,
    },
    Target { name: "bridge", about: "both sides of a bridge between the eras", run: bridge::run },
    Target { name: "list", about: "answers to list requests, filtered", run: list::run },
    Target {
        name: "events",
        about: "event streams, cut up in every way and read beside another reader",
        run: events::run,
    },
    Target {
        name: "headers",
        about: "headers that repeat what a request says, and what they are made of",
        run: headers::run,
    },
    Target {
        name: "framing",
        about: "requests on a connection, where one ends and the next begins, read beside another reader",
        run: framing::run,
    },
    Target {
        name: "saml",
        about: "responses of SAML providers, of which some are signed, and their metadata",
        run: saml::run,
    },
    Target { name: "probe", about: "answers that tell a server's era", run: probe::run },
];

// === impl Target ===

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// Reads an input; panics when something does not hold. Larger inputs than
    /// [`bound::INPUT_BYTES`], and those that are not UTF-8, say nothing.
    pub fn run(&self, input: &[u8]) {
        if input.len() > bound::INPUT_BYTES {
            return;
        }
        // Where bytes become text is one call to the standard library; behind it everything is text.
        if let Ok(text) = std::str::from_utf8(input) {
            (self.run)(text);
        }
    }
}
