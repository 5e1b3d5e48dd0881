//! What exists: the resources of a cluster, and how they are read, checked and printed.
//!
//! This is the only crate that knows YAML. Documents become trees of nodes that remember where they were
//! written ([`node`]), and everything is decoded from those trees, so that a mistake is reported with file,
//! line, column, field path, what was expected and the nearest known name, and all mistakes at once.

pub mod label;
pub mod metadata;
pub mod role;

pub use label::{LabelSelector, Labels, Traits, canonical_label_key};
pub use metadata::{Metadata, Revision};
pub use role::{
    Conditions, LockMode, McpConditions, MfaRequirement, Role, RoleOptions, RoleSpec, RoleVersion,
    Rule,
};
