//! How services become part of the cluster, and stay it.

use std::collections::BTreeSet;
use std::time::Duration;

use api::wire::{JoinRequest, RenewRequest, ServiceCredentials};
use api::{Error, ErrorKind};
use pki::{IssueError, PublicKey, Service, ServiceIdentity};
use resource::{JoinRole, Kind, Resource, Secret, Token};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::core::Core;
use crate::cx::OpCx;
use crate::{certificate, events};

/// How long a service's certificate lives; it is renewed at half of that.
pub(crate) const VALIDITY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The longest name of a machine: that of DNS.
const MAX_NODE_NAME: usize = 253;
/// The most names that one service may be reached under.
const MAX_NAMES: usize = 32;

/// A service that is to be certified.
#[derive(Clone, Debug)]
pub struct ServiceRequest {
    /// The identity that it has, or none for a new one.
    pub host_id: Option<String>,
    /// What the machine calls itself.
    pub node_name: String,
    /// What it runs.
    pub services: BTreeSet<Service>,
    /// Host names and addresses under which a proxy or an auth service is reached.
    pub names: Vec<String>,
    /// The key to certify.
    pub key: PublicKey,
}

/// Certifies a service that shows a join token.
pub(crate) async fn join(cx: &OpCx, request: JoinRequest) -> Result<ServiceCredentials, Error> {
    let JoinRequest { token, node_name, services, public_key, names } = request;
    let core = cx.core();
    let secret = Secret::new(token);
    let (token, services) = match admit(core, &secret, &services).await {
        Ok(admitted) => admitted,
        Err(error) => {
            events::join_refused(cx, &node_name, &services, &error).await?;
            return Err(error);
        }
    };
    let key = certificate::read_key(&public_key)?;
    let request = ServiceRequest { host_id: None, node_name, services, names, key };
    let (identity, credentials) = certify(core, &request)?;
    events::joined(cx, &identity, &token).await?;
    Ok(credentials)
}

/// Certifies a new key for the calling service, which stays who it is.
pub(crate) async fn renew(cx: &OpCx, request: RenewRequest) -> Result<ServiceCredentials, Error> {
    let Some(caller) = cx.caller().service() else {
        return Err(crate::gate::unauthenticated());
    };
    let request = ServiceRequest {
        host_id: Some(caller.host_id.clone()),
        node_name: caller.node_name.clone(),
        services: caller.services.clone(),
        names: request.names,
        key: certificate::read_key(&request.public_key)?,
    };
    let (identity, credentials) = certify(cx.core(), &request)?;
    let actor = events::actor(cx.caller());
    events::certificate(&cx.core().audit, &actor, &identity.into()).await?;
    Ok(credentials)
}

/// Certifies a service. Who may ask is the caller's business.
pub(crate) fn certify(
    core: &Core,
    request: &ServiceRequest,
) -> Result<(ServiceIdentity, ServiceCredentials), Error> {
    let ServiceRequest { host_id, node_name, services, names, key } = request;
    if node_name.len() > MAX_NODE_NAME {
        return Err(Error::invalid(format!("a node name has at most {MAX_NODE_NAME} bytes")));
    }
    if names.len() > MAX_NAMES {
        return Err(Error::invalid(format!("a service has at most {MAX_NAMES} names")));
    }
    let issued = core.clock.now();
    let identity = ServiceIdentity {
        host_id: host_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string()),
        node_name: node_name.clone(),
        services: services.clone(),
        cluster: core.cluster.clone(),
        issued,
        expires: issued + VALIDITY,
    };
    // Agents are never dialled: a name in their certificates could only be misused.
    let listens = services.contains(&Service::Proxy) || services.contains(&Service::Auth);
    let names = if listens { names.as_slice() } else { &[] };
    let authority = &core.authorities.host;
    let certificate =
        authority.issue_service(key, &identity, names).map_err(|error| match error {
            IssueError::Name { .. } | IssueError::HostId { .. } | IssueError::Empty { .. } => {
                Error::invalid(error.to_string())
            }
            error => Error::internal(error),
        })?;
    let credentials = ServiceCredentials {
        host_id: identity.host_id.clone(),
        certificate: format!("{}{}", certificate.to_pem(), authority.certificate().to_pem()),
        cluster: core.cluster.clone(),
        authorities: core.authorities.wire(),
    };
    Ok((identity, credentials))
}

/// The token that a service shows, if it is good for what the service wants to be.
async fn admit(
    core: &Core,
    secret: &Secret<String>,
    services: &[String],
) -> Result<(Token, BTreeSet<Service>), Error> {
    let Some(token) = find(core, secret).await? else {
        return Err(Error::new(
            ErrorKind::Unauthenticated,
            "the join token is not valid: it is unknown, or has expired",
        )
        .hint("`tctl tokens add --type=app` on the auth host makes a new one"));
    };
    let mut wanted = BTreeSet::new();
    for name in services {
        let service: Service = name
            .parse()
            .map_err(|error: pki::identity::UnknownService| Error::invalid(error.to_string()))?;
        let role = match service {
            Service::App => JoinRole::App,
            Service::Proxy => JoinRole::Proxy,
            Service::Auth => {
                return Err(Error::denied(
                    "auth services share a store, they do not join by token",
                ));
            }
        };
        if !token.spec.roles.contains(&role) {
            return Err(Error::denied(format!("the join token is not for the {service} service"))
                .hint(format!("make one that is: `tctl tokens add --type={service}`")));
        }
        wanted.insert(service);
    }
    if wanted.is_empty() {
        return Err(Error::invalid("a service that joins must say what it runs"));
    }
    Ok((token, wanted))
}

/// Looks at every token, in a time that does not depend on how much of the secret is right.
async fn find(core: &Core, secret: &Secret<String>) -> Result<Option<Token>, Error> {
    let shown = Sha256::digest(secret.expose().as_bytes());
    let (tokens, _cursor) = core.records.list(Kind::Token).await?;
    let mut found = None;
    for token in tokens {
        let Resource::Token(token) = token else { continue };
        let kept = Sha256::digest(token.metadata.name.as_bytes());
        if bool::from(kept.as_slice().ct_eq(shown.as_slice())) {
            found = Some(token);
        }
    }
    let now = core.clock.now();
    Ok(found.filter(|token| token.metadata.expires.is_none_or(|end| now < end)))
}
