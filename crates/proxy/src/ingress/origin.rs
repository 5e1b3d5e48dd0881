//! Requests that a page in a browser makes: its own origin is told in a header.
//!
//! Streamable HTTP, security: a page of a foreign origin that got hold of the proxy's address, by DNS
//! rebinding for example, must not speak to MCP servers with the certificate of whoever looks at it.

use http::StatusCode;
use http::header::{HeaderMap, HeaderValue, ORIGIN};

use super::refusal::Refusal;

/// Refuses a request that comes from a page of another origin than the proxy's public address.
pub(super) fn check(headers: &HeaderMap, public_addr: &str) -> Result<(), Refusal> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let foreign = match (origins.next(), origins.next()) {
        (None, _) => return Ok(()),
        (Some(origin), None) => !is_ours(origin, public_addr),
        (Some(_), Some(_)) => true,
    };
    if foreign {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "pages of other origins may not speak to MCP servers here",
        ));
    }
    Ok(())
}

/// RFC 6454, section 6.2: the default port is left out.
fn is_ours(origin: &HeaderValue, public_addr: &str) -> bool {
    let Some(host) = origin.to_str().ok().and_then(|text| text.strip_prefix("https://")) else {
        return false;
    };
    let ours = public_addr.strip_suffix(":443").unwrap_or(public_addr);
    host.eq_ignore_ascii_case(ours)
}

#[cfg(test)]
mod tests;
