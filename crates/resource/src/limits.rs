//! How much a document may ask of its reader.

/// Bounds on what is read. Each has a default that no honest document comes near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a source with all its documents.
    pub source_bytes: usize,
    /// Values inside values, in one document.
    pub depth: usize,
    /// Values of one document, what its aliases stand for included.
    pub nodes: usize,
    /// Bytes of text in one document, what its aliases stand for included.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Ten thousand apps of a kilobyte and a half in one file.
            source_bytes: 16 << 20,
            // Our deepest resource needs ten.
            depth: 64,
            // The same ten thousand apps, printed as one JSON list.
            nodes: 500_000,
            text_bytes: 16 << 20,
        }
    }
}

impl Limits {
    /// For a single resource, as stored or sent: a role of nearly a hundred thousand patterns fits.
    pub const RESOURCE: Self =
        Self { source_bytes: 4 << 20, depth: 64, nodes: 100_000, text_bytes: 4 << 20 };
}

/// What one document has used of its limits.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    nodes: usize,
    text_bytes: usize,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, nodes: 0, text_bytes: 0 }
    }

    /// Accounts for values; the error is the message.
    pub(crate) fn spend(&mut self, nodes: usize, text_bytes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.text_bytes = self.text_bytes.saturating_add(text_bytes);
        if self.nodes > self.limits.nodes {
            return Err(format!("the document holds more than {} values", self.limits.nodes));
        }
        if self.text_bytes > self.limits.text_bytes {
            let limit = self.limits.text_bytes;
            return Err(format!("the document holds more than {limit} bytes of text"));
        }
        Ok(())
    }

    /// Checks how deep a value lies; the document itself is at depth one.
    pub(crate) fn check_depth(&self, depth: usize) -> Result<(), String> {
        if depth > self.limits.depth {
            return Err(format!("values are nested more than {} deep", self.limits.depth));
        }
        Ok(())
    }
}
