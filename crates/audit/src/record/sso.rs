//! Signing in through others: identity providers, and whoever signs tokens for clients.

use serde::Serialize;

use super::{Change, LoginMethod, Outcome, Record, UserMetadata};
use crate::event::Moment;
use crate::redact::Text;
use crate::{Code, code};

/// Somebody signed in through a connector, or tried to.
#[derive(Clone, Debug, Serialize)]
pub struct SsoLogin<'a> {
    /// The name of the user, as far as it is known.
    pub user: Text<'a>,
    /// The kind of the connector.
    pub method: LoginMethod,
    /// The connector.
    pub connector: &'a str,
    /// What the provider calls the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Text<'a>>,
    /// Whether it succeeded.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// Why it did not, for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text<'a>>,
    /// Which mapping gave which role.
    #[serde(skip_serializing_if = "<[MappedBy<'_>]>::is_empty")]
    pub mappings: &'a [MappedBy<'a>],
    /// Whether it was a test, which creates nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// A role, and what gave it.
#[derive(Clone, Debug, Serialize)]
pub struct MappedBy<'a> {
    /// The role.
    pub role: &'a str,
    /// The claim or attribute.
    pub claim: &'a str,
    /// Its value that fitted.
    pub value: Text<'a>,
    /// What it had to fit.
    pub pattern: &'a str,
}

/// A client showed a token for an app.
#[derive(Clone, Debug, Serialize)]
pub struct AppTokenVerify<'a> {
    /// The user whom the token names, as far as it could be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// The app.
    pub app_name: Text<'a>,
    /// The cluster whose app it is, if it is another than this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_cluster: Option<Text<'a>>,
    /// What accepted or refused the token, if anything is about the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_auth_config: Option<&'a str>,
    /// What the token rests on, if it is one of the cluster's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth_grant: Option<&'a str>,
    /// The proxy that was shown it.
    pub server_id: &'a str,
    /// Whether it was accepted.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// Until when what was given for it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// A connector was created, changed or deleted.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorChange<'a> {
    /// What was done.
    #[serde(skip)]
    pub change: Change,
    /// To a connector of which kind.
    #[serde(skip)]
    pub kind: ConnectorKind,
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// To which connector.
    pub name: &'a str,
}

/// The kinds of connectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectorKind {
    /// To an OpenID Connect provider.
    Oidc,
    /// To a SAML provider.
    Saml,
    /// To GitHub.
    Github,
}

/// An app auth config was created, changed or deleted.
#[derive(Clone, Debug, Serialize)]
pub struct AppAuthConfigChange<'a> {
    /// What was done.
    #[serde(skip)]
    pub change: Change,
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// To which config.
    pub name: &'a str,
}

// === impl Record ===

impl Record for SsoLogin<'_> {
    fn code(&self) -> &'static Code {
        self.outcome.code(&code::USER_SSO_LOGIN, &code::USER_SSO_LOGIN_FAILURE)
    }
}

impl Record for AppTokenVerify<'_> {
    fn code(&self) -> &'static Code {
        self.outcome.code(&code::APP_AUTH_CONFIG_VERIFY, &code::APP_AUTH_CONFIG_VERIFY_FAILURE)
    }
}

impl Record for ConnectorChange<'_> {
    fn code(&self) -> &'static Code {
        match (self.kind, self.change) {
            (ConnectorKind::Oidc, Change::Created) => &code::OIDC_CREATED,
            (ConnectorKind::Oidc, Change::Updated) => &code::OIDC_UPDATED,
            (ConnectorKind::Oidc, Change::Deleted) => &code::OIDC_DELETED,
            (ConnectorKind::Saml, Change::Created) => &code::SAML_CREATED,
            (ConnectorKind::Saml, Change::Updated) => &code::SAML_UPDATED,
            (ConnectorKind::Saml, Change::Deleted) => &code::SAML_DELETED,
            (ConnectorKind::Github, Change::Created) => &code::GITHUB_CREATED,
            (ConnectorKind::Github, Change::Updated) => &code::GITHUB_UPDATED,
            (ConnectorKind::Github, Change::Deleted) => &code::GITHUB_DELETED,
        }
    }
}

impl Record for AppAuthConfigChange<'_> {
    fn code(&self) -> &'static Code {
        match self.change {
            Change::Created => &code::APP_AUTH_CONFIG_CREATE,
            Change::Updated => &code::APP_AUTH_CONFIG_UPDATE,
            Change::Deleted => &code::APP_AUTH_CONFIG_DELETE,
        }
    }
}
