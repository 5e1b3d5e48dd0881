//! Where a request wants to go.

use http::StatusCode;

use super::refusal::Refusal;

/// An app, and the cluster if one is named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route<'a> {
    pub(super) app: &'a str,
    pub(super) cluster: Option<&'a str>,
}

// === impl Route ===

impl<'a> Route<'a> {
    pub(super) fn parse(path: &'a str) -> Result<Self, Refusal> {
        let mut segments = path.strip_prefix("/mcp/").unwrap_or_default().split('/');
        let route = match (segments.next(), segments.next(), segments.next(), segments.next()) {
            (Some("apps"), Some(app), None, None) => Some(Self { app, cluster: None }),
            (Some("sites"), Some(cluster), Some("apps"), Some(app)) => {
                Some(Self { app, cluster: Some(cluster) })
            }
            _ => None,
        };
        match route {
            Some(route) if segments.next().is_none() && is_name(route.app) => Ok(route),
            _ => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "MCP servers are at /mcp/apps/<name> and /mcp/sites/<cluster>/apps/<name>",
            )),
        }
    }
}

/// App names need no escaping in a path; what does is no app's name.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests;
