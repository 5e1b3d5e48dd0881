//! That the client itself asks, and not somebody who has seen its certificate. Where the cluster wants it
//! (`require_client_proof`), each request has to show it: the certificate alone is known to every proxy
//! that it passed.

use api::Body;
use http::{HeaderMap, HeaderValue, Request};
use pki::jwt::proof::{self, Asking};
use tunnel::PROOF;
use uuid::Uuid;

use crate::agent::Shared;
use crate::evidence::Evidence;
use crate::handler::recorder_of;
use crate::record::Invalid;
use crate::served::Served;

/// What a client is told that shows none.
const MISSING: &str = "this cluster wants clients to prove that they hold their certificate's key: use \
                       `tsh mcp connect` or `tsh proxy mcp` of a version that does";

/// Refuses a request whose maker need not hold the key of the certificate that it shows.
///
/// # Errors
/// What is wrong, in words for the client.
pub(crate) fn demand(
    shared: &Shared,
    served: &Served,
    request: &Request<Body>,
    app: &str,
) -> Result<(), String> {
    let preference = shared.replica.snapshot().auth_preference.clone();
    let is_wanted =
        preference.is_some_and(|preference| preference.spec.require_client_proof == Some(true));
    if !is_wanted {
        return Ok(());
    }
    // Without evidence it is refused for that.
    let headers = request.headers();
    let Ok(evidence) = Evidence::of(headers) else { return Ok(()) };
    let outcome = check(shared, headers, &evidence, app);
    if let Err(message) = &outcome {
        tracing::warn!(app, message, "a client did not prove that it holds its certificate's key");
        record(shared, served, request, &evidence, message);
    }
    outcome
}

fn check(
    shared: &Shared,
    headers: &HeaderMap,
    evidence: &Evidence,
    app: &str,
) -> Result<(), String> {
    let mut found = headers.get_all(PROOF).iter();
    let shown = (found.next().map(HeaderValue::to_str), found.next());
    let (Some(Ok(proof)), None) = shown else { return Err(MISSING.to_owned()) };
    let cluster = shared.trust.cluster();
    let asking = Asking { cluster: &cluster, app };
    // A chain without a leaf is refused for that.
    let Some(leaf) = evidence.chain.first() else { return Ok(()) };
    proof::check(proof, leaf, &asking, shared.clock.now()).map_err(|error| {
        format!("the proof that this client holds its certificate's key is not accepted: {error}")
    })
}

/// Tells the audit log whose certificate was used by somebody who need not be its holder.
fn record(shared: &Shared, served: &Served, request: &Request<Body>, shown: &Evidence, why: &str) {
    let id = Uuid::new_v4().to_string();
    let Some(recorder) = recorder_of(shared, &id, shown, served) else { return };
    let (method, uri) = (request.method().as_str(), request.uri());
    let invalid = Invalid { method, uri, headers: request.headers(), body: None };
    let written = recorder.invalid(invalid, why);
    if let Err(error) = written.and_then(|event| shared.recording.sink.append(&event)) {
        tracing::error!(%error, "cannot record that a proof was not accepted");
    }
}
