//! What the agent does with a request that came through a tunnel.

use std::sync::Arc;

use api::{Body, Brought};
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use mcp::error::{self, code};
use mcp::framing::STDIO_CONTENT_TYPE;
use mcp::header::{PROTOCOL_VERSION, SESSION_ID};
use mcp::{Era, Revision};
use pki::Principal;
use tunnel::{APP_NOT_SERVED, NOT_SERVED_UNRECORDED};
use uuid::Uuid;

use crate::agent::Shared;
use crate::authorize::{Grant, Refusal};
use crate::end::{End, Reason};
use crate::evidence::Evidence;
use crate::newest::Newest;
use crate::outbox::{Outbox, outbox};
use crate::places::{NoPlace, Place};
use crate::proof;
use crate::record::Recorder;
use crate::served::Served;
use crate::session::{Denied, Parts, Session, Way};

/// Where apps are.
const APPS: &str = "/v1/mcp/apps/";

/// Answers what comes through tunnels.
#[derive(Clone, Debug)]
pub(crate) struct Ingress {
    pub(crate) shared: Arc<Shared>,
}

// === impl Ingress ===

impl tunnel::Handler for Ingress {
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let name = request.uri().path().strip_prefix(APPS).filter(|name| !name.contains('/'));
        let Some(name) = name.map(str::to_owned) else {
            let stop = refuse(StatusCode::NOT_FOUND, "MCP servers are at /v1/mcp/apps/<name>");
            return Box::pin(std::future::ready(*stop));
        };
        // Nothing is read of the request before this: another agent may take it.
        // What belongs to a session has its place already.
        let is_bound = is_bound(request.headers());
        let has_place = self.shared.has_room() || is_bound;
        let served = self.shared.table.get(&name).filter(|_| has_place);
        let Some(served) = served else {
            return Box::pin(std::future::ready(*not_served(&name)));
        };
        // A session is with this agent and no other: it is told what is wrong.
        if !is_bound && !self.shared.witness.is_able() {
            return Box::pin(std::future::ready(*unrecorded(&name)));
        }
        if let Err(message) = proof::demand(&self.shared, &served, &request, &name) {
            return Box::pin(std::future::ready(*refuse(StatusCode::UNAUTHORIZED, &message)));
        }
        if is_stdio(&request) {
            let response = answer(&self.shared, &served, &name, request);
            Box::pin(std::future::ready(response.unwrap_or_else(|response| *response)))
        } else {
            Box::pin(crate::http::answer(self.shared.clone(), served, name, request))
        }
    }
}

type Refused = Box<Response<Body>>;

/// Whether a request belongs to a session. There is none in the modern era, whatever the header says.
fn is_bound(headers: &HeaderMap) -> bool {
    let revision =
        headers.get(PROTOCOL_VERSION).and_then(|value| Revision::parse(value.to_str().ok()?));
    let is_modern = revision.is_some_and(|revision| revision.era() == Era::Modern);
    headers.contains_key(SESSION_ID) && !is_modern
}

/// Whether the request is the one stream of `tsh mcp connect`.
fn is_stdio(request: &Request<Body>) -> bool {
    let is_stdio = |value: &HeaderValue| value.as_bytes() == STDIO_CONTENT_TYPE.as_bytes();
    request.method() == Method::POST && request.headers().get(CONTENT_TYPE).is_some_and(is_stdio)
}

