//! What a server says by itself: on a stream beside the answers, or, in the first revision, on the stream
//! that everything comes on.

use std::sync::Arc;
use std::time::Duration;

use http::header::ACCEPT;
use http::{Method, Request};
use tokio::time::{sleep, timeout};

use super::answer::{Kind, Refusal};
use super::exchange::{Done, EVENTS, NoStream, Wire, longer};
use super::outline::Outline;
use super::stream::{Events, Place};
use crate::dial::Leave;

/// How long a server may take to say where messages are posted.
const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(30);

// === impl Wire ===

impl Wire {
    /// Hears what the server says by itself, for as long as it has a stream for that.
    pub(super) async fn listen(self: Arc<Self>) -> Done {
        let mut place = Place::default();
        let mut pause = place.pause();
        loop {
            match self.stream(&place).await {
                Ok(mut events) => {
                    let mut heard = false;
                    self.line.logs.listen(true);
                    while let Some(event) = events.next().await {
                        heard = true;
                        match event {
                            Ok(event) => {
                                self.hand_on(&Outline::default(), &event.data).await;
                                self.line.logs.note(&event.data);
                            }
                            Err(too_long) => self.pipe.give(None, Err(too_long)).await,
                        }
                    }
                    self.line.logs.listen(false);
                    place = events.place;
                    pause = if heard { place.pause() } else { longer(pause.max(place.pause())) };
                }
                Err(NoStream::None) => return Done::Fine,
                Err(NoStream::Lost) => return Done::Lost(None),
                Err(NoStream::Later) => pause = longer(pause),
            }
            sleep(pause).await;
        }
    }

    /// Opens the stream of a server of the first revision, and learns where messages are posted.
    pub(super) async fn open(self: Arc<Self>) -> Done {
        match timeout(ENDPOINT_TIMEOUT, self.endpoint()).await {
            Ok(Ok(events)) => Done::Opened(events),
            Ok(Err(words)) => Done::Over(words),
            Err(_elapsed) => {
                let seconds = ENDPOINT_TIMEOUT.as_secs();
                Done::Over(format!(
                    "the MCP server did not say within {seconds} seconds where messages are posted"
                ))
            }
        }
    }

    async fn endpoint(&self) -> Result<Events, String> {
        let mut request = Request::new(api::empty());
        *request.method_mut() = Method::GET;
        request.headers_mut().insert(ACCEPT, EVENTS);
        let dialler = &self.line.dialler;
        let response =
            dialler.send(Leave::Housekeeping, self.line.fit(request), &self.line.caller).await;
        let response = response.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(Refusal::read(response).await.to_string());
        }
        if Kind::of(&response) != Kind::Events {
            return Err("the MCP server sends no stream of events; is the URI right?".to_owned());
        }
        let mut events = Events::new(response.into_body(), Place::default());
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| error.to_string())?;
            if event.name.as_deref() != Some("endpoint") {
                continue;
            }
            let text = String::from_utf8_lossy(&event.data);
            let url = dialler.url().join(text.trim());
            let url =
                url.map_err(|_e| "the MCP server names no address for messages".to_owned())?;
            if url.origin() != dialler.url().origin() {
                let words = "the MCP server wants messages posted to another server";
                return Err(words.to_owned());
            }
            self.session.lock().endpoint = Some(url);
            return Ok(events);
        }
        Err("the MCP server ended its stream of events at once".to_owned())
    }

    /// Hands on what comes on the stream of a server of the first revision.
    pub(super) async fn read(self: Arc<Self>, mut events: Events) -> Done {
        while let Some(event) = events.next().await {
            match event {
                Ok(event) if matches!(event.name.as_deref(), None | Some("message")) => {
                    self.hand_on(&Outline::default(), &event.data).await;
                }
                Ok(_of_another_kind) => {}
                Err(too_long) => self.pipe.give(None, Err(too_long)).await,
            }
        }
        Done::Over("the MCP server ended its stream of events".to_owned())
    }
}
