//! Connectors to identity providers: what is checked and kept when one is written.

use api::Error;
use policy::AttributeMap;
use resource::{OidcConnector, Resource};

/// Checks a connector of whichever kind, and keeps secrets that are masked.
pub(crate) fn prepare(resource: &mut Resource, before: Option<&Resource>) -> Result<(), Error> {
    match resource {
        Resource::Oidc(connector) => prepare_oidc(connector, before),
        other => Err(Error::invalid(format!(
            "expected an authentication connector (kind: oidc), found {}",
            other.kind()
        ))),
    }
}

/// Checks that every mapping means something. A mask stands for the secret that is kept.
pub(crate) fn prepare_oidc(
    connector: &mut OidcConnector,
    before: Option<&Resource>,
) -> Result<(), Error> {
    AttributeMap::compile(&connector.spec.claims_to_roles)
        .map_err(|error| Error::invalid(format!("spec.claims_to_roles: {error}")))?;
    if !connector.is_masked() {
        return Ok(());
    }
    match before {
        // The secret goes where it always went: whoever may not read it cannot send it elsewhere.
        Some(Resource::Oidc(kept)) if kept.spec.issuer_url == connector.spec.issuer_url => {
            connector.spec.client_secret = kept.spec.client_secret.clone();
            Ok(())
        }
        Some(_) => Err(Error::invalid(
            "spec.client_secret is masked, and the issuer_url is another one: \
             the secret that is kept is not sent to another provider",
        )
        .hint("write the secret itself")),
        None => Err(Error::invalid(
            "spec.client_secret is masked, and there is nothing yet that it could stand for",
        )
        .hint("write the secret itself; `tctl get --with-secrets` shows it to who may read it")),
    }
}
