//! Security keys and passkeys (Web Authentication, level 3): what browsers are told to ask of them, and
//! whether what they answer is right. The only place that names the library that verifies it.

use std::time::Duration;

use api::Error;
use api::wire::KeyUse;
use resource::cluster_auth_preference::{Webauthn, is_domain};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AttestationCaList, AttestationConveyancePreference, AuthenticationState, Credential,
    PublicKeyCredential, RegisterPublicKeyCredential, RegistrationState, UserVerificationPolicy,
};

use crate::core::Core;

/// How long a browser waits for a person to touch a key.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The longest answer of a key that is looked at: certificates of its maker are the most of it.
pub(crate) const MAX_ANSWER: usize = 32 << 10;

/// The cluster, as keys know it.
pub(crate) struct RelyingParty {
    core: WebauthnCore,
    id: String,
    allowed: AttestationCaList,
    denied: AttestationCaList,
}

/// A registered key as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The host name that it was registered for.
    pub(crate) rp_id: String,
    pub(crate) purpose: KeyUse,
    credential: Kept,
}

/// What the library keeps of a key, by the version of its form.
#[derive(Clone, Serialize, Deserialize)]
enum Kept {
    V5(Box<Credential>),
}

/// What is remembered while a person registers a key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Registering {
    state: RegistrationState,
    purpose: KeyUse,
}

/// What is remembered while a person shows a key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Asserting(AuthenticationState);

/// What a browser sends of a key's answer to a question, as far as it is looked at before it is verified.
pub(crate) struct Assertion(PublicKeyCredential);

/// Why the answer of a key is not right.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// Somebody has a copy of the key.
    #[error("the key's counter went back: there may be a copy of the key")]
    Cloned,
    #[error("the key did not verify its user")]
    NotVerified,
    #[error("the key's maker is not one that this cluster accepts")]
    Untrusted,
    #[error("its answer cannot be read")]
    Unreadable,
    #[error(transparent)]
    Other(WebauthnError),
}

/// Who a key is registered for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    pub(crate) name: &'a str,
    /// What the key calls the user: it must not tell who that is (section 14.6.1).
    pub(crate) handle: Uuid,
}

// === impl RelyingParty ===

impl RelyingParty {
    /// The cluster as it is now; none when no key can be registered for it.
    pub(crate) async fn of(core: &Core) -> Result<Option<Self>, Error> {
        let snapshot = core.replica.snapshot();
        let spec = snapshot.auth_preference.as_ref();
        let settings = spec.and_then(|preference| preference.spec.webauthn.clone());
        let settings = settings.unwrap_or_default();
        let proxies = snapshot.proxies.values().map(|proxy| proxy.spec.public_addr.as_str());
        let proxies: Vec<&str> = proxies.filter(|address| !address.is_empty()).collect();
        let id = match settings.rp_id.as_str() {
            "" => match Self::remembered(core).await? {
                Some(id) => id,
                None => match proxies.iter().map(|address| host(address)).filter(is_host).min() {
                    Some(host) => host.to_ascii_lowercase(),
                    None => return Ok(None),
                },
            },
            id => id.to_owned(),
        };
        let belongs = |name: &str| {
            let name = name.to_ascii_lowercase();
            name == id || name.strip_suffix(&id).is_some_and(|rest| rest.ends_with('.'))
        };
        let origins: Vec<Url> = proxies
            .iter()
            .filter(|address| belongs(host(address)))
            .filter_map(|address| Url::parse(&format!("https://{address}")).ok())
            .collect();
        if origins.is_empty() {
            return Ok(None);
        }
        let verifier = WebauthnCore::new_unsafe_experts_only(
            &core.cluster,
            &id,
            origins,
            TIMEOUT,
            Some(false),
            Some(false),
        );
        let (allowed, denied) = authorities(&settings)?;
        Ok(Some(Self { core: verifier, id, allowed, denied }))
    }

    /// The same where there must be one.
    pub(crate) async fn need(core: &Core) -> Result<Self, Error> {
        Self::of(core).await?.ok_or_else(|| {
            Error::unavailable("no proxy of this cluster has a host name that keys can be used at")
                .hint("an administrator sets public_addr of the proxy, or webauthn.rp_id")
        })
    }

    /// The host name that the first key was registered for. Another proxy does not change it.
    async fn remembered(core: &Core) -> Result<Option<String>, Error> {
        match core.records.store().get(&crate::keys::rp_id()?).await {
            Ok(item) => serde_json::from_slice(&item.value).map(Some).map_err(Error::internal),
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(crate::fault::store(&error)),
        }
    }

