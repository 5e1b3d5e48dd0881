//! What travels when a sign-in begins at an identity provider: its user lets a machine without a browser in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::HeadlessMachine;
use crate::schema::Instant;

/// A browser brings a response that nobody here asked for (SAML 2.0 profiles, section 4.1.5).
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Arrival {
    /// The connector that the address names.
    pub connector: String,
    /// The response, as the provider wrote it, base64.
    pub saml_response: String,
    /// Where the browser's connection comes from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// `host:port` of the proxy, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_addr: Option<String>,
}

/// The page of somebody who arrived is loaded.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ArrivalRead {
    /// The cookie of the browser.
    pub binding: String,
}

/// What the page shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ArrivalPage {
    /// The cluster.
    pub cluster: String,
    /// Who arrived.
    pub user: String,
    /// What the connector is called in sentences.
    pub connector: String,
    /// The machine whose code was typed; none as long as none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<HeadlessMachine>,
    /// Where that machine asked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_addr: Option<String>,
    /// Until when the page can be used.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub expires: OffsetDateTime,
}

/// What a person did on the page.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ArrivalAnswer {
    /// The cookie of the browser.
    pub binding: String,
    /// What they did.
    pub choice: ArrivalChoice,
    /// Where the browser's connection comes from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// What a person who arrived wants.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalChoice {
    /// The machine that shows this code is to be signed in: it is shown, and asked about.
    Code(String),
    /// The machine that is shown is theirs.
    Approve,
    /// It is not.
    Reject,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalAnswered {
    /// The page shows a machine now.
    Asked,
    /// The machine is signed in.
    Approved,
    /// It is not.
    Rejected,
}

debug_by_name!(Arrival, ArrivalRead, ArrivalPage, ArrivalAnswer, ArrivalChoice);
