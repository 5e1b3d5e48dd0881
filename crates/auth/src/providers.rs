//! What identity providers publish of themselves, remembered: where their endpoints are (OpenID
//! Connect Discovery 1.0, section 4) and the keys that verify what they sign.
//!
//! Keys change. Who meets a key that is not known has the set asked for again, now and then; a
//! provider that does not answer is believed by its last keys for a while longer.

use std::collections::HashMap;
use std::time::Duration;

use api::{Error, ErrorKind};
use fetch::{Egress, FetchError, Fetched, Fetcher};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use pki::jwt::foreign::{ForeignKeys, ForeignKeysError, ForeignToken, ForeignTokenError};
use resource::connector::check_provider_url;
use saml::{IdentityProvider, MetadataError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::Url;

/// How long what is remembered is not asked for again.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How long it is believed while the provider does not answer.
const USABLE: Duration = Duration::from_secs(60 * 60);
/// How often a key set is asked for again because of a key that is not in it.
const AGAIN: Duration = Duration::from_secs(10);
/// Providers that are remembered.
const MAX_KEPT: usize = 128;
/// Strangers at a time in whose place providers may be asked.
const MAX_STRANGERS: usize = 32;

/// What is known of providers.
#[derive(Debug)]
pub(crate) struct Providers {
    fetcher: Fetcher,
    /// Guards what is remembered by issuer.
    metadata: Mutex<HashMap<String, Kept<Metadata>>>,
    /// Guards what is remembered of issuers of which only the keys matter.
    signers: Mutex<HashMap<String, Kept<Signer>>>,
    /// Guards what is remembered by the address of key sets.
    keys: Mutex<HashMap<String, Kept<ForeignKeys>>>,
    /// Guards what is remembered by the address of SAML metadata, and the provider that is meant.
    entities: Mutex<HashMap<String, Kept<IdentityProvider>>>,
    strangers: Semaphore,
}

#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    /// When it was heard.
    heard: Instant,
    /// When it was last asked for.
    asked: Instant,
}

/// What a provider says of itself, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) jwks_uri: String,
    #[serde(default)]
    pub(crate) userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// The part of it that those have too who sign people in nowhere: CI systems, Kubernetes.
#[derive(Debug, Deserialize)]
struct Signer {
    issuer: String,
    jwks_uri: String,
}

/// Whether what is known will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// What is known.
    Known,
    /// Something newer, if it was not asked for just now.
    Newer,
}

// === impl Providers ===

impl Providers {
    pub(crate) fn new() -> Self {
        Self {
            fetcher: Fetcher::new(Egress::default()),
            metadata: Mutex::default(),
            signers: Mutex::default(),
            keys: Mutex::default(),
            entities: Mutex::default(),
            strangers: Semaphore::new(MAX_STRANGERS),
        }
    }

    /// A place for a stranger, in whose place a provider may be asked: while it is silent, each costs a connection
    /// and the resolution of a name.
    ///
    /// # Errors
    /// There are too many.
    pub(crate) fn place(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.strangers.try_acquire().map_err(|_full| {
            Error::new(ErrorKind::RateLimited, "too many services join at once")
                .hint("try again in a moment")
        })
    }

    /// Asks other things of them.
    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// What the provider with this issuer says of itself.
    pub(crate) async fn metadata(&self, issuer: &str) -> Result<Arc<Metadata>, Error> {
        if let Some(known) = fresh(&self.metadata, issuer) {
            return Ok(known);
        }
        let heard = self.ask_metadata(issuer).await.map(Arc::new);
        settle(&self.metadata, issuer, heard)
    }

    /// Where the keys are of who signs as this issuer.
    pub(crate) async fn keys_of(&self, issuer: &str) -> Result<String, Error> {
        let known = match fresh(&self.signers, issuer) {
            Some(known) => known,
            None => {
                let heard = self.ask_signer(issuer).await.map(Arc::new);
                settle(&self.signers, issuer, heard)?
            }
        };
        Ok(known.jwks_uri.clone())
    }

