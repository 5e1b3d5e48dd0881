//! Paths and query strings of the auth API, escaped in one place.

use std::fmt::Write as _;

use resource::{Kind, Secrets};
use serde::Serialize;

use crate::error::Error;

/// The path of one resource.
pub(crate) fn resource(kind: Kind, name: &str) -> String {
    format!("/v1/resources/{}/{}", kind.as_str(), escape(name))
}

/// The path of something that belongs to a user.
pub(crate) fn user(name: &str, what: &str) -> String {
    format!("/v1/users/{}/{what}", escape(name))
}

/// The path of an invite.
pub(crate) fn invite(token: &str) -> String {
    format!("/v1/invites/{}", escape(token))
}

/// The path of a login that is prepared.
pub(crate) fn sso_login(token: &str) -> String {
    format!("/v1/sso/logins/{}", escape(token))
}

/// The path of a login that began at an identity provider.
pub(crate) fn arrival(token: &str) -> String {
    format!("/v1/sso/arrivals/{}", escape(token))
}

/// The path of a login whose browser is at the sign-in page.
pub(crate) fn login(state: &str) -> String {
    format!("/v1/logins/{}", escape(state))
}

/// The path of a change of devices.
pub(crate) fn mfa_change(token: &str) -> String {
    format!("/v1/mfa/changes/{}", escape(token))
}

/// The path of a page at which a second factor is shown for a session.
pub(crate) fn session_mfa(token: &str) -> String {
    format!("/v1/mfa/sessions/{}", escape(token))
}

/// The path of an authorization that a person is to consent to.
pub(crate) fn oauth_consent(token: &str) -> String {
    format!("/v1/oauth/consents/{}", escape(token))
}

/// The path of visits to another cluster.
pub(crate) fn visits(cluster: &str) -> String {
    format!("/v1/clusters/{}/visits", escape(cluster))
}

/// The path of tokens for apps of another cluster.
pub(crate) fn cluster_tokens(cluster: &str) -> String {
    format!("/v1/clusters/{}/tokens", escape(cluster))
}

/// The path of a list; of apps that escaped selectors fit, when there are some.
pub(crate) fn list(kind: Kind, secrets: Secrets, apps: Option<&str>) -> String {
    let secrets = (secrets == Secrets::Include).then(|| "with_secrets=true".to_owned());
    let apps = apps.map(|selectors| format!("apps={selectors}"));
    let query: Vec<String> = secrets.into_iter().chain(apps).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/v1/resources/{}{mark}{}", kind.as_str(), query.join("&"))
}

/// The path of the list of apps that are served.
pub(crate) fn list_served() -> String {
    format!("/v1/resources/{}?one_per_app=true", Kind::AppServer.as_str())
}

/// The path of a watch; of apps that escaped selectors fit, when there are some. Of the kinds in `changed` it is told
/// only that something is different.
pub(crate) fn watch(kinds: &[Kind], changed: &[Kind], cursor: &str, apps: Option<&str>) -> String {
    let names =
        |kinds: &[Kind]| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(",");
    let apps = apps.map(|selectors| format!("&apps={selectors}")).unwrap_or_default();
    let changed = match changed {
        [] => String::new(),
        changed => format!("&changed={}", names(changed)),
    };
    format!("/v1/watch?kinds={}&cursor={}{changed}{apps}", names(kinds), escape(cursor))
}

/// A flat structure as a query string; absent members are left out.
pub(crate) fn query(value: &impl Serialize) -> Result<String, Error> {
    let value = serde_json::to_value(value).map_err(Error::internal)?;
    let mut out = String::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let text = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&escape(key));
        out.push('=');
        out.push_str(&escape(&text));
    }
    Ok(out)
}

/// Percent-encodes all but RFC 3986 unreserved characters.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What [`escape`] made a text of. What it cannot have made stays as it is.
#[must_use]
pub fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
