//! The auth service's contract: what travels, who may call what, a client, and the replica that
//! services decide by.
//!
//! Everything that speaks to the auth service — the command-line tools, the proxy, the agents —
//! does so through this crate and by no other door. It holds no decision and no state but the copy
//! that [`Replica`] keeps.

mod body;
pub mod brought;
mod client;
mod connect;
mod discover;
mod endpoint;
mod error;
mod heartbeat;
mod host_lock;
mod index;
mod issuer;
mod lines;
mod oauth;
mod onboard;
mod path;
mod prefixed;
mod refusal;
mod relayed;
mod replica;
mod schema;
mod selection;
mod sender;
mod snapshot;
mod source;
mod sso;
pub mod stream_headers;
mod touched;
mod trust;
mod visitor;
pub mod wire;

pub use body::{Body, BoxError, boxed, collect, empty, full};
pub use brought::{Brought, Unfit};
pub use client::{Client, Visited, Write};
pub use connect::{ALPN_AUTH, AUTH_SERVER_NAME, Endpoint, Opened, PROXY_SERVER_NAME, Stream};
pub use discover::{ProxyTrust, discover, proxy_endpoint};
pub use endpoint::{Access, ENDPOINTS, Endpoint as EndpointRow, Operation, ServiceClass};
pub use error::{Error, ErrorBody, ErrorFields, ErrorKind};
pub use heartbeat::{HEARTBEAT_INTERVAL, HEARTBEAT_LIFE, MAX_HEARTBEAT_BYTES, MAX_HEARTBEAT_ITEMS};
pub use host_lock::{Host, HostLocks};
pub use index::Index;
pub use issuer::{app_domain, issuer_of, token_keys_of};
pub use oauth::{
    MAX_OAUTH_TOKEN, OAUTH_ACCESS_PREFIX, OAUTH_CLIENT_PREFIX, OAUTH_CODE_PREFIX,
    OAUTH_REFRESH_PREFIX, OauthResource, is_oauth_access_token, oauth_access_token,
    oauth_description, oauth_issuer,
};
pub use onboard::{FirstContact, workload_token};
pub use path::{escape, unescape};
pub use prefixed::Prefixed;
pub use refusal::Refusal;
pub use relayed::Relayed;
pub use replica::{Progress, Replica};
pub use schema::AnyResource;
pub use selection::Selected;
pub use sender::{Running, Sender, Unanswered};
pub use snapshot::Snapshot;
pub use source::{Listing, Source, WatchEvent};
pub use sso::sso_cookie;
pub use touched::Touched;
pub use trust::{authorities_of, certificates, follow_trust, trust_of, with_foreign};
