//! Streamable HTTP from clients, in both eras.
//!
//! What a request is about is decided by its body; headers only choose how it is read. Whoever comes is known
//! by the evidence of this very request ([`visitor`]); a session is only its owner's ([`sessions`]).

mod accepts;
mod content;
mod conversation;
mod exchange;
mod inlet;
mod legacy;
mod metadata;
mod modern;
mod open;
mod owner;
mod pass;
mod passage;
mod reply;
mod sessions;
mod streams;
mod visitor;

use std::sync::Arc;

use api::{Body, Brought};
use http::{Method, Request, Response, StatusCode};
use mcp::error::code;
use mcp::{Era, Message};

use self::exchange::{Claim, Exchange};
use self::modern::Pools;
pub(crate) use self::pass::sweep;
use self::reply::Stop;
use self::sessions::Sessions;
use self::visitor::{Turned, Visitor, Visitors};
use crate::agent::Shared;
use crate::authorize::Refusal;
use crate::end::{End, Reason};
use crate::handler::{not_served, recorder_of};
use crate::limits::Limits;
use crate::served::Served;

/// What HTTP requests find again.
#[derive(Debug)]
pub(crate) struct Http {
    visitors: Visitors,
    sessions: Sessions,
    pools: Pools,
}

// === impl Http ===

impl Http {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            visitors: Visitors::default(),
            sessions: Sessions::new(limits),
            pools: Pools::default(),
        }
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.count()
    }
}

/// Answers a request to an app that is served.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    served: Arc<Served>,
    app: String,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let visitor = match shared.http.visitors.find(&shared, &head.headers, &app) {
        Ok(visitor) => visitor,
        Err(turned) => return turn_away(&shared, &served, &app, turned, body).await,
    };
    let (brought, unfit) = match Brought::read(&head.headers) {
        Ok(brought) => (brought, None),
        Err(unfit) => (Brought::default(), Some(unfit.to_string())),
    };
    let exchange = Exchange { shared, served, visitor, app, head, brought };
    if let Some(words) = unfit {
        exchange.invalid(None, &words).await;
        return *reply::bad(&words);
    }
    respond(&exchange, body).await.unwrap_or_else(|stop| *stop)
}

async fn respond(exchange: &Exchange, body: Body) -> Result<Response<Body>, Stop> {
    exchange.single().await?;
    match exchange.head.method {
        Method::POST => post(exchange, body).await,
        Method::GET => listen(exchange).await,
        Method::DELETE => end(exchange).await,
        _ => Err(reply::only("POST, GET, DELETE", "MCP is spoken by POST, GET and DELETE")),
    }
}

async fn post(exchange: &Exchange, body: Body) -> Result<Response<Body>, Stop> {
    if let Err(stop) = content::check(exchange.headers()) {
        exchange.invalid(None, "the body is no plain JSON").await;
        return Err(stop);
    }
    let claim = exchange.claim()?;
    if claim.era() == Some(Era::Modern) {
        let body = content::read(body).await?;
        let messages = exchange.parse(&body, false).await?;
        return modern::post(exchange, &body, &messages).await;
    }
    if let Some(known) = exchange.session().await? {
        if claim == Claim::Unknown {
            return Err(reply::bad(
                "MCP-Protocol-Version names a revision that is not spoken here",
            ));
        }
        let body = content::read(body).await?;
        return legacy::post(exchange, &known, &body).await;
    }
    let body = content::read(body).await?;
    let messages = exchange.parse(&body, false).await?;
    match messages.first() {
        Some(message) if begins(message) => legacy::begin(exchange, &body, &messages).await,
        Some(message) if claim == Claim::Unknown || is_modern(message) => {
            modern::post(exchange, &body, &messages).await
        }
        _ => Err(reply::bad("no Mcp-Session-Id: begin a session with \"initialize\"")),
    }
}

async fn listen(exchange: &Exchange) -> Result<Response<Body>, Stop> {
    if let Some(name) = metadata::wanted(exchange) {
        return metadata::answer(exchange, name).await;
    }
    if exchange.claim()?.era() == Some(Era::Modern) {
        return Err(reply::only("POST", "this revision has no GET: use \"subscriptions/listen\""));
    }
    let known = exchange.session().await?;
    legacy::listen(exchange, known).await
}

