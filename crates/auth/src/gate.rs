//! The first check of every request: may such a caller use this endpoint at all.

use api::{Access, Error, ErrorKind, ServiceClass};
use pki::Service;

use crate::caller::Caller;
use crate::cx::OpCx;

/// Refuses whoever has no business here, whatever the request says.
pub(crate) fn admit(cx: &OpCx, access: Access) -> Result<(), Error> {
    let caller = cx.caller();
    let admitted = match access {
        Access::Public => true,
        // Who is of another cluster has no business but what is for such alone.
        Access::Authenticated | Access::Rule => {
            matches!(caller, Caller::User(_) | Caller::Service(_) | Caller::LocalAdmin { .. })
        }
        // Whoever administers the machine of the auth service can do what a proxy can; `quickstart`
        // accepts its users' invites so.
        Access::Service(ServiceClass::Proxy) => {
            caller.runs(Service::Proxy) || matches!(caller, Caller::LocalAdmin { .. })
        }
        Access::Service(ServiceClass::App) => caller.runs(Service::App),
        Access::Service(ServiceClass::Any) => caller.service().is_some(),
        Access::Service(ServiceClass::ForeignAuth) => matches!(caller, Caller::ForeignAuth(_)),
    };
    if admitted {
        return Ok(());
    }
    Err(match (caller, access) {
        (Caller::Anonymous, _) => unauthenticated(),
        (_, Access::Service(ServiceClass::Proxy)) => {
            Error::denied("only a proxy of this cluster may do this")
        }
        (_, Access::Service(ServiceClass::App)) => {
            Error::denied("only an agent of this cluster may do this")
        }
        (Caller::ForeignAuth(_) | Caller::Visitor(_), _) => {
            Error::denied("only who is of this cluster may do this")
        }
        (_, Access::Service(ServiceClass::ForeignAuth)) => {
            Error::denied("only an auth service of a cluster that joined this one may do this")
        }
        _ => Error::denied("only a service of this cluster may do this"),
    })
}

/// Nobody calls.
pub(crate) fn unauthenticated() -> Error {
    Error::new(ErrorKind::Unauthenticated, "this needs an identity, and the connection shows none")
        .hint("sign in with `tsh login`, or name an identity file with -i")
}
