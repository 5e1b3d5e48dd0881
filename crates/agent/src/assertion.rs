//! Signed statements of who a user is, to show to upstreams: fetched from the auth service with the
//! user's evidence, kept for as long as they are good, renewed before they end.

mod cell;
mod shelf;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::wire::{self, AssertionRequest};
use futures_util::future::BoxFuture;
use http::HeaderValue;
use pki::Certificate;
use resource::App;
use runtime::{Clock, Tasks};
use time::OffsetDateTime;

use self::shelf::Shelf;
use crate::evidence::Evidence;

/// How long a request waits for a statement. One is fetched in a millisecond.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long one without an ID token is good enough: proxies come back, and the cluster has an address
/// again.
const INCOMPLETE: Duration = Duration::from_secs(30);

/// The statements that this agent holds.
#[derive(Debug)]
pub(crate) struct Assertions {
    signer: Arc<dyn Signer>,
    tasks: Tasks,
    clock: Clock,
    shelf: Shelf,
}

/// A statement of who a user is, for one app. `Debug` shows when it is good, and not what it says.
pub(crate) struct Assertion {
    /// The token whose issuer is the cluster.
    pub(crate) jwt: HeaderValue,
    /// The ID token; none while the cluster has no public address.
    pub(crate) id_token: Option<HeaderValue>,
    pub(crate) valid_until: OffsetDateTime,
    /// From when on another one is fetched.
    pub(crate) renew_at: OffsetDateTime,
}

/// Why there is no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAssertion {
    /// The evidence is not a certificate.
    #[error("the user's certificate cannot be read")]
    Evidence,
    /// The auth service says no, or cannot be reached.
    #[error("the auth service gave no statement of who the user is: {0}")]
    Refused(String),
    /// It takes too long.
    #[error(
        "the auth service gave no statement of who the user is within {} seconds",
        PATIENCE.as_secs()
    )]
    Late,
    /// The agent does.
    #[error("the agent stops")]
    Stopped,
    /// It came and is of no use.
    #[error("the auth service's statement of who the user is cannot be used: {0}")]
    Unusable(&'static str),
}

/// Who signs: the auth service.
pub(crate) trait Signer: fmt::Debug + Send + Sync + 'static {
    fn sign(
        &self,
        request: AssertionRequest,
    ) -> BoxFuture<'static, Result<wire::Assertion, api::Error>>;
}

// === impl Assertions ===

impl Assertions {
    pub(crate) fn new(signer: Arc<dyn Signer>, tasks: Tasks, clock: Clock) -> Self {
        Self { signer, tasks, clock, shelf: Shelf::default() }
    }

    /// A statement of who sent `evidence`, for the upstream of `app`: the one at hand, or a new one.
    ///
    /// Requests that want the same one wait for the same answer. One that ends soon is given out
    /// while another is fetched. After a failure the next attempt is made a little later.
    ///
    /// # Errors
    /// There is none at hand that is still good, and none to be had.
    pub(crate) async fn get(
        &self,
        evidence: &Evidence,
        app: &App,
    ) -> Result<Arc<Assertion>, NoAssertion> {
        let leaf = evidence.chain.first().ok_or(NoAssertion::Evidence)?;
        // What the statement says is made of nothing else.
        let claims = app.spec.rewrite.as_ref().map_or("", |rewrite| rewrite.jwt_claims.as_str());
        let (by, name, uri) = (evidence.leaf_digest(), app.name(), &app.spec.uri);
        let parts = [&by[..], name.as_bytes(), uri.as_bytes(), claims.as_bytes()];
        let cell = self.shelf.cell(pki::digest_of(&parts));
        let fetch = || {
            let certificate = Certificate::from_der(leaf.clone());
            let certificate = certificate.map_err(|_unreadable| NoAssertion::Evidence)?;
            let request = AssertionRequest {
                app: app.name().to_owned(),
                uri: app.spec.uri.clone(),
                certificate: certificate.to_pem(),
                client_addr: evidence.client.map(|address| address.to_string()),
            };
            Ok(self.signer.sign(request))
        };
        cell.get(&self.tasks, &self.clock, fetch).await
    }
}

// === impl Assertion ===

impl Assertion {
    fn read(signed: &wire::Assertion, now: OffsetDateTime) -> Result<Self, NoAssertion> {
        let jwt = token(&signed.jwt)?;
        let id_token = signed.id_token.as_deref().map(token).transpose()?;
        let (valid_from, valid_until) = (signed.valid_from, signed.valid_until);
        let renew_at = match id_token {
            Some(_) => valid_until - (valid_until - valid_from) / 3,
            None => now + INCOMPLETE,
        };
        if valid_until <= now {
            return Err(NoAssertion::Unusable("it has ended; do the clocks agree?"));
        }
        Ok(Self { jwt, id_token, valid_until, renew_at })
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("valid_until", &self.valid_until)
            .field("renew_at", &self.renew_at)
            .finish_non_exhaustive()
    }
}

/// A token as the value of a header that is shown to nobody else.
fn token(text: &str) -> Result<HeaderValue, NoAssertion> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_invalid| NoAssertion::Unusable("it cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

// === impl Signer ===

impl Signer for api::Client {
    fn sign(
        &self,
        request: AssertionRequest,
    ) -> BoxFuture<'static, Result<wire::Assertion, api::Error>> {
        let client = self.clone();
        Box::pin(async move { client.sign_assertion(&request).await })
    }
}

#[cfg(test)]
mod tests;
