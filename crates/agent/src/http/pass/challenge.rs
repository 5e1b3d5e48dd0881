//! Answers of servers that do not accept credentials.

use api::{Body, stream_headers};
use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::response::Parts;
use http::{Response, StatusCode};

use crate::dial::ClientsCredentials;

/// What an answer that refuses somebody's credentials is to the client. When the app says who asks, it says
/// nothing of the client; otherwise it is the server's word to the client, and marked as that.
#[derive(Debug, Default)]
pub(super) struct Challenge {
    is_the_clients: bool,
    /// How the server wants to be asked.
    ways: Vec<HeaderValue>,
}

// === impl Challenge ===

impl Challenge {
    pub(super) fn of(head: &Parts) -> Self {
        let refuses = matches!(head.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let Some(clients) = head.extensions.get::<ClientsCredentials>().filter(|_| refuses) else {
            return Self::default();
        };
        let ways: Vec<_> = head.headers.get_all(WWW_AUTHENTICATE).iter().cloned().collect();
        Self { is_the_clients: clients.brings || !ways.is_empty(), ways }
    }

    /// Whether it is for the client to come with others.
    pub(super) const fn is_the_clients(&self) -> bool {
        self.is_the_clients
    }

    /// The status that the client gets.
    pub(super) fn status(&self, status: StatusCode) -> StatusCode {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.is_the_clients => status,
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED => StatusCode::BAD_GATEWAY,
            other => other,
        }
    }

    /// Says in an answer whose refusal it is.
    pub(super) fn mark(self, response: &mut Response<Body>) {
        if !self.is_the_clients {
            return;
        }
        let headers = response.headers_mut();
        let origin = HeaderName::from_static(stream_headers::ERROR_ORIGIN);
        headers.insert(origin, HeaderValue::from_static(stream_headers::ORIGIN_UPSTREAM));
        for way in self.ways {
            headers.append(WWW_AUTHENTICATE, way);
        }
    }
}
