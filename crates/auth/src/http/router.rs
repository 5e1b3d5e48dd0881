//! The router: one route for each row of the table of endpoints, and one way through all of them.

use std::sync::Arc;
use std::time::Duration;

use api::{ENDPOINTS, EndpointRow, Error, ErrorKind};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Collected, Limited};
use resource::Kind;

use super::answer::{self, Answer};
use super::call::{self, Call};
use super::connection::Peer;
use crate::caller::Caller;
use crate::core::Core;
use crate::cx::OpCx;
use crate::{events, gate, operate};

/// How long a request may take to arrive: the largest of them over a slow line.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Routes for all endpoints.
pub(crate) fn router(core: &Arc<Core>) -> Router {
    let mut router = Router::new();
    for row in ENDPOINTS {
        let core = core.clone();
        let handler = move |request: Request| {
            let core = core.clone();
            async move { handle(&core, row, request).await }
        };
        router = router.route(row.path, on(filter(&row.method), handler));
    }
    router
        .fallback(|| async { answer::error(&Error::not_found("the auth API has no such address")) })
        .method_not_allowed_fallback(|| async {
            let mut answer =
                answer::error(&Error::invalid("the address does not take this HTTP method"));
            *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            answer
        })
}

fn filter(method: &Method) -> MethodFilter {
    match *method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::DELETE => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

/// The way of every request: who calls, may such a caller be here at all, then the operation.
async fn handle(core: &Arc<Core>, row: &'static EndpointRow, request: Request) -> Answer {
    let Some(peer) = request.extensions().get::<Peer>().cloned() else {
        return answer::error(&Error::internal("a request without a connection"));
    };
    let cx = match OpCx::authenticate(core, &peer) {
        Ok(cx) => cx,
        Err(error) => return answer::error(&error),
    };
    let (mut parts, body) = request.into_parts();
    let parameters = match parameters(&mut parts).await {
        Ok(parameters) => parameters,
        Err(error) => return answer::error(&error),
    };
    let mut call = Call {
        parameters,
        uri: parts.uri,
        body: Bytes::new(),
        connection: peer.connection.clone(),
    };
    let outcome = async {
        gate::admit(&cx, row.access)?;
        call.body = read_body(core, row, body).await?;
        operate::operate(&cx, row.operation, &call).await
    };
    match outcome.await {
        Ok(answer) => answer,
        Err(error) => {
            record_refusal(&cx, row, &call, &error).await;
            answer::error(&error)
        }
    }
}

async fn read_body(core: &Core, row: &EndpointRow, body: Body) -> Result<Bytes, Error> {
    let most = call::max_body(row);
    tokio::select! {
        body = Limited::new(body, most).collect() => {
            body.map(Collected::to_bytes).map_err(|error| call::unreadable(&error, most))
        }
        () = core.clock.sleep(BODY_TIMEOUT) => {
            let seconds = BODY_TIMEOUT.as_secs();
            Err(Error::invalid(format!("the request was not whole after {seconds} seconds")))
        }
    }
}

async fn parameters(parts: &mut Parts) -> Result<Vec<(String, String)>, Error> {
    let parameters = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(|error| Error::invalid(format!("the address is not understood: {error}")))?;
    Ok(parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Records that somebody who is known wanted what they may not have. What cannot be recorded was
/// not done anyway, so the answer stays as it is.
async fn record_refusal(cx: &OpCx, row: &EndpointRow, call: &Call, error: &Error) {
    if matches!(cx.caller(), Caller::Anonymous) || error.kind() != ErrorKind::Denied {
        return;
    }
    let verb = format!("{:?}", row.operation).to_lowercase();
    let kind = call.parameter("kind").unwrap_or(row.path);
    // The record knows of which kinds the names are secret, by the one name of each kind.
    let kind = Kind::parse(kind).map_or(kind, |kind| kind.as_str());
    let name = call.parameter("name").ok();
    if let Err(unrecorded) = events::denied(cx, &verb, kind, name, error).await {
        tracing::error!(cause = unrecorded.cause(), "a refusal could not be recorded");
    }
}