    /// Remembers the host name of the first key.
    pub(crate) async fn remember(&self, core: &Core) -> Result<(), Error> {
        let value = serde_json::to_vec(&self.id).map_err(Error::internal)?.into();
        match core.records.store().create(&crate::keys::rp_id()?, value, None).await {
            Ok(_) | Err(store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(crate::fault::store(&error)),
        }
    }

    /// What a browser is to ask of a new key.
    pub(crate) fn register(
        &self,
        holder: Holder<'_>,
        known: &[&Key],
        purpose: KeyUse,
    ) -> Result<(Value, Registering), Error> {
        let passkey = purpose == KeyUse::Passkey;
        let policy = match purpose {
            KeyUse::Passkey => UserVerificationPolicy::Required,
            KeyUse::SecondFactor => UserVerificationPolicy::Preferred,
        };
        let attestation = if self.allowed.is_empty() && self.denied.is_empty() {
            AttestationConveyancePreference::None
        } else {
            AttestationConveyancePreference::Direct
        };
        let known = known.iter().map(|key| key.credential().cred_id.clone()).collect();
        let builder = self
            .core
            .new_challenge_register_builder(holder.handle.as_bytes(), holder.name, holder.name)
            .map_err(Error::internal)?
            .user_verification_policy(policy)
            .require_resident_key(passkey)
            .attestation(attestation)
            .exclude_credentials(Some(known));
        let (asked, state) =
            self.core.generate_challenge_register(builder).map_err(Error::internal)?;
        let options = serde_json::to_value(asked.public_key).map_err(Error::internal)?;
        Ok((options, Registering { state, purpose }))
    }

    /// The key that answered.
    pub(crate) fn registered(
        &self,
        registering: &Registering,
        answer: &Value,
    ) -> Result<Key, KeyError> {
        let answer = RegisterPublicKeyCredential::deserialize(answer)
            .map_err(|_unreadable| KeyError::Unreadable)?;
        let trusted = (!self.allowed.is_empty()).then_some(&self.allowed);
        let credential = self.core.register_credential(&answer, &registering.state, trusted)?;
        let is_denied = !self.denied.is_empty()
            && credential.verify_attestation(&self.denied).is_ok_and(|found| found.is_some());
        if is_denied {
            return Err(KeyError::Untrusted);
        }
        Ok(Key {
            rp_id: self.id.clone(),
            purpose: registering.purpose,
            credential: Kept::V5(Box::new(credential)),
        })
    }

    /// What a browser is to ask: of one of these keys, or of any passkey when there are none.
    pub(crate) fn ask(&self, keys: &[&Key]) -> Result<(Value, Asserting), Error> {
        let policy = if keys.is_empty() {
            UserVerificationPolicy::Required
        } else {
            UserVerificationPolicy::Preferred
        };
        let keys = keys.iter().map(|key| key.credential().clone()).collect();
        let builder = self
            .core
            .new_challenge_authenticate_builder(keys, Some(policy))
            .map_err(Error::internal)?;
        let (asked, state) =
            self.core.generate_challenge_authenticate(builder).map_err(Error::internal)?;
        let options = serde_json::to_value(asked.public_key).map_err(Error::internal)?;
        Ok((options, Asserting(state)))
    }

    /// Whether a key answered what was asked; the key as it is now.
    pub(crate) fn verify(
        &self,
        asserting: &Asserting,
        assertion: &Assertion,
        key: &Key,
    ) -> Result<Key, KeyError> {
        let shown = self.core.authenticate_single_credential(
            &assertion.0,
            &asserting.0,
            key.credential(),
        )?;
        let mut credential = key.credential().clone();
        credential.counter = shown.counter();
        credential.backup_state = shown.backup_state();
        Ok(Key { credential: Kept::V5(Box::new(credential)), ..key.clone() })
    }

    /// Whether a key was registered for this host name.
    pub(crate) fn knows(&self, key: &Key) -> bool {
        key.rp_id == self.id
    }
}

// === impl Key ===

impl Key {
    fn credential(&self) -> &Credential {
        let Kept::V5(credential) = &self.credential;
        credential
    }

    /// What the key calls itself.
    pub(crate) fn id(&self) -> &[u8] {
        &self.credential().cred_id
    }
}

// === impl Assertion ===

impl Assertion {
    pub(crate) fn read(answer: &Value) -> Result<Self, Error> {
        PublicKeyCredential::deserialize(answer)
            .map(Self)
            .map_err(|_unreadable| Error::invalid("the key's answer cannot be read"))
    }

    /// Which key answers.
    pub(crate) fn key_id(&self) -> &[u8] {
        &self.0.raw_id
    }

    /// For whom it says it does.
    pub(crate) fn handle(&self) -> Option<Uuid> {
        Uuid::from_slice(self.0.get_user_unique_id()?).ok()
    }

    /// Whether it names anybody.
    pub(crate) fn names_somebody(&self) -> bool {
        self.0.get_user_unique_id().is_some_and(|handle| !handle.is_empty())
    }
}

// === impl KeyError ===

impl From<WebauthnError> for KeyError {
    fn from(error: WebauthnError) -> Self {
        match error {
            WebauthnError::CredentialPossibleCompromise => Self::Cloned,
            WebauthnError::UserNotVerified => Self::NotVerified,
            WebauthnError::AttestationNotVerifiable
            | WebauthnError::AttestationChainNotTrusted(_)
            | WebauthnError::AttestationTrustFailure
            | WebauthnError::AttestationNotSupported => Self::Untrusted,
            other => Self::Other(other),
        }
    }
}

/// Checks the certificates that a preference names.
pub(crate) fn check(settings: &Webauthn) -> Result<(), Error> {
    authorities(settings).map(drop)
}

fn authorities(settings: &Webauthn) -> Result<(AttestationCaList, AttestationCaList), Error> {
    let read = |field: &str, texts: &[String]| {
        let mut all = AttestationCaList::default();
        for (at, text) in texts.iter().enumerate() {
            let one = AttestationCaList::try_from(text.as_bytes()).map_err(|error| {
                Error::invalid(format!(
                    "spec.webauthn.{field}[{at}]: not a certificate in PEM: {error}"
                ))
            })?;
            all.union(&one);
        }
        Ok(all)
    };
    Ok((
        read("attestation_allowed_cas", &settings.attestation_allowed_cas)?,
        read("attestation_denied_cas", &settings.attestation_denied_cas)?,
    ))
}

fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _port)| host)
}

fn is_host(host: &&str) -> bool {
    is_domain(host)
}
