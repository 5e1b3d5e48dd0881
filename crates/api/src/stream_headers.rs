//! Headers and trailers of the streams that carry MCP traffic through the cluster.

/// Header: the certificates that a client proved to hold the key of, base64 DER, the leaf first,
/// separated by commas. The proxy sets it; the agent verifies it.
pub const EVIDENCE: &str = "tessera-evidence";
/// Header: the address of the client's connection to the proxy.
pub const CLIENT_ADDRESS: &str = "tessera-client-addr";
/// Header: the client's proof that it asks now, made with the key of its certificate
/// ([`pki::jwt::proof`]).
pub const PROOF: &str = "tessera-proof";
/// Header of an answer: the agent does not serve the app, and read nothing of the request.
pub const APP_NOT_SERVED: &str = "tessera-app-not-served";
/// Value of that header: it could not record what happens.
pub const NOT_SERVED_UNRECORDED: &str = "unrecorded";
/// Header of an answer: the agent cannot go on with what the request continues, because this other agent holds it.
/// The answer is what the client gets if that agent cannot be asked. What it names is the client's word only: a
/// proxy sends such a request on as it would have sent it in the first place, or not at all.
pub const HELD_BY: &str = "tessera-held-by";
/// Header of a GET: which of the MCP server's public documents is wanted, by its name below `/.well-known/`.
/// [`BELOW_PATH`] at its end stands for the path of the server.
pub const METADATA: &str = "tessera-metadata";
/// Where a document is about one of several servers at an address (RFC 9728, section 3.1).
pub const BELOW_PATH: &str = "/mcp";
/// Documents by which clients learn how to sign in at an MCP server.
pub const METADATA_NAMES: [&str; 3] =
    ["oauth-protected-resource", "oauth-authorization-server", "openid-configuration"];
/// Header of an answer: whose refusal it is, where it could be the cluster's as well.
pub const ERROR_ORIGIN: &str = "tessera-error-origin";
/// It is the MCP server's.
pub const ORIGIN_UPSTREAM: &str = "upstream";
/// Header of an answer: by what the cluster would let the client in that it refuses. Programs look for it.
pub const NEEDED: &str = "tessera-needed";
/// Value of that header: a second factor, shown for the session.
pub const NEEDED_SECOND_FACTOR: &str = "second-factor";
/// Trailer: why a stream ended, one word.
pub const END_REASON: &str = "tessera-end";
/// Trailer: why a stream ended, a percent-encoded sentence for a person.
pub const END_MESSAGE: &str = "tessera-end-message";

/// What of a client's headers an agent needs, besides those that begin with [`MCP_PREFIX`]: how a message
/// is to be read and answered, where a stream goes on, and what ties a request to others in a trace.
const TRAVELLING: [&str; 9] = [
    "accept",
    "content-type",
    "content-encoding",
    "last-event-id",
    "traceparent",
    "tracestate",
    "baggage",
    PROOF,
    METADATA,
];

/// What the names of the protocol's own headers begin with.
pub const MCP_PREFIX: &str = "mcp-";

/// Whether a header that a client sent goes on to the agent. Credentials, cookies and what proxies add do
/// not; what is addressed to the server does ([`crate::brought`]).
#[must_use]
pub fn travels(name: &http::HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with(MCP_PREFIX)
        || TRAVELLING.contains(&name)
        || name.starts_with(crate::brought::PREFIX)
}
