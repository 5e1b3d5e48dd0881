//! What travels when local users set up and show what they sign in with, on pages that proxies serve.
//!
//! What browsers are told to ask of a security key, and what keys answer, is JSON as the Web
//! Authentication specification has it (level 3, section 5.1.9 and 5.1.10), and passes as it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::OauthAsker;
use super::UserCredentials;
use crate::schema::Instant;

/// What an invite is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitePurpose {
    /// The first sign-in of a new user.
    Invite,
    /// New credentials for a user who has some.
    Reset,
}

/// An administrator asks for a link by which a user sets credentials.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct InviteRequest {
    /// What it is for.
    pub purpose: InvitePurpose,
    /// How long the link works, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

/// A link by which a user sets credentials, once.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Invite {
    /// The secret part of the link.
    pub token: String,
    /// The whole link, when a proxy's public address is known.
    pub url: Option<String>,
    /// The user for whom it is.
    pub user: String,
    /// When it stops working.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub expires: OffsetDateTime,
}

/// What the page behind an invite shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct InviteDetails {
    /// The user for whom it is.
    pub user: String,
    /// What it is for.
    pub purpose: InvitePurpose,
    /// The cluster's name.
    pub cluster: String,
    /// What to set up an authenticator app with, where the cluster takes its codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<TotpEnrolment>,
    /// The ways in which a security key may be registered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyWanted>,
    /// Whether a password suffices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub password_suffices: bool,
}

/// What an authenticator app needs to know.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct TotpEnrolment {
    /// The secret, base32, to type into it.
    pub secret: String,
    /// The same as an `otpauth:` address.
    pub url: String,
    /// The same as a picture (SVG).
    pub qr_svg: String,
}

/// What a security key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Besides a password.
    SecondFactor,
    /// Instead of a password: the key finds out itself who uses it.
    Passkey,
}

/// What a browser is to ask of a security key.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct KeyWanted {
    /// What for.
    pub purpose: KeyUse,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    pub options: Value,
}

/// The user's answer to an invite.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct InviteAnswer {
    /// The chosen password; none for who signs in by a passkey alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A code of the authenticator app, to prove that it was set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<String>,
    /// What a security key answered (`RegistrationResponseJSON`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// What the user calls the app or the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// Where the person's connection came from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// What comes of an answered invite.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Enrolled {
    /// Codes for when the second factor is lost, shown once; none where the cluster gives none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery_codes: Vec<String>,
}

/// A proxy asks what the sign-in page of a login shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct LoginRead {
    /// The cookie of the browser.
    pub binding: String,
}

/// What the sign-in page of a login shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct LoginPage {
    /// The cluster's name.
    pub cluster: String,
    /// Where the machine is that asked for the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// The machine without a browser that is signed in here, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<HeadlessMachine>,
    /// The client without a certificate that is let in by signing in here, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OauthAsker>,
    /// Whether a password may be given.
    pub passwords: bool,
    /// Whether a code of an authenticator app may be given.
    pub codes: bool,
    /// What to ask of a passkey, where those are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<Value>,
}

/// A machine without a browser that asks for a login.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HeadlessMachine {
    /// What it says it is called.
    pub name: String,
    /// Whom it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When it asked.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub asked_at: OffsetDateTime,
}

/// A machine without a browser asks for a login.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct HeadlessStart {
    /// The public key to certify, PEM.
    pub public_key: String,
    /// How long the certificate is asked to live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
    /// Whom it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What the machine is called.
    pub machine: String,
    /// The SHA-256, in base64url, of a secret that only the machine knows, and shows at the end.
    pub challenge: String,
    /// Where the connection came from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// `host:port` of the proxy that is asked, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_addr: Option<String>,
}

/// A login of a machine without a browser that is prepared.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct HeadlessStarted {
    /// What a person types elsewhere.
    pub code: String,
    /// Where.
    pub url: String,
    /// By what the machine asks what came of it.
    pub device: String,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub expires: OffsetDateTime,
}

/// A person typed a code.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct HeadlessOpen {
    /// The code.
    pub code: String,
    /// Where the browser's connection comes from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// What came of a login of a machine without a browser.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeadlessFinished {
    /// Nothing yet.
    Waiting,
    /// It was approved.
    Done(Box<UserCredentials>),
}

/// What a person did on the sign-in page.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct LoginAnswer {
    /// The cookie of the browser.
    pub binding: String,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A code of an authenticator app, or one that was kept for when it is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What a security key answered (`AuthenticationResponseJSON`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// Whether the person will not sign the machine in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reject: bool,
    /// Where the browser's connection comes from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// What comes next on the sign-in page.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginAnswered {
    /// The person is signed in: where the browser brings the result.
    Done {
        /// The address that was named when the login was prepared, with a code that is good once.
        location: String,
    },
    /// The machine without a browser is signed in.
    Approved,
    /// It is not.
    Rejected,
    /// The password is right; a security key is asked besides.
    Key {
        /// What to ask of it.
        options: Value,
    },
}

debug_by_name!(
    Invite,
    InviteDetails,
    TotpEnrolment,
    KeyWanted,
    InviteAnswer,
    Enrolled,
    LoginRead,
    LoginPage,
    LoginAnswer,
    LoginAnswered,
    HeadlessStart,
    HeadlessStarted,
    HeadlessOpen,
);
