//! The bounds within which a message is read.

/// The longest message, in bytes: a file of 11 MiB as base64, with room for the rest.
pub const MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// So much the gateway itself may add to a message on its way: another id, who asks and who answers, who may keep it.
/// What comes in is held to [`MESSAGE_BYTES`] where it comes in; inside and on the way out it may be longer by this.
pub const ADDED_BYTES: usize = 256 * 1024;

/// The deepest nesting of arrays and objects, the message itself being one level.
/// It is what `serde_json` reads, so whatever passes here can be read again by any of our parts.
pub const DEPTH: u32 = 127;

/// The most messages in one batch; only revision 2025-03-26 has batches.
pub const BATCH_MESSAGES: usize = 100;

/// How strictly and how far a message is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in bytes.
    pub bytes: usize,
    /// The deepest nesting; values above [`DEPTH`] mean [`DEPTH`].
    pub depth: u32,
    /// Which objects must not repeat a key.
    pub unique: Unique,
    /// The most messages in a batch.
    pub batch: usize,
}

/// Which objects must not repeat a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// Every object in the message, at any depth.
    Everywhere,
    /// The objects that Tessera reads, for the keys that it reads.
    WhereRead,
}

// === impl Limits ===

impl Limits {
    /// For what a client sends: nothing in it may mean two things.
    pub const CLIENT: Self = Self {
        bytes: MESSAGE_BYTES + ADDED_BYTES,
        depth: DEPTH,
        unique: Unique::Everywhere,
        batch: BATCH_MESSAGES,
    };

    /// For what a server sends: results may be big and are passed on, not interpreted.
    pub const SERVER: Self = Self { unique: Unique::WhereRead, ..Self::CLIENT };
}
