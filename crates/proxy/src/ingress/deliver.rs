//! To which agent a request goes: the first that takes it, or the one that holds what it continues.

use std::collections::VecDeque;

use api::Body;
use http::{Response, StatusCode};
use tunnel::{APP_NOT_SERVED, HELD_BY, NOT_SERVED_UNRECORDED, Registry, Repeat, SendError};

use super::content::Content;
use super::forwarded::{Attempt, Forwarded};
use super::refusal::Refusal;

/// The answer of one of these agents; nothing when none takes the request.
pub(super) async fn deliver(
    registry: &Registry,
    mut hosts: VecDeque<String>,
    mut content: Content,
    mut forwarded: Forwarded,
) -> Result<Option<Response<Body>>, Refusal> {
    // Whether an agent would take the request if it could record what happens.
    let mut unrecorded = false;
    // What the client gets if who holds the call cannot be asked.
    let mut unheld = None;
    // Whether an agent was lost that may have begun.
    let mut lost = false;
    let repeat = match content.is_held() && forwarded.only_asks() {
        true => Repeat::Harmless,
        false => Repeat::Never,
    };
    while let Some(host) = hosts.pop_front() {
        let Some(body) = content.next() else { break };
        let attempt = if hosts.is_empty() { Attempt::Last } else { Attempt::OneOfMore };
        match registry.send(&host, forwarded.request(body, attempt), repeat).await {
            Ok(mut response) => {
                let headers = response.headers_mut();
                // The agent read nothing: another may. The record that led here is about to vanish, or the agent
                // has no room for its own.
                if let Some(why) = headers.remove(APP_NOT_SERVED) {
                    unrecorded |= why == NOT_SERVED_UNRECORDED;
                    continue;
                }
                // The agent did nothing. Who holds the call is asked if that is one that could have been asked first:
                // the name is the client's word.
                let holder = headers.remove(HELD_BY);
                let holder = holder.and_then(|name| hosts.iter().position(|host| *host == name));
                match holder.and_then(|at| hosts.remove(at)) {
                    Some(holder) if content.is_held() => {
                        hosts = VecDeque::from([holder]);
                        unheld = Some(response);
                    }
                    _ => return Ok(Some(response)),
                }
            }
            Err(SendError::NotConnected(unsent)) => content.give_back(unsent.into_body()),
            Err(SendError::TooLong) => {
                return Err(Refusal::new(
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "the headers of the request are too long",
                ));
            }
            Err(error @ (SendError::Lost(_) | SendError::Silent)) => {
                tracing::info!(agent = %host, %error, "agent lost while a client connected");
                lost = true;
                if repeat == Repeat::Never {
                    break;
                }
            }
        }
    }
    if lost {
        return Err(Refusal::new(
            StatusCode::BAD_GATEWAY,
            "the agent that serves this MCP server was lost; connect again",
        ));
    }
    if unrecorded && unheld.is_none() { Err(Refusal::unrecorded()) } else { Ok(unheld) }
}

#[cfg(test)]
mod tests;
