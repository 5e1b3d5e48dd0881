//! What a message of the modern era must be (2026-07-28, Basic, "`_meta`" and "Sending Messages").

use crate::header::Headers;
use crate::json::Kind;
use crate::keys::excerpt;
use crate::message::{Body, Message};
use crate::meta::{CLIENT_CAPABILITIES, PROTOCOL_VERSION};
use crate::method::name;
use crate::refused::{Reason, Refused};
use crate::{Era, Request, Revision};

/// Requests of clients that the legacy era has and this one has not.
const FORMER: [&str; 5] =
    ["initialize", name::PING, name::SET_LEVEL, "resources/subscribe", "resources/unsubscribe"];

/// Checks the body of a POST: one request or notification, and its headers. What a request says of itself is
/// asked first, then whether the headers say the same, then whether its revision is spoken here and has such
/// a request.
pub fn check_post(message: &Message<'_>, headers: &Headers<'_>) -> Result<(), Refused> {
    match &message.body {
        Body::Request(request) => {
            let stated = stated(request).map_err(|reason| reason.under(&request.id))?;
            headers.check(request)?;
            spoken(&stated)
                .and_then(|()| of_this_era(request))
                .map_err(|reason| reason.under(&request.id))
        }
        // Which headers a notification needs is not said.
        Body::Notification(_) => Ok(()),
        Body::Response(_) => Err(Reason::AnswerPosted.into()),
    }
}

/// Checks a request that came on a stream, where there are no headers.
pub fn check(request: &Request<'_>) -> Result<(), Refused> {
    stated(request).and_then(|stated| spoken(&stated)).map_err(|reason| reason.under(&request.id))
}

/// What each request must say: its revision, which is returned, and what its client can do.
fn stated(request: &Request<'_>) -> Result<String, Reason> {
    let meta = request.params.meta()?.unwrap_or_default();
    let version = meta.protocol_version.ok_or(Reason::Member {
        key: PROTOCOL_VERSION,
        expected: "in \"_meta\" of every request",
    })?;
    match meta.client_capabilities {
        Some(capabilities) if capabilities.kind() == Kind::Object => Ok(version.into_owned()),
        _ => Err(Reason::Member {
            key: CLIENT_CAPABILITIES,
            expected: "in \"_meta\" of every request, and an object",
        }),
    }
}

fn spoken(version: &str) -> Result<(), Reason> {
    match Revision::parse(version) {
        Some(revision) if revision.era() == Era::Modern => Ok(()),
        _ => Err(Reason::UnsupportedVersion { requested: excerpt(version).into_owned() }),
    }
}

fn of_this_era(request: &Request<'_>) -> Result<(), Reason> {
    let former = FORMER.into_iter().find(|former| *former == request.method.as_str());
    former.map_or(Ok(()), |method| Err(Reason::FormerMethod { method }))
}

#[cfg(test)]
mod tests;
