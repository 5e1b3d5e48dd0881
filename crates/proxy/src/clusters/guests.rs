//! What users of another cluster ask, as it comes down the tunnel to that cluster's proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use api::Body;
use api::wire::VisitorRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use pki::Certificate;
use rustls::pki_types::CertificateDer;
use tunnel::{CLIENT_ADDRESS, EVIDENCE, Handler};

use crate::ingress::{self, Refusal, Wanted};
use crate::service::Shared;

/// Answers the users of one other cluster, and nobody else.
pub(super) struct Guests {
    home: String,
    shared: Arc<Shared>,
}

/// Who asks.
struct Guest {
    certificate: Certificate,
    /// The same, for agents.
    evidence: HeaderValue,
    client: SocketAddr,
}

// === impl Guests ===

impl Guests {
    pub(super) fn new(home: &str, shared: Arc<Shared>) -> Self {
        Self { home: home.to_owned(), shared }
    }
}

impl Handler for Guests {
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let (home, shared) = (self.home.clone(), self.shared.clone());
        Box::pin(async move {
            match answer(request, &home, &shared).await {
                Ok(response) => response,
                Err(refusal) => refusal.into_response(),
            }
        })
    }
}

async fn answer(
    request: Request<Body>,
    home: &str,
    shared: &Shared,
) -> Result<Response<Body>, Refusal> {
    let (head, body) = request.into_parts();
    let Some(wanted) = Wanted::of_path(head.uri.path()) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "another cluster may ask for apps only"));
    };
    let guest = Guest::of(&head.headers, home, shared)?;
    match wanted {
        Wanted::App(app) => {
            let who = (app, guest.client, &guest.evidence);
            ingress::to_agents(&head, body, who, shared).await
        }
        Wanted::Apps if head.method == Method::GET => list(&guest, shared).await,
        Wanted::Apps => Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "the list is for GET")),
    }
}

async fn list(guest: &Guest, shared: &Shared) -> Result<Response<Body>, Refusal> {
    let request = VisitorRequest {
        certificate: guest.certificate.to_pem(),
        client_addr: Some(guest.client.to_string()),
    };
    let listed = shared.client.list_body_for_visitor(&request).await;
    let refused = |error: api::Error| Refusal::of(&error, &shared.cluster);
    let body = listed.map_err(refused)?;
    let body = serde_json::to_vec(&body).map_err(|error| refused(api::Error::internal(error)))?;
    let mut response = Response::new(api::full(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

// === impl Guest ===

impl Guest {
    /// Who asks, if it is a user of the cluster at the other end whom that cluster sent here.
    fn of(headers: &HeaderMap, home: &str, shared: &Shared) -> Result<Self, Refusal> {
        let refused = |words: String| Refusal::new(StatusCode::UNAUTHORIZED, words);
        let only = |name| {
            let mut found = headers.get_all(name).iter();
            found.next().filter(|_| found.next().is_none())
        };
        let (evidence, client) = only(EVIDENCE)
            .zip(only(CLIENT_ADDRESS))
            .ok_or_else(|| refused("the request came without evidence for the visit".to_owned()))?;
        let client = client.to_str().ok().and_then(|text| text.parse().ok());
        let der = STANDARD.decode(evidence.as_bytes()).ok().map(CertificateDer::from);
        let (client, der) = client
            .zip(der)
            .ok_or_else(|| refused("the evidence for the visit cannot be read".to_owned()))?;
        let identity =
            shared.trust.verify_foreign(std::slice::from_ref(&der), shared.clock.now()).map_err(
                |error| refused(format!("the evidence for the visit is not accepted: {error}")),
            )?;
        if identity.as_user().is_none_or(|user| user.cluster != home) {
            return Err(refused(format!("cluster {home:?} speaks for its own users only")));
        }
        let certificate = Certificate::from_der(der).map_err(|error| {
            refused(format!("the evidence for the visit cannot be read: {error}"))
        })?;
        Ok(Self { certificate, evidence: evidence.clone(), client })
    }
}