    /// Verifies the signature of a token by the keys at an address.
    ///
    /// # Errors
    /// The outer one: the keys cannot be had. The inner one: the token is not believed.
    pub(crate) async fn verify(
        &self,
        address: &str,
        token: &str,
    ) -> Result<Result<ForeignToken, ForeignTokenError>, Error> {
        let keys = match fresh(&self.keys, address) {
            Some(keys) => keys,
            None => self.ask_keys(address).await?,
        };
        match keys.verify(token) {
            Err(ForeignTokenError::UnknownKey) if may_ask_again(&self.keys, address) => {
                // When it does not answer, the key stays unknown.
                let newer = self.ask_keys(address).await.unwrap_or(keys);
                Ok(newer.verify(token))
            }
            outcome => Ok(outcome),
        }
    }

    /// The SAML provider that the metadata at an address describes; of several, the one of this name.
    pub(crate) async fn entity(
        &self,
        address: &str,
        entity_id: Option<&str>,
        wish: Wish,
    ) -> Result<Arc<IdentityProvider>, Error> {
        let name = format!("{address}\n{}", entity_id.unwrap_or_default());
        let known = fresh(&self.entities, &name);
        if let Some(known) = known
            && (wish == Wish::Known || !may_ask_again(&self.entities, &name))
        {
            return Ok(known);
        }
        let heard = match self.get(address).await {
            Ok(fetched) => {
                let read = read_entity(address, &fetched.body, entity_id);
                if matches!(read, Err(EntityError::Withdrawn(_))) {
                    // Who says that it has no such keys any more has answered.
                    self.entities.lock().remove(&name);
                }
                read.map(Arc::new)
                    .map_err(|error| unavailable(format!("the metadata at {address}: {error}")))
            }
            Err(error) => Err(error),
        };
        settle(&self.entities, &name, heard)
    }

    async fn ask_keys(&self, address: &str) -> Result<Arc<ForeignKeys>, Error> {
        let heard = match self.get(address).await {
            Ok(fetched) => {
                let read = ForeignKeys::from_json(&fetched.body);
                if matches!(read, Err(ForeignKeysError::NoneUsable)) {
                    // Whoever withdraws all its keys has answered: the last ones do not count any more.
                    self.keys.lock().remove(address);
                }
                read.map(Arc::new)
                    .map_err(|error| unavailable(format!("the keys at {address}: {error}")))
            }
            Err(error) => Err(error),
        };
        settle(&self.keys, address, heard)
    }

    async fn ask_metadata(&self, issuer: &str) -> Result<Metadata, Error> {
        let found: Metadata = self.ask_document(issuer).await?;
        check_speaker(issuer, &found.issuer)?;
        let endpoints = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        for endpoint in endpoints.into_iter().chain(&found.userinfo_endpoint) {
            check_named(issuer, endpoint)?;
        }
        Ok(found)
    }

    async fn ask_signer(&self, issuer: &str) -> Result<Signer, Error> {
        let found: Signer = self.ask_document(issuer).await?;
        check_speaker(issuer, &found.issuer)?;
        check_named(issuer, &found.jwks_uri)?;
        Ok(found)
    }

    async fn ask_document<T: DeserializeOwned>(&self, issuer: &str) -> Result<T, Error> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let fetched = self.get(&address).await?;
        serde_json::from_slice(&fetched.body).map_err(|error| {
            unavailable(format!("{address} is not what a provider says of itself: {error}"))
        })
    }

    async fn get(&self, address: &str) -> Result<Fetched, Error> {
        let url = Url::parse(address)
            .map_err(|error| unavailable(format!("{address:?} is no address: {error}")))?;
        let fetched =
            self.fetcher.get(&url, HeaderMap::new()).await.map_err(|error| unreachable(&error))?;
        if fetched.status == StatusCode::OK {
            Ok(fetched)
        } else {
            Err(unavailable(format!("{address} answers {}", fetched.status)))
        }
    }
}

/// Section 4.3: it must be identical, or somebody speaks for somebody else.
fn check_speaker(issuer: &str, found: &str) -> Result<(), Error> {
    if found == issuer {
        return Ok(());
    }
    Err(unavailable(format!(
        "the provider at {issuer:?} calls itself {found:?}: write this as its issuer"
    )))
}

