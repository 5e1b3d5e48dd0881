//! Clients: what is known of who asks. Nothing of a client that registers itself is kept here: what it said is sealed in
//! the text that it is known by from then on, so that strangers fill nothing.

use api::Error;
use api::wire::{OauthClient, OauthError, OauthRegistered, OauthRegistration};
use resource::{OauthKnownBy, plain};
use serde::{Deserialize, Serialize};

use super::document::{self, Address};
use super::redirect::Redirect;
use super::seal::{Seal, Sealed};
use super::{MAX_CLIENT_ID, MAX_NAME, refusal, require};
use crate::core::Core;
use crate::keys;

/// Redirect URIs that a client may register.
const MAX_REDIRECTS: usize = 8;

/// A client that is known.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) about: About,
    redirects: Vec<Redirect>,
}

/// What is remembered of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct About {
    /// A digest of what it calls itself.
    pub(super) digest: String,
    /// The address of its document, or what its registration is known by.
    pub(super) shown: String,
    pub(super) name: Option<String>,
    /// The host that has its document; none if it registered itself.
    pub(super) host: Option<String>,
}

/// How a client says who it is, as far as can be told without asking anybody.
pub(super) enum Claim {
    Registered(Box<Client>),
    Document(Address),
}

/// What is sealed of one that registers itself.
#[derive(Serialize, Deserialize)]
struct Registered {
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "u")]
    uris: Vec<String>,
    #[serde(rename = "t")]
    at: i64,
}

/// Registers a client (RFC 7591).
pub(crate) async fn register(
    core: &Core,
    request: OauthRegistration,
) -> Result<OauthRegistered, Error> {
    require(core, OauthKnownBy::Registration)?;
    let no = |error, why: &str| Ok(OauthRegistered::Refused(refusal(error, why)));
    let uris = request.redirect_uris;
    if uris.is_empty() || uris.len() > MAX_REDIRECTS {
        let why = format!("a client has at least one redirect URI, and at most {MAX_REDIRECTS}");
        return no(OauthError::InvalidRedirectUri, &why);
    }
    // What is not taken is left out of the answer (RFC 7591, section 3.2.1).
    let (uris, wrong): (Vec<_>, Vec<_>) =
        uris.into_iter().partition(|uri| Redirect::parse(uri).is_ok());
    if uris.is_empty() {
        let why = wrong.iter().find_map(|uri| Redirect::parse(uri).err());
        return no(OauthError::InvalidRedirectUri, why.unwrap_or("there is no redirect URI"));
    }
    let lacks = |given: &Option<Vec<String>>, needed: &str| {
        given.as_ref().is_some_and(|given| given.iter().all(|one| one != needed))
    };
    if lacks(&request.grant_types, "authorization_code") {
        return no(OauthError::InvalidClientMetadata, "clients get tokens by authorization_code");
    }
    if lacks(&request.response_types, "code") {
        return no(OauthError::InvalidClientMetadata, "the response type is code");
    }
    let name = request.client_name.as_deref().and_then(shown_name);
    let at = core.clock.now().unix_timestamp();
    let registered = Registered { name: name.clone(), uris: uris.clone(), at };
    let client_id = Seal::of_clients(core).await?.close(Sealed::Client, &registered)?;
    if client_id.len() > MAX_CLIENT_ID {
        return no(OauthError::InvalidClientMetadata, "the redirect URIs are too long together");
    }
    Ok(OauthRegistered::Client(OauthClient {
        client_id,
        client_id_issued_at: at,
        client_name: name,
        redirect_uris: uris,
        // Whatever it wanted (RFC 7591, section 3.2.1): a secret that is handed to strangers proves nothing.
        token_endpoint_auth_method: "none".to_owned(),
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        response_types: vec!["code".to_owned()],
    }))
}

/// What a client says of itself that has no secret. What cannot be seen is left out, and so is what turns text around.
pub(super) fn shown_name(said: &str) -> Option<String> {
    let name: String = said.chars().filter(|c| !plain::hides(*c)).take(MAX_NAME).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

// === impl Claim ===

impl Claim {
    /// Reads how a client says who it is. Refused: what is no client's, or of a kind that is not allowed.
    pub(super) async fn read(core: &Core, id: &str) -> Result<Result<Self, &'static str>, Error> {
        if id.len() > MAX_CLIENT_ID {
            return Ok(Err("the client_id is too long"));
        }
        if id.starts_with("https:") {
            require(core, OauthKnownBy::Document)?;
            return Ok(Address::parse(core, id).map(Self::Document));
        }
        let Some(registered) = Seal::of_clients(core).await?.open::<Registered>(Sealed::Client, id)
        else {
            return Ok(Err("the client_id is not one that was given out here"));
        };
        require(core, OauthKnownBy::Registration)?;
        let digest = keys::digest(&[id]);
        let shown = format!("registered-{}", digest.get(..16).unwrap_or_default());
        let about = About { digest, shown, name: registered.name, host: None };
        let redirects = registered.uris.iter().filter_map(|uri| Redirect::parse(uri).ok());
        let client = Client { about, redirects: redirects.collect() };
        Ok(Ok(Self::Registered(Box::new(client))))
    }

    /// The client. Its document is asked for now, if it has one and that is not known.
    pub(super) async fn client(
        self,
        core: &Core,
        client_addr: Option<&str>,
    ) -> Result<Result<Client, String>, Error> {
        match self {
            Self::Registered(client) => Ok(Ok(*client)),
            Self::Document(address) => document::client(core, address, client_addr).await,
        }
    }

    /// Whether it can be told now who it is.
    pub(super) fn is_known(&self, core: &Core) -> bool {
        match self {
            Self::Registered(_) => true,
            Self::Document(address) => core.oauth_documents.knows(address),
        }
    }
}

// === impl Client ===

impl Client {
    pub(super) fn new(about: About, redirects: Vec<Redirect>) -> Self {
        Self { about, redirects }
    }

    pub(super) fn admits(&self, asked: &Redirect) -> bool {
        self.redirects.iter().any(|redirect| redirect.admits(asked))
    }
}

// === impl About ===

impl About {
    pub(super) const fn known_by(&self) -> OauthKnownBy {
        if self.host.is_some() { OauthKnownBy::Document } else { OauthKnownBy::Registration }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_are_and_hide_nothing() {
        assert_eq!(shown_name(" Claude Code ").as_deref(), Some("Claude Code"));
        assert_eq!(shown_name("a\u{202e}b\u{200b}c\nd").as_deref(), Some("abcd"));
        assert_eq!(shown_name("\u{feff} "), None);
        assert_eq!(shown_name(&"x".repeat(MAX_NAME + 1)).unwrap().len(), MAX_NAME);
    }
}
