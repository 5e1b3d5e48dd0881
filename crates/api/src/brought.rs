//! Headers that a client brings for an MCP server behind the cluster.
//!
//! They travel under names of their own ([`PREFIX`]), so that nothing that a client sends for the cluster's
//! ears, a credential above all, ever reaches a server by accident: only what was addressed to it does.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use resource::app::Header;

/// Header: what begins so is for the MCP server, which gets it under the rest of the name.
pub const PREFIX: &str = "tessera-forward-";
/// So many headers a client may bring,
pub const BROUGHT_HEADERS: usize = 16;
/// of so many bytes in all, names and values.
pub const BROUGHT_BYTES: usize = 8 * 1024;

/// What a client brings, by the names that the server knows. Clones share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought(Option<Arc<HeaderMap>>);

/// Why a header cannot be brought. Says nothing of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is not for clients to say.
    Name(String),
    /// The value is none that a header can have.
    Value(String),
    /// There are too many, or they are too long.
    TooMuch,
}

/// Names that are the connection's or the browser's, credentials that are not for servers, and what else
/// means something on this side of the gateway only.
const OURS: [&str; 22] = [
    "alt-svc",
    "authentication-info",
    "baggage",
    "cache-control",
    "content-location",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "from",
    "host",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "set-cookie",
    "traceparent",
    "tracestate",
    "user-agent",
    "via",
    "warning",
];
/// Names by which gateways, load balancers and clusters tell servers who asks. A server that believes them
/// must not be told by who asks.
const TRUSTED: [&str; 18] = [
    "client-ip",
    "remote-addr",
    "remote-email",
    "remote-groups",
    "remote-name",
    "remote-user",
    "true-client-ip",
    "x-client-cert",
    "x-client-ip",
    "x-email",
    "x-groups",
    "x-real-ip",
    "x-roles",
    "x-user",
    "x-user-email",
    "x-user-id",
    "x-user-name",
    "x-username",
];
const PREFIXES: [&str; 29] = [
    "accept-",
    "access-control-",
    "cf-access-authenticated-",
    "cf-access-jwt-",
    "cf-connecting-",
    "content-",
    "if-",
    "impersonate-",
    "proxy-",
    "sec-",
    "ssl-client-",
    "teleport-",
    "tessera-",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-arr-",
    "x-auth-request-",
    "x-authenticated-",
    "x-envoy-",
    "x-forward",
    "x-goog-authenticated-",
    "x-goog-iap-",
    "x-http-method",
    "x-ms-client-principal",
    "x-ms-token-",
    "x-original-",
    "x-pomerium-",
    "x-remote-",
    "x-webauth-",
];

/// Whether a client may say this to a server.
#[must_use]
pub fn admits(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Servers that make variables of names take `_` for `-`: no other spelling of a name may pass.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !name.is_empty()
        && name.bytes().all(plain)
        && !Header::is_reserved_name(&name)
        && !OURS.contains(&name.as_str())
        && !TRUSTED.contains(&name.as_str())
        && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a header is another one with each request.
fn tells_requests_apart(name: &str) -> bool {
    const NAMES: [&str; 4] = ["b3", "idempotency-key", "sentry-trace", "uber-trace-id"];
    const PARTS: [&str; 7] = [
        "correlation-id",
        "request-id",
        "request-timeout",
        "retry-count",
        "trace-context",
        "trace-id",
        "x-b3-",
    ];
    NAMES.contains(&name) || PARTS.iter().any(|part| name.contains(part))
}

// === impl Brought ===

impl Brought {
    /// What a request that came by the cluster's ways brings.
    ///
    /// # Errors
    /// The first header that cannot be brought.
    pub fn read(request: &HeaderMap) -> Result<Self, Unfit> {
        let mut brought = Self::default();
        for (name, value) in request {
            if let Some(name) = name.as_str().strip_prefix(PREFIX) {
                brought.add(name, value.clone())?;
            }
        }
        Ok(brought)
    }

    /// Adds a header. The same name again adds a value.
    ///
    /// # Errors
    /// It cannot be brought.
    pub fn add(&mut self, name: &str, mut value: HeaderValue) -> Result<(), Unfit> {
        let known = name.parse::<HeaderName>().ok().filter(|name| admits(name.as_str()));
        let name = known.ok_or_else(|| Unfit::Name(name.to_owned()))?;
        // It may well be a credential.
        value.set_sensitive(true);
        let headers = Arc::make_mut(self.0.get_or_insert_default());
        let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        let bytes = bytes.sum::<usize>() + name.as_str().len() + value.len();
        if headers.len() >= BROUGHT_HEADERS || bytes > BROUGHT_BYTES {
            return Err(Unfit::TooMuch);
        }
        headers.append(name, value);
        Ok(())
    }

    /// Adds a header that is written as people write it, `NAME: VALUE`.
    ///
    /// # Errors
    /// It cannot be brought; nothing when it is no header at all.
    pub fn add_line(&mut self, line: &str) -> Result<(), Option<Unfit>> {
        let (name, value) = line.split_once(':').ok_or(None)?;
        let (name, value) = (name.trim(), value.trim());
        let value =
            HeaderValue::from_str(value).map_err(|_e| Some(Unfit::Value(name.to_owned())))?;
        self.add(name, value).map_err(Some)
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|headers| headers.contains_key(name))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// As the server gets them.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().flat_map(|headers| headers.iter())
    }

    /// Those that say who asks, and not which request this is: of the same, one session at a server will do.
    pub fn standing(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.iter().filter(|(name, _)| !tells_requests_apart(name.as_str()))
    }

    /// The same as something to bring.
    #[must_use]
    pub fn only_standing(&self) -> Self {
        if self.iter().all(|(name, _)| !tells_requests_apart(name.as_str())) {
            return self.clone();
        }
        let standing: HeaderMap =
            self.standing().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self((!standing.is_empty()).then(|| Arc::new(standing)))
    }

    /// Addresses them to the server, in a request that goes by the cluster's ways.
    pub fn write(&self, request: &mut HeaderMap) {
        for (name, value) in self.iter() {
            if let Ok(name) = HeaderName::try_from(format!("{PREFIX}{name}")) {
                request.append(name, value.clone());
            }
        }
    }
}

// === impl Unfit ===

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "the header {name:?} cannot be sent to the MCP server: it is the gateway's own, or one by which \
                 servers are told who asks"
            ),
            Self::Value(name) => {
                write!(f, "the value of the header {name:?} has characters that no header may have")
            }
            Self::TooMuch => write!(
                f,
                "an MCP server is sent at most {BROUGHT_HEADERS} headers of a client's, of {BROUGHT_BYTES} bytes \
                 in all"
            ),
        }
    }
}

impl std::error::Error for Unfit {}

#[cfg(test)]
mod tests;
