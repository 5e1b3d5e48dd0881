//! Clients of the modern era: each request says all that is needed. Where the server needs a session all the
//! same, one is held for each identity and app, and shared by that identity's clients of the same abilities.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash as _, Hasher as _, RandomState};
use std::sync::Arc;

use api::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use mcp::error::{self, code};
use mcp::header::{METHOD, NAME, PARAM_PREFIX, PROTOCOL_VERSION};
use mcp::{Era, Limits, Message, Method, Outcome, Raw, Request};
use parking_lot::Mutex;
use resource::{Revision, Transport};
use uuid::Uuid;

use super::conversation::{Answer, Conversation, Unposted};
use super::exchange::Exchange;
use super::open::{open, too_many};
use super::owner::Owner;
use super::pass;
use super::reply::{self, Stop};
use crate::served::Target;

/// So many sessions are held for one identity and app: as many sorts of clients it has.
const POOLS_OF_ONE: usize = 16;

/// The sessions that are held, by whom they are for.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    /// Guards the table; held for a look-up or a change.
    table: Mutex<HashMap<Key, Arc<Conversation>>>,
    hasher: RandomState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    owner: Owner,
    app: String,
    /// As which the app was registered: what is asked next is asked of the newest.
    revision: Option<Revision>,
    /// What the client can do: the server is told once.
    capabilities: u64,
    /// What it has for the server: whoever brings something else is somebody else there.
    brought: u64,
}

