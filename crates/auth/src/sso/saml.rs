//! SAML 2.0, as a service provider: a signed request in the address that a browser is sent to, and a response
//! that it brings back in a form (profiles, section 4.1). What is believed of a response, the crate `saml`
//! says; what it means here is said here.

use api::Error;
use api::wire::SsoAnswer;
use bytes::Bytes;
use pki::{ForeignKey, RsaKey};
use resource::SamlConnector;
use resource::connector::check_provider_url;
use saml::{AuthnRequest, Demands, IdentityProvider, Refused, VerifiedAssertion};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::words::{declined, refused};
use super::{Statement, claims, random};
use crate::core::Core;
use crate::providers::{Wish, unavailable};
use crate::{fault, keys};

/// What must be remembered between sending somebody away and taking them back.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Away {
    /// The request that is to be answered.
    request: String,
    /// When it was sent.
    #[serde(with = "time::serde::rfc3339")]
    sent: OffsetDateTime,
}

/// Where somebody is sent, and what to remember.
pub(super) async fn begin(
    core: &Core,
    connector: &SamlConnector,
    state: &str,
) -> Result<(String, Away), Error> {
    let spec = &connector.spec;
    let provider = provider(core, connector, Wish::Known).await?;
    check_provider_url(&provider.sso).map_err(|error| {
        unavailable(format!("the metadata names the address {:?}: {error}", provider.sso))
    })?;
    // A name of XML begins with no digit (SAML 2.0 core, section 1.3.4).
    let away = Away { request: format!("_{}", random()), sent: core.clock.now() };
    let request = AuthnRequest {
        id: &away.request,
        issuer: spec.service_provider_issuer(),
        acs: &spec.acs,
        destination: &provider.sso,
        force: spec.force_authn,
        now: away.sent,
    };
    let key = spec.signing_key_pair.as_ref().ok_or_else(|| {
        unavailable("the connector has no signing_key_pair: write it again".to_owned())
    })?;
    let key = read_key(key.private_key.expose(), "signing_key_pair")?;
    let url = request.redirect(&key, state).map_err(|error| unavailable(error.to_string()))?;
    Ok((url.into(), away))
}

/// What the provider says of somebody who came back.
pub(super) async fn complete(
    core: &Core,
    connector: &SamlConnector,
    away: &Away,
    answer: &SsoAnswer,
) -> Result<Statement, Error> {
    believe(core, connector, Some(away), answer.saml_response.as_deref().unwrap_or_default()).await
}

/// What the provider says of somebody who came by themselves.
pub(super) async fn arrived(
    core: &Core,
    connector: &SamlConnector,
    response: &str,
) -> Result<Statement, Error> {
    believe(core, connector, None, response).await
}

async fn believe(
    core: &Core,
    connector: &SamlConnector,
    away: Option<&Away>,
    response: &str,
) -> Result<Statement, Error> {
    if response.is_empty() {
        return Err(refused("it came back without a response"));
    }
    let assertion = verify(core, connector, away, response).await?;
    spend(core, &assertion).await?;
    statement(&assertion)
}

async fn verify(
    core: &Core,
    connector: &SamlConnector,
    away: Option<&Away>,
    response: &str,
) -> Result<VerifiedAssertion, Error> {
    let spec = &connector.spec;
    let pair = spec.assertion_key_pair.as_ref();
    let key =
        pair.map(|pair| read_key(pair.private_key.expose(), "assertion_key_pair")).transpose()?;
    let verified = |provider: &IdentityProvider| {
        let demands = Demands {
            issuer: &provider.entity_id,
            keys: &provider.keys,
            audience: spec.audience(),
            acs: &spec.acs,
            request: away.map(|away| away.request.as_str()),
            since: away.filter(|_| spec.force_authn).map(|away| away.sent),
            key: key.as_ref(),
            now: core.clock.now(),
        };
        saml::verify(response, &demands)
    };
    let known = provider(core, connector, Wish::Known).await?;
    let mut outcome = verified(&known);
    if matches!(outcome, Err(Refused::Signature { .. })) && !spec.entity_descriptor_url.is_empty() {
        // Providers change their keys; who cannot be asked has not changed any.
        let newer = provider(core, connector, Wish::Newer).await?;
        if newer != known {
            outcome = verified(&newer);
        }
    }
    outcome.map_err(|error| match error {
        // Who was sent there hears what the provider said. Who was not may have been sent here by anybody, with
        // anybody's words.
        Refused::Status(words) if away.is_some() => declined(&words, None),
        error => refused(&error.to_string()),
    })
}

/// The provider, as its metadata or the connector itself says.
async fn provider(
    core: &Core,
    connector: &SamlConnector,
    wish: Wish,
) -> Result<IdentityProvider, Error> {
    let spec = &connector.spec;
    let issuer = Some(spec.issuer.as_str()).filter(|issuer| !issuer.is_empty());
    let now = core.clock.now();
    if !spec.entity_descriptor_url.is_empty() {
        let address = &spec.entity_descriptor_url;
        let mut known = core.providers.entity(address, issuer, wish).await?;
        if known.check(now).is_err() {
            known = core.providers.entity(address, issuer, Wish::Newer).await?;
        }
        known.check(now).map_err(|error| unavailable(format!("{address}: {error}")))?;
        return Ok((*known).clone());
    }
    let read = if spec.entity_descriptor.is_empty() {
        ForeignKey::all_from_pem(&spec.cert)
            .map(|keys| IdentityProvider {
                entity_id: spec.issuer.clone(),
                sso: spec.sso.clone(),
                keys,
                valid_until: None,
            })
            .map_err(|error| format!("spec.cert: {error}"))
    } else {
        IdentityProvider::from_metadata(&spec.entity_descriptor, issuer)
            .and_then(|provider| provider.check(now).map(|()| provider))
            .map_err(|error| format!("spec.entity_descriptor: {error}"))
    };
    read.map_err(unavailable)
}

/// Sees that an assertion is used once, whichever auth service is shown it.
async fn spend(core: &Core, assertion: &VerifiedAssertion) -> Result<(), Error> {
    let key = keys::assertion(assertion.issuer(), assertion.id())?;
    let spent = core.records.store().create(&key, Bytes::new(), Some(assertion.good_until())).await;
    match spent {
        Ok(_revision) => Ok(()),
        Err(store::Error::AlreadyExists { .. }) => {
            Err(refused(&format!("the assertion {:?} was shown before", assertion.id())))
        }
        Err(error) => Err(fault::store(&error)),
    }
}

/// The assertion as what it says of the person.
fn statement(assertion: &VerifiedAssertion) -> Result<Statement, Error> {
    let mut attributes: Map<String, Value> = Map::new();
    for attribute in assertion.attributes() {
        let known = attributes.entry(&attribute.name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = known {
            values.extend(attribute.values.iter().cloned().map(Value::String));
        }
    }
    let traits = claims::flatten_all(&attributes).map_err(|error| refused(&error.to_string()))?;
    let mut claims = attributes;
    claims.entry("NameID").or_insert_with(|| assertion.name_id().into());
    Ok(Statement {
        subject: assertion.name_id().to_owned(),
        username: if assertion.is_transient() {
            Err("its NameID is transient: the person has another one each time".to_owned())
        } else {
            Ok(assertion.name_id().to_owned())
        },
        attributes: traits.clone(),
        traits,
        claims,
        doubts: Vec::new(),
        until: assertion.session_end(),
    })
}

fn read_key(pem: &str, field: &str) -> Result<RsaKey, Error> {
    RsaKey::from_pem(pem).map_err(|error| unavailable(format!("spec.{field}: {error}")))
}
