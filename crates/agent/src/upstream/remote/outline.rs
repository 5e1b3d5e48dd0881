//! What has to be known of a message to carry it.

use mcp::limits::Limits;
use mcp::message::Message;
use mcp::method::name;
use mcp::{Body, Era, Id, Method, Request, Revision, header, http};

use crate::served::Target;

/// What has to be known of a message to carry it.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Of a request.
    pub(super) id: Option<Id<'static>>,
    /// What a request says of the era that is spoken.
    pub(super) era: Option<Era>,
    pub(super) is_initialize: bool,
    /// Whether the client wants to hear what the server logs.
    pub(super) is_set_level: bool,
    /// What comes after it must not overtake it.
    pub(super) is_first: bool,
    pub(super) is_initialized: bool,
    /// What the modern era repeats in headers.
    pub(super) headers: Vec<(String, String)>,
    pub(super) is_response: bool,
    /// The request that is taken back.
    pub(super) cancels: Option<Id<'static>>,
}

// === impl Outline ===

impl Outline {
    pub(super) fn of(line: &[u8], target: &Target) -> Self {
        let Ok(message) = Message::parse(line, &Limits::SERVER) else { return Self::default() };
        match &message.body {
            Body::Request(request) => Self {
                id: Some(request.id.to_static()),
                era: era_of(request, &message),
                is_initialize: request.method == Method::Initialize,
                is_set_level: request.method.as_str() == name::SET_LEVEL,
                is_first: request.method == Method::Initialize
                    || request.method.as_str() == name::SET_LEVEL,
                headers: headers_of(request, target),
                ..Self::default()
            },
            Body::Notification(notification) => {
                let called = notification.method.as_str();
                let cancelled = || notification.params.request_id();
                let cancels = (called == name::CANCELLED).then(cancelled).flatten();
                Self {
                    is_first: true,
                    headers: vec![
                        (header::PROTOCOL_VERSION.to_owned(), Revision::LATEST.as_str().to_owned()),
                        (header::METHOD.to_owned(), header::encode(called).into_owned()),
                    ],
                    is_initialized: called == name::INITIALIZED,
                    cancels: cancels.and_then(|raw| Id::read(raw).ok()).map(|id| id.to_static()),
                    ..Self::default()
                }
            }
            Body::Response(_) => Self { is_response: true, is_first: true, ..Self::default() },
        }
    }
}

/// Requests that could be of either era are of the one that is spoken.
fn era_of(request: &Request<'_>, message: &Message<'_>) -> Option<Era> {
    match http::era(&[], message) {
        Era::Modern => Some(Era::Modern),
        Era::Legacy => (request.method == Method::Initialize).then_some(Era::Legacy),
    }
}

fn headers_of(request: &Request<'_>, target: &Target) -> Vec<(String, String)> {
    let every = header::of(request).into_iter().map(|(name, value)| (name.to_owned(), value));
    every.chain(target.headers_of(request)).collect()
}