/// A message of a client.
pub(crate) async fn post(
    exchange: &Exchange,
    body: &Bytes,
    messages: &[Message<'_>],
) -> Result<Response<Body>, Stop> {
    let Some(message) = messages.first() else { return Err(reply::bad("a message is needed")) };
    check(exchange, body, message).await?;
    let target = exchange.served.target();
    if is_modern(exchange, &target).await {
        return pass::post_modern(exchange, &target, body, messages).await;
    }
    let mcp::Body::Request(request) = &message.body else {
        // The protocol has no notification that means anything to a session that is shared.
        return Ok(reply::accepted());
    };
    if let Some(elsewhere) = held_elsewhere(exchange, request) {
        return Ok(elsewhere);
    }
    let mut conversation = held(exchange, request, None)?;
    let accepts = exchange.accepts();
    if !(accepts.json || accepts.events) {
        return Err(Exchange::not_acceptable("accept both application/json and text/event-stream"));
    }
    let mut posted = conversation.post(body, messages, accepts, exchange.asker()).await;
    // What continues a held call can go nowhere else.
    let continues = request.params.request_state().is_some();
    if matches!(posted, Err(Unposted::Unsent(_))) && !continues {
        // A session that has just ended, or whose server reads nothing: others of its user need not wait for that.
        conversation = held(exchange, request, Some(&conversation))?;
        posted = conversation.post(body, messages, accepts, exchange.asker()).await;
    }
    match posted {
        Ok(Answer::Accepted) => Ok(reply::accepted()),
        Ok(Answer::Message(answer)) => Ok(reply::json(status(&answer), answer)),
        Ok(Answer::Events(events)) => Ok(reply::events(api::boxed(events))),
        Err(Unposted::Refused(refused)) => Err(exchange.refuse(Some(body), &refused).await),
        Err(Unposted::Unsent(words) | Unposted::Over(words)) => {
            let (status, id) = (StatusCode::SERVICE_UNAVAILABLE, Some(&request.id));
            Err(reply::stop(status, code::INTERNAL_ERROR, id, &words))
        }
    }
}

/// The answer to a request that continues what another agent holds: the proxy sends it there if it can, and
/// nothing of it was done here.
fn held_elsewhere(exchange: &Exchange, request: &Request<'_>) -> Option<Response<Body>> {
    let state = request.params.request_state().and_then(Raw::string)?;
    let host = HeaderValue::from_str(exchange.shared.seal.other(&state)?).ok()?;
    let words = "this continues a call that another agent holds, and that agent could not be asked: it is gone, or the request is too long to be sent once more; send the request without \"requestState\" to begin again";
    let answer = error::response(Some(&request.id), code::INVALID_PARAMS, words, None);
    let mut response = reply::json(StatusCode::OK, answer);
    response.headers_mut().insert(HeaderName::from_static(tunnel::HELD_BY), host);
    Some(response)
}

/// Whether the server is one that speaks HTTP of this era itself.
async fn is_modern(exchange: &Exchange, target: &Arc<Target>) -> bool {
    if !matches!(target.transport(), Some(Transport::StreamableHttp { .. })) {
        return false;
    }
    // One that cannot be asked is told of in the course of the request.
    pass::takes_modern(exchange, target).await != Some(false)
}

/// A message that says of itself what it must, with headers that say the same.
async fn check(exchange: &Exchange, body: &Bytes, message: &Message<'_>) -> Result<(), Stop> {
    let [version, method, name] =
        [PROTOCOL_VERSION, METHOD, NAME].map(|name| values(exchange.headers(), name));
    let headers = mcp::header::Headers { protocol_version: &version, method: &method, name: &name };
    let checked = mcp::modern::check_post(message, &headers).and_then(|()| match &message.body {
        mcp::Body::Request(request) if request.method == Method::ToolsCall => {
            exchange.served.target().check_headers(request, &mirrors(exchange.headers()))
        }
        _ => Ok(()),
    });
    match checked {
        Ok(()) => Ok(()),
        Err(refused) => Err(exchange.refuse(Some(body), &refused).await),
    }
}

/// The headers that may repeat arguments.
fn mirrors(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    let named = headers.iter().filter(|(name, _)| name.as_str().starts_with(PARAM_PREFIX));
    named.map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

/// Who asks, by what is said to the server itself; nothing where it does not reach the server.
fn standing(exchange: &Exchange, hasher: &RandomState) -> u64 {
    let target = exchange.served.target();
    let dialled = matches!(
        target.transport(),
        Some(Transport::StreamableHttp { .. } | Transport::Sse { .. })
    );
    let mut state = hasher.build_hasher();
    for header in exchange.brought.standing().filter(|_| dialled) {
        header.hash(&mut state);
    }
    state.finish()
}

/// The session that is held for such a client, begun if there is none but this one.
fn held(
    exchange: &Exchange,
    request: &Request<'_>,
    other_than: Option<&Arc<Conversation>>,
) -> Result<Arc<Conversation>, Stop> {
    let shared = &exchange.shared;
    let pools = &shared.http.pools;
    let meta = request.params.meta().ok().flatten();
    let capabilities = meta.and_then(|meta| meta.client_capabilities).map_or("", Raw::as_str);
    let key = Key {
        owner: exchange.visitor.owner.clone(),
        app: exchange.app.clone(),
        revision: exchange.served.target().app.metadata.revision.clone(),
        capabilities: pools.hasher.hash_one(capabilities),
        brought: standing(exchange, &pools.hasher),
    };
    // Held until it is in the table: of two first requests, one begins the session.
    let mut table = pools.table.lock();
    if let Some(conversation) = table.get(&key) {
        let is_it = other_than.is_some_and(|one| Arc::ptr_eq(one, conversation));
        if !is_it && conversation.over().is_none() {
            return Ok(conversation.clone());
        }
        // What is under way there goes on.
        table.remove(&key);
    }
    make_room(&mut table, POOLS_OF_ONE, |other| {
        other.owner.is_same_login(&key.owner) && other.app == key.app
    })?;
    let (user, most) = (key.owner.user(), shared.limits.sessions_per_user);
    make_room(&mut table, most, |other| other.owner.user() == user)?;
    let (of_pool, ended) = (shared.clone(), key.clone());
    let over = move || of_pool.http.pools.forget(&ended);
    let session = Uuid::new_v4().to_string();
    let conversation = open(exchange, &session, Era::Modern, over)?;
    table.insert(key, conversation.clone());
    Ok(conversation)
}

/// Ends the one that was unused for longest, if there are as many of these as there may be.
fn make_room(
    table: &mut HashMap<Key, Arc<Conversation>>,
    most: usize,
    is_one: impl Fn(&Key) -> bool,
) -> Result<(), Stop> {
    let those = || table.iter().filter(|(key, _)| is_one(key));
    if those().count() < most {
        return Ok(());
    }
    let idle = those().filter_map(|(key, pool)| Some((pool.idle_since()?, key.clone())));
    let Some((_, oldest)) = idle.min_by_key(|(since, _)| *since) else {
        return Err(too_many("you have too many sorts of clients in use with MCP servers"));
    };
    if let Some(conversation) = table.remove(&oldest) {
        conversation.close();
    }
    Ok(())
}

/// The status that goes with an answer.
fn status(answer: &Bytes) -> StatusCode {
    let Ok(Message { body: mcp::Body::Response(response), .. }) =
        Message::parse(answer, &Limits::SERVER)
    else {
        return StatusCode::OK;
    };
    match &response.outcome {
        Outcome::Error(error) => code_of(*error).map_or(StatusCode::OK, reply::status_of),
        Outcome::Result(_) => StatusCode::OK,
    }
}

fn code_of(error: Raw<'_>) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Code {
        code: i64,
    }
    serde_json::from_str::<Code>(error.as_str()).ok().map(|error| error.code)
}

// === impl Pools ===

impl Pools {
    /// A session is over. Another may have taken its place.
    fn forget(&self, key: &Key) {
        let mut table = self.table.lock();
        if table.get(key).is_some_and(|conversation| conversation.over().is_some()) {
            table.remove(key);
        }
    }
}
