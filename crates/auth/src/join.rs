//! How services become part of the cluster, and stay it.

mod admission;
mod uses;
mod workload;

use std::collections::BTreeSet;
use std::time::Duration;

use api::Error;
use api::wire::{JoinRequest, RenewRequest, ServiceCredentials};
use pki::{IssueError, PublicKey, Service, ServiceIdentity};
use resource::{JoinRole, Secret, Token};
use uuid::Uuid;

pub(crate) use self::admission::{Admission, Refusal, Shown, admit as admit_token};
pub(crate) use self::uses::Counted;
use crate::core::Core;
use crate::cx::OpCx;
use crate::{certificate, events, keys};

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
    /// By what it joined, as it is told to everybody.
    pub join_token: Option<String>,
}

/// What a service that joins wants to be.
struct Asked<'a> {
    node_name: &'a str,
    services: &'a [String],
    names: Vec<String>,
}

/// Certifies a service that shows a join token.
pub(crate) async fn join(cx: &OpCx, request: JoinRequest) -> Result<ServiceCredentials, Error> {
    let JoinRequest { token, id_token, node_name, services, public_key, names } = request;
    let core = cx.core();
    let shown = Shown { token: Secret::new(token), id_token: id_token.map(Secret::new) };
    let asked = Asked { node_name: &node_name, services: &services, names };
    match enter(core, &shown, asked, &public_key).await {
        Ok((admission, identity, credentials)) => {
            events::joined(cx, &identity, &admission).await?;
            Ok(credentials)
        }
        Err(refusal) => {
            events::join_refused(cx, &node_name, &services, &refusal).await?;
            Err(refusal.error)
        }
    }
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
        join_token: caller.join_token.clone(),
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
    let ServiceRequest { host_id, node_name, services, names, key, join_token } = request;
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
        join_token: join_token.clone(),
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

/// Lets a service in, if what it shows is good for what it wants to be. That is counted last: what cannot
/// be certified uses nothing up.
async fn enter(
    core: &Core,
    shown: &Shown,
    asked: Asked<'_>,
    public_key: &str,
) -> Result<(Admission, ServiceIdentity, ServiceCredentials), Refusal> {
    let admission = admission::admit(core, shown).await?;
    let mut request = match requested(&admission, asked, public_key) {
        Ok(request) => request,
        Err(error) => return Err(admission.refuse(error)),
    };
    let (identity, credentials) = match certify(core, &request) {
        Ok(certified) => certified,
        Err(error) => return Err(admission.refuse(error)),
    };
    let digest = keys::digest(&[&request.key.to_pem()]);
    let Counted { admission, id } = admission.spend(core, &digest, &identity.host_id).await?;
    if id == identity.host_id {
        return Ok((admission, identity, credentials));
    }
    // It was let in before, and did not hear of it.
    request.host_id = Some(id);
    match certify(core, &request) {
        Ok((identity, credentials)) => Ok((admission, identity, credentials)),
        Err(error) => Err(admission.refuse(error)),
    }
}

fn requested(
    admission: &Admission,
    asked: Asked<'_>,
    public_key: &str,
) -> Result<ServiceRequest, Error> {
    Ok(ServiceRequest {
        host_id: None,
        node_name: asked.node_name.to_owned(),
        services: wanted(&admission.token, asked.services)?,
        names: asked.names,
        key: certificate::read_key(public_key)?,
        join_token: admission.token.public_name().map(str::to_owned),
    })
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