async fn end(exchange: &Exchange) -> Result<Response<Body>, Stop> {
    if exchange.claim()?.era() == Some(Era::Modern) {
        return Err(reply::only("POST", "this revision has no sessions to end"));
    }
    let known = exchange.session().await?;
    legacy::end(exchange, known).await
}

fn begins(message: &Message<'_>) -> bool {
    matches!(&message.body, mcp::Body::Request(request) if request.method == mcp::Method::Initialize)
}

/// Whether a message says of itself that it is of the modern era.
fn is_modern(message: &Message<'_>) -> bool {
    let mcp::Body::Request(request) = &message.body else { return false };
    matches!(request.method, mcp::Method::Discover | mcp::Method::Listen)
        || request
            .params
            .meta()
            .is_ok_and(|meta| meta.is_some_and(|meta| meta.protocol_version.is_some()))
}

/// Answers somebody who may not use the app.
async fn turn_away(
    shared: &Shared,
    served: &Served,
    app: &str,
    turned: Turned,
    body: Body,
) -> Response<Body> {
    let (refusal, evidence) = match turned {
        Turned::Unknown(words) => {
            let stop = reply::stop(StatusCode::UNAUTHORIZED, code::INTERNAL_ERROR, None, &words);
            return *stop;
        }
        Turned::Unrecorded => {
            let words = End::not_recorded().message;
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return *reply::stop(status, code::INTERNAL_ERROR, None, &words);
        }
        Turned::Refused(refusal, evidence) => (refusal, evidence),
    };
    let status = match refusal.reason {
        Reason::Unauthenticated | Reason::Expired => StatusCode::UNAUTHORIZED,
        Reason::AppRemoved => return *not_served(app),
        _ => StatusCode::FORBIDDEN,
    };
    if status == StatusCode::UNAUTHORIZED {
        return *reply::stop(status, code::INTERNAL_ERROR, None, &refusal.message);
    }
    let told = |id: Option<&mcp::Id<'_>>| {
        let mut stop = reply::stop(status, code::INTERNAL_ERROR, id, &refusal.message);
        refusal.tell_needed(stop.headers_mut());
        *stop
    };
    let Ok(body) = content::read(body).await else { return told(None) };
    let message = Message::parse(&body, &mcp::Limits::CLIENT).ok();
    let Some(mcp::Body::Request(request)) = message.map(|message| message.body) else {
        return told(None);
    };
    let id = uuid::Uuid::new_v4().to_string();
    if let Some(recorder) = recorder_of(shared, &id, &evidence, served) {
        let said = refusal.detail.as_ref().unwrap_or(&refusal.message);
        record(&recorder, recorder.request(&request, Some(said))).await;
    }
    told(Some(&request.id))
}

async fn record(recorder: &crate::record::Recorder, event: std::io::Result<audit::Event>) {
    let written = match event {
        Ok(event) => recorder.write(&event).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::error!(%error, "cannot record a refusal");
    }
}

/// How it is told that a visitor is not let in.
fn turned_reply(turned: &Turned) -> Stop {
    let words = match turned {
        Turned::Unknown(words) => words,
        Turned::Refused(refusal, _) => &refusal.message,
        Turned::Unrecorded => &End::not_recorded().message,
    };
    reply::stop(StatusCode::SERVICE_UNAVAILABLE, code::INTERNAL_ERROR, None, words)
}

/// How a refusal is told over HTTP.
fn refusal_reply(refusal: &Refusal, app: &str) -> Stop {
    let status = match refusal.reason {
        Reason::Unauthenticated | Reason::Expired => StatusCode::UNAUTHORIZED,
        Reason::AppRemoved => return not_served(app),
        _ => StatusCode::FORBIDDEN,
    };
    let mut stop = reply::stop(status, code::INTERNAL_ERROR, None, &refusal.message);
    refusal.tell_needed(stop.headers_mut());
    stop
}

impl Visitor {
    /// The grant of a session that begins: decided anew.
    fn begin(&self, shared: &Shared, app: &str) -> Result<crate::authorize::Grant, Stop> {
        shared
            .authorizer
            .decide(self.evidence(), app)
            .map_err(|refusal| refusal_reply(&refusal, app))
    }
}
