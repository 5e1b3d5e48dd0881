//! Signing in, and users.

use serde::Serialize;

use super::{Change, Outcome, Record, UserMetadata};
use crate::event::Moment;
use crate::redact::Text;
use crate::{Code, code};

/// Somebody signed in, or tried to.
#[derive(Clone, Debug, Serialize)]
pub struct UserLogin<'a> {
    /// The name that was given. Whether there is such a user is not told.
    pub user: Text<'a>,
    /// How.
    pub method: LoginMethod,
    /// Whether it succeeded.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
    /// With what program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Text<'a>>,
    /// The second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_mfa: Option<&'a str>,
}

/// How somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginMethod {
    /// A password that the cluster keeps.
    Local,
    /// An OpenID Connect provider.
    Oidc,
    /// A SAML provider.
    Saml,
    /// GitHub.
    Github,
}

/// A user was created, changed or deleted.
#[derive(Clone, Debug, Serialize)]
pub struct UserChange<'a> {
    /// What was done.
    #[serde(skip)]
    pub change: Change,
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// To which user.
    pub name: &'a str,
    /// The roles that the user has now.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub roles: &'a [String],
    /// Where the user comes from: `local`, or a connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<&'a str>,
    /// When the user ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

/// A user set a password.
#[derive(Clone, Debug, Serialize)]
pub struct PasswordChange<'a> {
    /// The user.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// A user registered a second factor.
#[derive(Clone, Debug, Serialize)]
pub struct MfaDeviceAdd<'a> {
    /// The user.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// The factor's name.
    pub mfa_device_name: Text<'a>,
    /// Its identifier.
    pub mfa_device_uuid: &'a str,
    /// `TOTP`, or another kind.
    pub mfa_device_type: &'a str,
}

/// A user removed a second factor.
#[derive(Clone, Debug, Serialize)]
pub struct MfaDeviceDelete<'a> {
    /// The user.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// The factor's name.
    pub mfa_device_name: Text<'a>,
    /// Its identifier.
    pub mfa_device_uuid: &'a str,
    /// `TOTP`, or another kind.
    pub mfa_device_type: &'a str,
}

/// A user was given codes for when the second factor is lost.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveryCodesGenerate<'a> {
    /// The user.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
}

/// A user used such a code, or tried to.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveryCodeUse<'a> {
    /// The user.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// Whether it was one.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// How many are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<usize>,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// A security key may have been copied.
#[derive(Clone, Debug, Serialize)]
pub struct MfaKeyCloned<'a> {
    /// Whose it is.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// What the user calls it.
    pub mfa_device_name: Text<'a>,
    /// Its identifier.
    pub mfa_device_uuid: &'a str,
}

/// A machine without a browser is to be signed in.
#[derive(Clone, Debug, Serialize)]
pub struct HeadlessLogin<'a> {
    /// How far it came.
    #[serde(skip)]
    pub step: HeadlessStep,
    /// Whom it asks for, or who approved.
    pub user: Text<'a>,
    /// What the machine says it is called.
    pub machine: Text<'a>,
    /// Until when it may be approved.
    pub expires: Moment,
    /// Where from: the machine that asks, or the browser.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// How far a login of a machine without a browser came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadlessStep {
    /// It was asked for.
    Requested,
    /// Somebody approved.
    Approved,
    /// Somebody rejected it.
    Rejected,
}

/// A second factor was asked for, for sessions with one app.
#[derive(Clone, Debug, Serialize)]
pub struct SessionMfa<'a> {
    /// Whose certificate asked.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// The app.
    pub app_name: Text<'a>,
    /// The cluster that has it, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_cluster: Option<&'a str>,
    /// Whether one was shown.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// The device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_mfa: Option<&'a str>,
    /// What the machine that asked says it is called, where that was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Text<'a>>,
    /// When what comes of it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Where from: the machine that asks, or the browser in which it was not shown.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// A link was made with which a user sets a password.
#[derive(Clone, Debug, Serialize)]
pub struct ResetPasswordTokenCreate<'a> {
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// For which user.
    pub name: &'a str,
    /// Until when it can be used.
    pub expires: Moment,
}

// === impl Record ===

impl Record for UserLogin<'_> {
    fn code(&self) -> &'static Code {
        match self.method {
            LoginMethod::Local => {
                self.outcome.code(&code::USER_LOCAL_LOGIN, &code::USER_LOCAL_LOGIN_FAILURE)
            }
            LoginMethod::Oidc | LoginMethod::Saml | LoginMethod::Github => {
                self.outcome.code(&code::USER_SSO_LOGIN, &code::USER_SSO_LOGIN_FAILURE)
            }
        }
    }
}

impl Record for UserChange<'_> {
    fn code(&self) -> &'static Code {
        match self.change {
            Change::Created => &code::USER_CREATE,
            Change::Updated => &code::USER_UPDATE,
            Change::Deleted => &code::USER_DELETE,
        }
    }
}

impl Record for PasswordChange<'_> {
    fn code(&self) -> &'static Code {
        &code::USER_PASSWORD_CHANGE
    }
}

impl Record for MfaDeviceAdd<'_> {
    fn code(&self) -> &'static Code {
        &code::MFA_DEVICE_ADD
    }
}

impl Record for MfaDeviceDelete<'_> {
    fn code(&self) -> &'static Code {
        &code::MFA_DEVICE_DELETE
    }
}

impl Record for HeadlessLogin<'_> {
    fn code(&self) -> &'static Code {
        match self.step {
            HeadlessStep::Requested => &code::HEADLESS_LOGIN_REQUESTED,
            HeadlessStep::Approved => &code::HEADLESS_LOGIN_APPROVED,
            HeadlessStep::Rejected => &code::HEADLESS_LOGIN_REJECTED,
        }
    }
}

impl Record for RecoveryCodesGenerate<'_> {
    fn code(&self) -> &'static Code {
        &code::RECOVERY_CODES_GENERATED
    }
}

impl Record for RecoveryCodeUse<'_> {
    fn code(&self) -> &'static Code {
        self.outcome.code(&code::RECOVERY_CODE_USED, &code::RECOVERY_CODE_USED_FAILURE)
    }
}

impl Record for MfaKeyCloned<'_> {
    fn code(&self) -> &'static Code {
        &code::MFA_KEY_CLONED
    }
}

impl Record for SessionMfa<'_> {
    fn code(&self) -> &'static Code {
        self.outcome.code(&code::SESSION_MFA, &code::SESSION_MFA_FAILURE)
    }
}

impl Record for ResetPasswordTokenCreate<'_> {
    fn code(&self) -> &'static Code {
        &code::RESET_PASSWORD_TOKEN_CREATE
    }
}
