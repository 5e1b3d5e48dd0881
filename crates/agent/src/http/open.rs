//! Begins a session for clients that speak HTTP.

use std::sync::Arc;

use http::StatusCode;
use mcp::Era;
use mcp::error::code;

use super::conversation::Conversation;
use super::exchange::Exchange;
use super::reply::{self, Stop};
use crate::end::End;
use crate::newest::Newest;
use crate::session::{Parts, Session, Way};

/// Starts the task of a session. `over` is called when it has ended.
pub(crate) fn open(
    exchange: &Exchange,
    id: &str,
    era: Era,
    over: impl FnOnce() + Send + 'static,
) -> Result<Arc<Conversation>, Stop> {
    let shared = &exchange.shared;
    let unrecorded = || {
        let words = End::not_recorded().message;
        reply::stop(StatusCode::SERVICE_UNAVAILABLE, code::INTERNAL_ERROR, None, &words)
    };
    let grant = exchange.visitor.begin(shared, &exchange.app)?;
    let user = grant.user().ok_or_else(unrecorded)?;
    let place =
        shared.places.take(&user.principal()).map_err(|full| too_many(&full.to_string()))?;
    let remote = grant.evidence().client.map(|address| address.to_string());
    let recorder = shared.recording.session(id, user, &grant.app, remote).map_err(|error| {
        tracing::error!(%error, "cannot record a session");
        unrecorded()
    })?;
    let brought = Newest::each(&exchange.brought);
    let (conversation, ends) =
        Conversation::new(era, grant.evidence().clone(), brought.clone(), &shared.limits);
    let parts = Parts {
        way: Way::Http,
        shared: shared.clone(),
        id: id.to_owned(),
        grant,
        served: exchange.served.clone(),
        recorder,
        brought,
    };
    let (body, out, lines) = ends.split();
    let session = Session::new(parts, api::boxed(body), out);
    let driven = conversation.clone();
    shared.tasks.spawn("agent.session", async move {
        let driving = async {
            driven.drive(lines).await;
            over();
        };
        tokio::join!(session.run(), driving);
        drop(place);
    });
    Ok(conversation)
}

/// No more sessions can be begun now.
pub(crate) fn too_many(words: &str) -> Stop {
    reply::stop(StatusCode::TOO_MANY_REQUESTS, code::INTERNAL_ERROR, None, words)
}
