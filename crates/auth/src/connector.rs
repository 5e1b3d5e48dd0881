//! Connectors to identity providers: what is checked and kept when one is written.

use api::Error;
use policy::AttributeMap;
use resource::{AttributeMapping, GithubConnector, Kind, OidcConnector, Resource, Secret};

/// A secret of the connector that is there already.
struct Kept<'a> {
    secret: &'a Secret<String>,
    /// Whether the new one goes to the same provider.
    stays: bool,
}

/// Checks a connector of whichever kind, and keeps secrets that are masked.
pub(crate) fn prepare(resource: &mut Resource, before: Option<&Resource>) -> Result<(), Error> {
    match resource {
        Resource::Oidc(connector) => prepare_oidc(connector, before),
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
