//! What services ask of servers that are not the cluster's: which addresses may be connected to
//! ([`egress`]), and small documents from identity providers ([`Fetcher`]).

pub mod egress;
mod fetcher;

pub use egress::Egress;
pub use fetcher::{FetchError, Fetched, Fetcher, MAX_BODY};