fn answer(
    shared: &Arc<Shared>,
    served: &Arc<Served>,
    name: &str,
    request: Request<Body>,
) -> Result<Response<Body>, Refused> {
    let evidence = Evidence::of(request.headers())
        .map_err(|error| refuse(StatusCode::UNAUTHORIZED, &error.to_string()))?;
    let brought = Brought::read(request.headers())
        .map_err(|unfit| refuse(StatusCode::BAD_REQUEST, &unfit.to_string()))?;
    let (out, body) = outbox();
    let mut response = Response::new(api::boxed(body));
    let stdio = HeaderValue::from_static(STDIO_CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, stdio);
    let id = Uuid::new_v4().to_string();
    match shared.authorizer.decide(evidence.clone(), name) {
        Ok(grant) => open(shared, served, (id, grant, brought), request.into_body(), out)?,
        Err(refusal) if refusal.reason == Reason::Unauthenticated => {
            return Err(refuse(StatusCode::UNAUTHORIZED, &refusal.message));
        }
        Err(refusal) if refusal.reason == Reason::AppRemoved => return Err(not_served(name)),
        Err(refusal) => {
            let recorder = recorder_of(shared, &id, &evidence, served);
            let identity = shared.authorizer.known(&evidence);
            let user = identity.and_then(|identity| Some(identity.as_user()?.principal()));
            let nobody = || Principal { cluster: String::new(), name: String::new() };
            let place = shared.places.take(&user.unwrap_or_else(nobody));
            let place = place.map_err(|full| too_many(&full))?;
            refusal.tell_needed(response.headers_mut());
            deny(shared, place, refusal, recorder, request.into_body(), out);
        }
    }
    Ok(response)
}

/// Starts the task of a connection.
fn open(
    shared: &Arc<Shared>,
    served: &Arc<Served>,
    (id, grant, brought): (String, Grant, Brought),
    body: Body,
    out: Outbox,
) -> Result<(), Refused> {
    let unrecorded = || refuse(StatusCode::SERVICE_UNAVAILABLE, &End::not_recorded().message);
    let user = grant.user().ok_or_else(unrecorded)?;
    let place = shared.places.take(&user.principal()).map_err(|full| too_many(&full))?;
    let remote = grant.evidence().client.map(|address| address.to_string());
    let recorder = shared.recording.session(&id, user, &grant.app, remote).map_err(|error| {
        tracing::error!(%error, "cannot record a session");
        unrecorded()
    })?;
    let (shared_by, served) = (shared.clone(), served.clone());
    let brought = Newest::once(brought);
    let parts = Parts { way: Way::Lines, shared: shared_by, id, grant, served, recorder, brought };
    let session = Session::new(parts, body, out);
    shared.tasks.spawn("agent.session", async move {
        session.run().await;
        drop(place);
    });
    Ok(())
}

fn deny(
    shared: &Arc<Shared>,
    place: Place,
    refusal: Refusal,
    recorder: Option<Recorder>,
    body: Body,
    out: Outbox,
) {
    let denied = Denied { end: refusal.into(), body, out, recorder };
    shared.tasks.spawn_until_cancelled("agent.refusal", async move {
        denied.run().await;
        drop(place);
    });
}

/// The records of a refused connection: its user is known, the evidence has been verified.
pub(crate) fn recorder_of(
    shared: &Shared,
    id: &str,
    evidence: &Evidence,
    served: &Served,
) -> Option<Recorder> {
    let identity = shared.authorizer.known(evidence)?;
    let remote = evidence.client.map(|address| address.to_string());
    shared.recording.session(id, identity.as_user()?, &served.launchable(), remote).ok()
}

fn too_many(full: &NoPlace) -> Refused {
    refuse(StatusCode::TOO_MANY_REQUESTS, &full.to_string())
}

fn refuse(status: StatusCode, message: &str) -> Refused {
    let body = error::response(None, code::INTERNAL_ERROR, message, None);
    let mut response = Response::new(api::full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Box::new(response)
}

pub(crate) fn not_served(name: &str) -> Refused {
    pass_over(&format!("this agent does not serve {name:?} now"), "true")
}

/// Another agent may have room for its records.
fn unrecorded(name: &str) -> Refused {
    let message = format!("this agent cannot record what happens to {name:?} now");
    pass_over(&message, NOT_SERVED_UNRECORDED)
}

fn pass_over(message: &str, why: &'static str) -> Refused {
    let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, message);
    let header = HeaderName::from_static(APP_NOT_SERVED);
    response.headers_mut().insert(header, HeaderValue::from_static(why));
    response
}

#[cfg(test)]
mod tests;
