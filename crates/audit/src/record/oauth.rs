//! Clients without a certificate that have people sign in.

use serde::Serialize;

use super::{Outcome, Record};
use crate::event::Moment;
use crate::redact::Text;
use crate::{Code, code};

/// What happened about a client.
#[derive(Clone, Debug, Serialize)]
pub struct OauthEvent<'a> {
    /// What.
    #[serde(skip)]
    pub step: OauthStep,
    /// The user, once one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// The client: the address of its document, or what its registration is known by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Text<'a>>,
    /// What the client says it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<Text<'a>>,
    /// The app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<Text<'a>>,
    /// The cluster that has it, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_cluster: Option<Text<'a>>,
    /// What the user granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth_grant: Option<&'a str>,
    /// Whether it came about.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<'a>>,
    /// When what was granted ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// How far a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OauthStep {
    /// It asked for somebody to sign in.
    Authorize,
    /// Somebody was asked.
    Consent,
    /// It asked for tokens.
    Token,
    /// What it was granted ended.
    End,
}

impl Record for OauthEvent<'_> {
    fn code(&self) -> &'static Code {
        let outcome = &self.outcome;
        match self.step {
            OauthStep::Authorize => {
                outcome.code(&code::OAUTH_AUTHORIZE, &code::OAUTH_AUTHORIZE_FAILURE)
            }
            OauthStep::Consent => outcome.code(&code::OAUTH_CONSENT, &code::OAUTH_CONSENT_FAILURE),
            OauthStep::Token => outcome.code(&code::OAUTH_TOKEN, &code::OAUTH_TOKEN_FAILURE),
            OauthStep::End => &code::OAUTH_GRANT_END,
        }
    }
}
