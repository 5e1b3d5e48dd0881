//! How services become part of the cluster, and stay it.

mod admission;
mod workload;

use std::collections::BTreeSet;
use std::time::Duration;

use api::Error;
use api::wire::{JoinRequest, RenewRequest, ServiceCredentials};
use pki::{IssueError, PublicKey, Service, ServiceIdentity};
use resource::{JoinRole, Secret, Token};
use uuid::Uuid;

pub(crate) use self::admission::{Admission, Refusal, Shown, admit as admit_token};
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
    let JoinRequest { token, id_token, node_name, services, public_key, names } = request;
    let core = cx.core();
    let shown = Shown { token: Secret::new(token), id_token: id_token.map(Secret::new) };
    let (admission, services, key) = match admit(core, &shown, &services, &public_key).await {
        Ok(admitted) => admitted,
        Err(refusal) => {
            events::join_refused(cx, &node_name, &services, &refusal).await?;
            return Err(refusal.error);
        }
    };
    let request = ServiceRequest { host_id: None, node_name, services, names, key };
    let (identity, credentials) = certify(core, &request)?;
    events::joined(cx, &identity, &admission).await?;
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
    let authorities = core.authorities.current();
    let authority = &authorities.host;
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
        authorities: authorities.wire(),
    };
    Ok((identity, credentials))
}

/// What lets a service in, if it is good for what the service wants to be.
async fn admit(
    core: &Core,
    shown: &Shown,
    services: &[String],
    public_key: &str,
) -> Result<(Admission, BTreeSet<Service>, PublicKey), Refusal> {
    let admission = admission::admit(core, shown).await?;
    let asked = wanted(&admission.token, services)
        .and_then(|services| Ok((services, certificate::read_key(public_key)?)));
    match asked {
        Ok((services, key)) => Ok((admission.spend(core).await?, services, key)),
        Err(error) => Err(admission.refuse(error)),
    }
}

/// What a service wants to be, if a token is good for all of it.
fn wanted(token: &Token, services: &[String]) -> Result<BTreeSet<Service>, Error> {
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
    Ok(wanted)
}
