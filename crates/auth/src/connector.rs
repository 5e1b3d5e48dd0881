//! Connectors to identity providers: what is checked and kept when one is written.

use api::Error;
use pki::{Certificate, ForeignKey, RsaKey};
use policy::AttributeMap;
use resource::saml::KeyPair;
use resource::{
    AttributeMapping, GithubConnector, Kind, OidcConnector, Resource, SamlConnector, Secret,
};
use saml::IdentityProvider;

use crate::core::Core;
use crate::sso;

/// A secret of the connector that is there already.
struct Kept<'a> {
    secret: &'a Secret<String>,
    /// Whether the new one goes to the same provider.
    stays: bool,
}

/// Checks a connector of whichever kind, and keeps secrets that are masked.
pub(crate) fn prepare(
    core: &Core,
    resource: &mut Resource,
    before: Option<&Resource>,
) -> Result<(), Error> {
    if sso::is_reserved(resource.name()) {
        return Err(Error::invalid(format!(
            "no connector is called {:?}: `tsh login --auth={0}` means local users",
            resource.name()
        )));
    }
    match resource {
        Resource::Oidc(connector) => prepare_oidc(connector, before),
        Resource::Saml(connector) => prepare_saml(core, connector, before),
        Resource::Github(connector) => prepare_github(connector, before),
        other => Err(not_a_connector(other.kind())),
    }
}

/// Something else than a connector.
pub(crate) fn not_a_connector(found: Kind) -> Error {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_connector()).map(Kind::as_str);
    let kinds: Vec<&str> = kinds.collect();
    Error::invalid(format!(
        "expected an authentication connector (kind: {}), found {found}",
        kinds.join(" or ")
    ))
}

fn prepare_oidc(connector: &mut OidcConnector, before: Option<&Resource>) -> Result<(), Error> {
    check_mappings("claims_to_roles", &connector.spec.claims_to_roles)?;
    if !connector.is_masked() {
        return Ok(());
    }
    let spec = &mut connector.spec;
    let kept = match before {
        Some(Resource::Oidc(kept)) => Some(Kept {
            secret: &kept.spec.client_secret,
            stays: kept.spec.issuer_url == spec.issuer_url,
        }),
        _ => None,
    };
    unmask(&mut spec.client_secret, "client_secret", kept, "issuer_url")
}

fn prepare_github(connector: &mut GithubConnector, before: Option<&Resource>) -> Result<(), Error> {
    check_mappings("teams_to_roles", &connector.spec.teams_to_roles)?;
    if !connector.is_masked() {
        return Ok(());
    }
    let spec = &mut connector.spec;
    let kept = match before {
        Some(Resource::Github(kept)) => Some(Kept {
            secret: &kept.spec.client_secret,
            stays: kept.spec.endpoint() == spec.endpoint(),
        }),
        _ => None,
    };
    unmask(&mut spec.client_secret, "client_secret", kept, "endpoint_url")
}

/// Keys are kept where none are written, and made where there are none to keep.
fn prepare_saml(
    core: &Core,
    connector: &mut SamlConnector,
    before: Option<&Resource>,
) -> Result<(), Error> {
    check_mappings("attributes_to_roles", &connector.spec.attributes_to_roles)?;
    let spec = &mut connector.spec;
    let wrong =
        |field: &str, why: &dyn std::fmt::Display| Error::invalid(format!("spec.{field}: {why}"));
    if !spec.entity_descriptor.is_empty() {
        let issuer = Some(spec.issuer.as_str()).filter(|issuer| !issuer.is_empty());
        IdentityProvider::from_metadata(&spec.entity_descriptor, issuer)
            .and_then(|provider| provider.check(core.clock.now()))
            .map_err(|error| wrong("entity_descriptor", &error))?;
    }
    if !spec.cert.is_empty() {
        ForeignKey::all_from_pem(&spec.cert).map_err(|error| wrong("cert", &error))?;
    }
    let kept = match before {
        Some(Resource::Saml(kept)) => Some(&kept.spec),
        _ => None,
    };
    let keeps = kept.and_then(|kept| kept.signing_key_pair.as_ref());
    match &mut spec.signing_key_pair {
        Some(pair) => check_pair(pair, "signing_key_pair", keeps)?,
        none => {
            *none = Some(match keeps {
                Some(kept) => kept.clone(),
                None => make_pair(core).map_err(Error::internal)?,
            });
        }
    }
    if let Some(pair) = &mut spec.assertion_key_pair {
        let keeps = kept.and_then(|kept| kept.assertion_key_pair.as_ref());
        check_pair(pair, "assertion_key_pair", keeps)?;
    }
    Ok(())
}

fn make_pair(core: &Core) -> Result<KeyPair, pki::ForeignKeyError> {
    let key = RsaKey::generate()?;
    let cert = key.certify(&core.cluster, core.clock.now())?.to_pem();
    Ok(KeyPair { private_key: Secret::new(key.to_pem().to_string()), cert })
}

/// Checks that a key and a certificate belong together.
fn check_pair(pair: &mut KeyPair, field: &str, kept: Option<&KeyPair>) -> Result<(), Error> {
    if pair.is_masked() {
        let kept =
            kept.map(|kept| Kept { secret: &kept.private_key, stays: kept.cert == pair.cert });
        let name = format!("{field}.private_key");
        unmask(&mut pair.private_key, &name, kept, "certificate")?;
    }
    let wrong = |why: &dyn std::fmt::Display| Error::invalid(format!("spec.{field}: {why}"));
    let key = RsaKey::from_pem(pair.private_key.expose()).map_err(|error| wrong(&error))?;
    let certificate = Certificate::from_pem(&pair.cert).map_err(|error| wrong(&error))?;
    if key.is_of(&certificate) {
        return Ok(());
    }
    Err(wrong(&"the certificate is not one of the private key"))
}

/// Checks that every mapping means something.
fn check_mappings(field: &str, mappings: &[AttributeMapping]) -> Result<(), Error> {
    AttributeMap::compile(mappings)
        .map(drop)
        .map_err(|error| Error::invalid(format!("spec.{field}: {error}")))
}

/// A mask stands for the secret that is kept. That goes where it always went: whoever may not read it cannot
/// send it elsewhere.
fn unmask(
    secret: &mut Secret<String>,
    field: &str,
    kept: Option<Kept<'_>>,
    place: &str,
) -> Result<(), Error> {
    match kept {
        Some(kept) if kept.stays => {
            *secret = kept.secret.clone();
            Ok(())
        }
        Some(_) => Err(Error::invalid(format!(
            "spec.{field} is masked, and the {place} is another one: \
             the secret that is kept is not sent to another provider"
        ))
        .hint("write the secret itself")),
        None => Err(Error::invalid(format!(
            "spec.{field} is masked, and there is nothing yet that it could stand for"
        ))
        .hint("write the secret itself; `tctl get --with-secrets` shows it to who may read it")),
    }
}
