//! Sessions of the legacy era with a server that has them itself.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::{HeaderName, Method, Response, StatusCode};
use mcp::header::SESSION_ID;
use mcp::{Era, Message, probe};
use tokio::time::{interval, timeout};
use uuid::Uuid;

use super::answer::{Asked, Content, relay, unanswered};
use super::modern::takes_modern;
use super::request::{Unanswered, own_headers};
use crate::agent::Shared;
use crate::dial::Leave;
use crate::end::{End, Reason};
use crate::http::exchange::{Exchange, name_session};
use crate::http::open::too_many;
use crate::http::passage::Passage;
use crate::http::reply::{self, Stop};
use crate::http::sessions::{Known, Way};
use crate::http::visitor::Visitor;
use crate::http::{refusal_reply, turned_reply};
use crate::served::{Speech, Target};

/// How often it is looked which sessions end because of the time.
const LOOK: Duration = Duration::from_millis(250);
/// How long the server may take to end a session.
const FAREWELL: Duration = Duration::from_secs(5);
/// An answer that says that something else is spoken is no longer.
const REFUSAL_BYTES: usize = 64 * 1024;

/// `initialize`: begins a session. Nothing when the server turns out to speak something else.
pub(in crate::http) async fn begin(
    exchange: &Exchange,
    target: &Arc<Target>,
    body: &Bytes,
    messages: &[Message<'_>],
) -> Result<Option<Response<Body>>, Stop> {
    let shared = &exchange.shared;
    let session = Uuid::new_v4().to_string();
    let grant = exchange.visitor.begin(shared, &exchange.app)?;
    let visitor = Visitor::new(shared, grant, &session).map_err(|turned| turned_reply(&turned))?;
    let visitor = Arc::new(visitor);
    let passage = Passage::new(shared, &exchange.served, target.clone(), visitor, Era::Legacy)
        .map_err(|full| too_many(&full.to_string()))?;
    let decided = passage.decide(body, messages).await;
    let mut decided = decided.map_err(|refusal| refusal_reply(&refusal, &exchange.app))?;
    let Some((permit, bytes)) = decided.forward.take() else {
        return Ok(Some(unanswered(Asked::of(decided), StatusCode::BAD_GATEWAY, "")));
    };
    let (leave, said) = (Leave::Permit(permit), exchange.said());
    passage.brings(&exchange.brought);
    let visitor = &passage.visitor;
    let sent = passage.send(visitor, leave, Method::POST, said, api::full(bytes)).await;
    let asked = Asked::of(decided);
    let response = match sent {
        Ok(response) => response,
        Err(failed) => {
            failed.tell(exchange);
            let words = failed.words();
            finish(&passage, End::new(Reason::StartFailed, words.clone()), false);
            return Ok(Some(unanswered(asked, StatusCode::BAD_GATEWAY, &words)));
        }
    };
    let Some(response) = understood(exchange, target, response).await else { return Ok(None) };
    let events = Content::of(response.headers()) == Content::Events;
    passage.name(response.headers().get(SESSION_ID));
    let mut answer = relay(&passage, &passage.visitor, response, asked).await;
    if !events && passage.relay.lock().handshake().revision.is_none() {
        // It was refused: there is no session.
        let words = "the MCP server did not begin a session";
        finish(&passage, End::new(Reason::StartFailed, words), false);
        return Ok(Some(answer));
    }
    let known = Known {
        id: format!("{}.{session}", shared.recording.host_id),
        owner: exchange.visitor.owner.clone(),
        app: exchange.app.clone(),
        way: Way::Passage(passage.clone()),
    };
    let known = shared.http.sessions.insert(known).map_err(|_too_many| {
        finish(&passage, End::client_done(), true);
        too_many("you have too many sessions in use with this MCP server; end some")
    })?;
    name_session(&mut answer, &known.id);
    Ok(Some(answer))
}

/// The answer, unless it says that the server speaks another era or transport.
async fn understood(
    exchange: &Exchange,
    target: &Arc<Target>,
    response: Response<Body>,
) -> Option<Response<Body>> {
    let content = Content::of(response.headers());
    if content == Content::Events {
        return Some(response);
    }
    let (head, body) = response.into_parts();
    let bytes = if content == Content::Json || !head.status.is_success() {
        // One that does not come, or not whole, is told of as one that cannot be read.
        let read = api::collect(body, mcp::limits::MESSAGE_BYTES);
        let read = timeout(exchange.shared.limits.answer_timeout, read).await;
        read.ok().and_then(Result::ok).unwrap_or_default()
    } else {
        return Some(Response::from_parts(head, body));
    };
    let is_refusal = bytes.len() <= REFUSAL_BYTES && probe::is_modern_refusal(&bytes);
    if is_refusal && target.takes_modern() == Some(false) {
        // That was found out before, and may not be true any more.
        target.doubt();
    }
    if is_refusal && takes_modern(exchange, target).await == Some(true) {
        target.found_refusing_initialize();
        target.learn(Some(Speech::Modern));
        return None;
    }
    // Streamable HTTP, backwards compatibility: such a server may have the transport of before.
    let older = [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
    if older.contains(&head.status) && Message::parse(&bytes, &mcp::Limits::SERVER).is_err() {
        return None;
    }
    Some(Response::from_parts(head, api::full(bytes)))
}

/// Messages of a session.
pub(in crate::http) async fn post(
    exchange: &Exchange,
    known: &Known,
    passage: &Arc<Passage>,
    body: &Bytes,
) -> Result<Response<Body>, Stop> {
    let _answering = passage.reading();
    let batches = passage.relay.lock().has_batches();
    let messages = exchange.parse(body, batches).await?;
    let decided = passage.decide(body, &messages).await;
    let mut decided = decided.map_err(|refusal| refusal_reply(&refusal, &exchange.app))?;
    let Some((permit, bytes)) = decided.forward.take() else {
        if decided.answers.is_empty() {
            return Ok(reply::accepted());
        }
        return Ok(unanswered(Asked::of(decided), StatusCode::BAD_GATEWAY, ""));
    };
    let (leave, said) = (Leave::Permit(permit), exchange.said());
    passage.brings(&exchange.brought);
    let due = passage.due(&decided.ids);
    let opener = &exchange.visitor;
    let sent = passage.send(opener, leave, Method::POST, said, api::full(bytes)).await;
    due.came();
    let asked = Asked::of(decided);
    let response = match sent {
        Ok(response) => response,
        Err(failed) => {
            failed.tell(exchange);
            failed.record(passage, opener).await;
            for id in &asked.ids {
                passage.relay.lock().give_up(id);
            }
            return Ok(unanswered(asked, StatusCode::BAD_GATEWAY, &failed.words()));
        }
    };
    if lost(exchange, known, passage, response.status()) {
        return Err(reply::session_gone());
    }
    let names = response.headers().contains_key(SESSION_ID);
    let mut answer = relay(passage, opener, response, asked).await;
    if names {
        name_session(&mut answer, &known.id);
    }
    Ok(answer)
}

/// Whether the server does not know the session any more. Then it is over here, too.
pub(super) fn lost(
    exchange: &Exchange,
    known: &Known,
    passage: &Arc<Passage>,
    status: StatusCode,
) -> bool {
    if status != StatusCode::NOT_FOUND || passage.session().is_none() {
        return false;
    }
    exchange.shared.http.sessions.remove(&known.id);
    let words = "the MCP server does not know the session any more";
    finish(passage, End::new(Reason::ServerEnded, words), false);
    true
}

/// Ends a session: its streams, its record, and if it is not the server's doing, the server's.
pub(in crate::http) fn finish(passage: &Arc<Passage>, end: End, tell: bool) {
    if !passage.close(end.clone()) {
        return;
    }
    let passage = passage.clone();
    passage.shared.clone().tasks.spawn("agent.http.end", async move {
        record_end(&passage, &end).await;
        if tell && passage.session().is_some() {
            timeout(FAREWELL, farewell(&passage)).await.ok();
        }
    });
}

async fn record_end(passage: &Passage, end: &End) {
    let handshake = passage.relay.lock().handshake().clone();
    let recorder = &passage.visitor.recorder;
    let started = recorder.started(&handshake).await;
    if let Err(error) = started.and(recorder.ended(end).await) {
        tracing::error!(%error, "cannot record the end of a session");
    }
}

async fn farewell(passage: &Passage) {
    let mut request = http::Request::new(api::empty());
    *request.method_mut() = Method::DELETE;
    *request.headers_mut() = own_headers();
    request.extensions_mut().insert(passage.brought());
    if let Some(session) = passage.session() {
        request.headers_mut().insert(HeaderName::from_static(SESSION_ID), session);
    }
    if let Err(failed) = passage.dial(Leave::Housekeeping, request).await {
        tracing::debug!(reason = failed.words(), "a server was not told that a session is over");
    }
}

/// Ends sessions that must not go on, or that nobody uses.
pub(crate) async fn sweep(shared: Arc<Shared>) {
    let mut changes = shared.changes.clone();
    let mut look = interval(LOOK);
    let sessions = &shared.http.sessions;
    loop {
        let over = tokio::select! {
            () = shared.tasks.cancelled() => break,
            changed = changes.changed() => match changed {
                Ok(()) => sessions.passages(Passage::review),
                Err(_gone) => break,
            },
            _ = look.tick() => sessions.passages(Passage::is_late),
        };
        for (id, passage, end) in over {
            sessions.remove(&id);
            finish(&passage, end, true);
        }
    }
    for (_, passage, end) in sessions.passages(|_| Some(End::draining())) {
        if passage.close(end.clone()) {
            record_end(&passage, &end).await;
        }
    }
}

// === impl Unanswered ===

impl Unanswered {
    /// Administrators learn what is wrong with the server.
    pub(super) fn tell(&self, exchange: &Exchange) {
        match self {
            Self::Dial(_) | Self::App(_) => exchange.served.failed(self.words()),
            Self::Ended(_) => {}
        }
    }

    /// The audit log learns why somebody did not get an answer.
    pub(super) async fn record(&self, passage: &Passage, opener: &Visitor) {
        if let Self::Ended(end) = self {
            passage.record_cut(opener, end).await;
        }
    }
}
