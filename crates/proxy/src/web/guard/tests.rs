//! Which forms are taken.

use super::*;

const HOST_NAME: &str = "tessera.example.com:3080";

/// The headers that a browser sends after it was shown a page, and the form's token.
fn visitor() -> (HeaderMap, String) {
    let ticket = Ticket::of(&HeaderMap::new());
    let mut headers = HeaderMap::new();
    assert!(ticket.is_fresh && ticket.binding() != ticket.csrf);
    let cookie = format!("{COOKIE_NAME}={}", ticket.cookie);
    headers.insert(COOKIE, cookie.try_into().unwrap());
    headers.insert(HOST, HeaderValue::from_static(HOST_NAME));
    headers.insert(ORIGIN, HeaderValue::from_static("https://tessera.example.com:3080"));
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    (headers, ticket.csrf)
}

fn is_taken(headers: &HeaderMap, csrf: &str) -> bool {
    admit(&Uri::from_static("/web/login/x"), headers, csrf).is_ok()
}

#[test]
fn a_form_of_our_own_page_is_taken() {
    let (headers, csrf) = visitor();
    assert!(is_taken(&headers, &csrf));
    let again = Ticket::of(&headers);
    assert!(!again.is_fresh && again.csrf == csrf, "the cookie is kept");
    // HTTP/2 names the host in another place.
    let (mut headers, csrf) = visitor();
    headers.remove(HOST);
    let uri = Uri::from_static("https://tessera.example.com:3080/web/login/x");
    assert!(admit(&uri, &headers, &csrf).is_ok());
    // Older browsers, and those that are none, do not say where a form comes from.
    headers.remove(ORIGIN);
    headers.remove("sec-fetch-site");
    assert!(admit(&uri, &headers, &csrf).is_ok());
}

#[test]
fn a_form_of_anybody_else_is_not() {
    let (headers, csrf) = visitor();
    assert!(!is_taken(&headers, ""), "without the token");
    assert!(!is_taken(&headers, &visitor().1), "with another browser's token");
    let without = |name: &str| {
        let mut headers = headers.clone();
        headers.remove(name);
        headers
    };
    assert!(!is_taken(&without("cookie"), &csrf), "without the cookie");
    for (name, value) in [
        ("origin", "https://evil.example.com"),
        ("origin", "http://tessera.example.com:3080"),
        ("origin", "https://tessera.example.com"),
        ("origin", "https://tessera.example.com:3080.evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("cookie", "__Host-tessera-form=short"),
    ] {
        let mut headers = headers.clone();
        headers.insert(name, HeaderValue::from_static(value));
        assert!(!is_taken(&headers, &csrf), "{name}: {value}");
    }
    // A cookie that somebody smuggled in beside the browser's own makes both worthless.
    let mut headers = headers.clone();
    let second = HeaderValue::try_from(format!("{COOKIE_NAME}={}", "0".repeat(64))).unwrap();
    headers.append(COOKIE, second);
    assert!(!is_taken(&headers, &csrf));
}
