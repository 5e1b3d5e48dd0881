//! Where a request wants to go.

use http::StatusCode;

use super::refusal::Refusal;

/// What is asked for, and the cluster if one is named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) cluster: Option<&'a str>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted<'a> {
    /// An app.
    App(&'a str),
    /// The list of the apps that the asker may reach.
    Apps,
}

// === impl Route ===

impl<'a> Route<'a> {
    pub(super) fn parse(path: &'a str) -> Result<Self, Refusal> {
        let mut segments = path.strip_prefix("/mcp/").unwrap_or_default().split('/');
        let route = match (segments.next(), segments.next(), segments.next(), segments.next()) {
            (Some("apps"), Some(app), None, None) => {
                Some(Self { wanted: Wanted::App(app), cluster: None })
            }
            (Some("sites"), Some(cluster), Some("apps"), app) => {
                Some(Self { wanted: app.map_or(Wanted::Apps, Wanted::App), cluster: Some(cluster) })
            }
            _ => None,
        };
        match route {
            Some(route) if segments.next().is_none() && route.wanted.is_plain() => Ok(route),
            _ => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "MCP servers are at /mcp/apps/<name> and /mcp/sites/<cluster>/apps/<name>",
            )),
        }
    }
}

// === impl Wanted ===

impl<'a> Wanted<'a> {
    /// The path below which agents, and proxies of other clusters, answer.
    const BELOW: &'static str = "/v1/mcp/apps";

    /// The path by which it is asked for in a tunnel.
    pub(crate) fn path(self) -> String {
        match self {
            Self::App(app) => format!("{}/{}", Self::BELOW, api::escape(app)),
            Self::Apps => Self::BELOW.to_owned(),
        }
    }

    /// What such a path asks for.
    pub(crate) fn of_path(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix(Self::BELOW)?;
        let wanted = if rest.is_empty() { Self::Apps } else { Self::App(rest.strip_prefix('/')?) };
        Some(wanted).filter(|wanted| wanted.is_plain())
    }

    /// The app, if it is one.
    pub(crate) const fn app(self) -> Option<&'a str> {
        match self {
            Self::App(app) => Some(app),
            Self::Apps => None,
        }
    }

    fn is_plain(self) -> bool {
        self.app().is_none_or(is_name)
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
