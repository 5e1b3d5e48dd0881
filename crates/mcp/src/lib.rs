//! How it is said: the Model Context Protocol as a gateway reads and writes it.
//!
//! The crate reads JSON-RPC messages strictly, says what a request wants to use, filters answers on their
//! raw bytes, keeps track of what was asked, and knows the revisions, headers, error codes and framing.
//! It knows no user, no role and does no I/O: callers hand in bytes and a function that decides what stays.
//!
//! What is read borrows from the message; what is not read is checked to be well formed and left as it was.
//!
//! # Which keys are refused where
//!
//! Two readers that disagree about a message are how a gateway is fooled, so a message whose meaning depends
//! on its reader is refused. A key is *confusable* with one that Tessera reads when it is not that key, byte
//! for byte, but another reader could take it for that key ([`keys`] says precisely when).
//!
//! | where | repeated key | confusable key |
//! |---|---|---|
//! | message, from either side | refused for `jsonrpc` `id` `method` `params` `result` `error` | refused, same keys |
//! | anywhere in a client's message, `arguments` included | refused, any key | – |
//! | `params` of a governed request, and of notifications that are read | refused for the keys in [`params::KEYS`] | refused, same keys |
//! | `params._meta`, when read | refused for the keys in [`meta::KEYS`] | refused, same keys |
//! | `params.ref` of `completion/complete` | refused for `type` `name` `uri` | refused, same keys |
//! | `params.notifications` of `subscriptions/listen` | refused for `resourceSubscriptions` `taskIds` | refused, same keys |
//! | `result` of an answer to a list, read or discover request | answer withheld for the keys in [`answer::KEYS`] | answer withheld, same keys |
//! | entry of a list | entry hidden for `name`, `uri`, `uriTemplate` or `taskId`, whichever names it | entry hidden, same key |
//!
//! Everything else can be read: unknown methods, unknown members, number spellings, white space. Methods that
//! begin like governed ones are told apart, so that they are not taken for harmless ([`Method::family`]).

pub mod alias;
pub mod answer;
pub mod bridge;
pub mod definition;
pub mod demo;
pub mod error;
pub mod framing;
pub mod header;
pub mod http;
pub mod id;
pub mod json;
pub mod keys;
pub mod limits;
pub mod list;
pub mod message;
pub mod meta;
pub mod method;
pub mod modern;
pub mod params;
pub mod probe;
pub mod refused;
pub mod request;
pub mod resolved;
pub mod revision;
pub mod session;
pub mod sse;
pub mod subject;

pub use self::answer::{Answer, Filtered};
pub use self::id::Id;
pub use self::json::Raw;
pub use self::limits::Limits;
pub use self::list::ListKind;
pub use self::message::{Body, Message, Notification, Outcome, Response};
pub use self::method::{Asked, Family, Method};
pub use self::params::Params;
pub use self::refused::{Reason, Refused};
pub use self::request::{Ask, Request};
pub use self::resolved::resolved;
pub use self::revision::{Era, Revision};