fn check_named(issuer: &str, endpoint: &str) -> Result<(), Error> {
    check_endpoint(issuer, endpoint).map_err(|error| {
        unavailable(format!("the provider {issuer:?} names the address {endpoint:?}: {error}"))
    })
}

/// Why a document is not that of the SAML provider that is meant.
#[derive(Debug, thiserror::Error)]
enum EntityError {
    #[error(transparent)]
    Text(#[from] std::str::Utf8Error),
    #[error(transparent)]
    Metadata(MetadataError),
    /// It says so itself: what it said before does not count any more.
    #[error(transparent)]
    Withdrawn(MetadataError),
    #[error("it names the address {address:?}: {why}")]
    Endpoint { address: String, why: String },
}

fn read_entity(
    from: &str,
    body: &[u8],
    entity_id: Option<&str>,
) -> Result<IdentityProvider, EntityError> {
    let read = IdentityProvider::from_metadata(std::str::from_utf8(body)?, entity_id);
    let read = read.map_err(|error| match error {
        MetadataError::NoKey(_) | MetadataError::Other { .. } => EntityError::Withdrawn(error),
        error => EntityError::Metadata(error),
    })?;
    match check_endpoint(from, &read.sso) {
        Ok(()) => Ok(read),
        Err(why) => Err(EntityError::Endpoint { address: read.sso, why }),
    }
}

/// A provider elsewhere names no address of this machine in the clear: what is there is not its own.
fn check_endpoint(issuer: &str, endpoint: &str) -> Result<(), String> {
    check_provider_url(endpoint)?;
    let is_secure = |text: &str| Url::parse(text).is_ok_and(|address| address.scheme() == "https");
    if is_secure(issuer) && !is_secure(endpoint) {
        return Err("must begin with https://, as the issuer does".to_owned());
    }
    Ok(())
}

/// What is known and needs no asking, or was asked for in vain just now.
fn fresh<T>(kept: &Mutex<HashMap<String, Kept<T>>>, key: &str) -> Option<Arc<T>> {
    let kept = kept.lock();
    let found = kept.get(key)?;
    let age = found.heard.elapsed();
    let is_tried = age < USABLE && found.asked.elapsed() < AGAIN;
    (age < FRESH || is_tried).then(|| found.value.clone())
}

/// Whether it may be asked for again although it is fresh; if so, it counts as asked.
fn may_ask_again<T>(kept: &Mutex<HashMap<String, Kept<T>>>, key: &str) -> bool {
    let mut kept = kept.lock();
    match kept.get_mut(key) {
        Some(found) if found.asked.elapsed() < AGAIN => false,
        Some(found) => {
            found.asked = Instant::now();
            true
        }
        None => true,
    }
}

/// Remembers what was heard; when nothing was, what was heard before may still do.
fn settle<T>(
    kept: &Mutex<HashMap<String, Kept<T>>>,
    key: &str,
    heard: Result<Arc<T>, Error>,
) -> Result<Arc<T>, Error> {
    let now = Instant::now();
    let mut kept = kept.lock();
    match heard {
        Ok(value) => {
            if kept.len() >= MAX_KEPT && !kept.contains_key(key) {
                let oldest = kept.iter().min_by_key(|(_, kept)| kept.heard);
                if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                    kept.remove(&oldest);
                }
            }
            let new = Kept { value: value.clone(), heard: now, asked: now };
            kept.insert(key.to_owned(), new);
            Ok(value)
        }
        Err(error) => {
            let known = kept.get_mut(key).filter(|kept| kept.heard.elapsed() < USABLE);
            match known {
                Some(known) => {
                    // Not each who comes waits for it to be silent.
                    known.asked = now;
                    let value = known.value.clone();
                    tracing::warn!(
                        error = error.message(),
                        "a provider does not answer; what it said last still counts"
                    );
                    Ok(value)
                }
                None => Err(error),
            }
        }
    }
}

fn unreachable(error: &FetchError) -> Error {
    unavailable(error.to_string())
}

/// People are told that it does not work; why is for administrators.
pub(crate) fn unavailable(why: String) -> Error {
    Error::unavailable("the identity provider cannot be used at the moment")
        .hint("try again shortly, or ask your administrator: the audit log says why")
        .because(why)
}

#[cfg(test)]
mod tests;
