//! Requests that pages in a browser make. A browser runs as its user, so the kernel cannot tell a page from
//! an MCP client; what a browser says of a page can.

use http::header::{HOST, HeaderName, ORIGIN};
use http::request::Parts;

/// How browsers say whether a page of the same site asks (W3C, Fetch Metadata Request Headers).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names under which this machine speaks to itself. A page of another name that leads here by its DNS
/// entry asks under that name.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Why a request is not served, if it is not.
pub(super) fn check(head: &Parts) -> Result<(), &'static str> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        (None, _) => return Err("the request does not say which host it is for"),
        (Some(_), Some(_)) => return Err("the request is for two hosts"),
    };
    // RFC 9112, section 3.2.2: a request target with an authority overrides the header.
    let asked = head.uri.authority().map_or(host, |authority| authority.as_str());
    if !is_local(host) || !is_local(asked) {
        return Err("this is no host of that name; use 127.0.0.1 or localhost");
    }
    let same = format!("http://{host}");
    if head.headers.get_all(ORIGIN).iter().any(|origin| origin.as_bytes() != same.as_bytes()) {
        return Err("pages of other origins may not speak to MCP servers here");
    }
    let site = |value: &http::HeaderValue| matches!(value.as_bytes(), b"same-origin" | b"none");
    if !head.headers.get_all(SITE).iter().all(site) {
        return Err("pages of other sites may not speak to MCP servers here");
    }
    Ok(())
}

fn is_local(authority: &str) -> bool {
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    NAMES.iter().any(|local| local.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
