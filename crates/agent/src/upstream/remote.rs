//! A server that is dialled: lines for the session, HTTP for the server.
//!
//! A task of its own speaks HTTP ([`driver`]), in one of three dialects, and both sides of it have a
//! bound: who does not read is not read from.

mod answer;
mod driver;
mod exchange;
mod faults;
mod hearing;
mod logs;
mod outline;
mod pipe;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::Request;
use mcp::Id;
use mcp::framing::LineError;
use runtime::{TaskHandle, Tasks};
use tokio::time::timeout;

use self::driver::Driver;
use self::exchange::Wire;
pub(crate) use self::faults::{Complaint, Faults};
pub(crate) use self::logs::Logs;
use self::pipe::{News, Order, Pipe};
use super::FromServer;
use super::backlog::Author;

use crate::dial::{Caller, Dialler};
use crate::end::Reason;
use crate::newest::Newest;
use crate::served::Target;

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// How a server is spoken to over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// One address, a session that `initialize` begins.
    Legacy,
    /// Two addresses: a stream of events, and where messages are posted.
    Sse,
    /// One address, and each request stands alone.
    Modern,
}

/// A conversation with a server over HTTP.
#[derive(Debug)]
pub(crate) struct Remote {
    target: Arc<Target>,
    pipe: Arc<Pipe>,
    driver: Option<TaskHandle<()>>,
    /// What ended it.
    news: Option<News>,
}

/// What a conversation needs.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) dialler: Arc<Dialler>,
    pub(crate) caller: Caller,
    pub(crate) target: Arc<Target>,
    /// Is told what goes wrong.
    pub(crate) faults: Faults,
    /// What the server logs beside its answers.
    pub(crate) logs: Logs,
    /// What the client has for the server itself.
    pub(crate) brought: Newest,
}

// === impl Line ===

impl Line {
    /// A request that says what the client has for the server.
    fn fit(&self, mut request: Request<Body>) -> Request<Body> {
        request.extensions_mut().insert(self.brought.get());
        request
    }
}

// === impl Remote ===

impl Remote {
    /// `dialect` is what is spoken until messages say otherwise.
    pub(crate) fn new(line: Line, dialect: Dialect, tasks: &Tasks) -> Self {
        let (pipe, target) = (Arc::new(Pipe::default()), line.target.clone());
        let wire = Arc::new(Wire::new(line, pipe.clone()));
        let driver = tasks.spawn("agent.remote", Driver::new(wire, dialect).run());
        Self { target, pipe, driver: Some(driver), news: None }
    }

    pub(super) fn app(&self) -> &str {
        self.target.app.name()
    }

    /// The permit for it was spent by whoever handed it over.
    pub(super) fn write(&self, message: &[u8], from: Author) {
        self.pipe.order(Order::Send(Bytes::copy_from_slice(message), from));
    }

    pub(super) fn waiting_of_us(&self) -> usize {
        self.pipe.waiting_of_us()
    }

    pub(super) fn waiting(&self) -> usize {
        self.pipe.waiting()
    }

    pub(super) fn poll(&mut self, cx: &Context<'_>, wanted: bool) -> Poll<FromServer> {
        match ready!(self.pipe.poll(cx, wanted)) {
            None => Poll::Ready(FromServer::Wrote),
            Some(news) => {
                self.news = Some(news);
                Poll::Ready(FromServer::Ended)
            }
        }
    }

    /// The messages that were refused because the server has forgotten its session.
    pub(super) fn lost(&mut self) -> Option<Vec<Bytes>> {
        match &mut self.news {
            // Said once: whoever hears it begins another session, or gives up.
            Some(News::Lost(unsent)) => Some(std::mem::take(unsent)),
            _ => None,
        }
    }

    pub(super) fn over(&self) -> Option<(Reason, String)> {
        let words = match self.news.as_ref()? {
            News::Done => return None,
            News::Lost(_) => "the MCP server has forgotten the session; connect again",
            News::Over(words) => words,
        };
        Some((Reason::ServerEnded, words.to_owned()))
    }

    pub(super) fn next_line(&self) -> Option<Result<Bytes, LineError>> {
        self.pipe.next_line().map(|(_, line)| line)
    }

    pub(super) fn next_line_on(&self) -> Option<(Option<Id<'static>>, Result<Bytes, LineError>)> {
        self.pipe.next_line()
    }

    pub(super) fn end_input(&self) {
        self.pipe.end_input();
    }

    /// How often the server could not be asked, or said nothing of itself.
    pub(super) fn faults(&self) -> u64 {
        self.pipe.faults()
    }

    /// Ends the conversation, and the session at the server.
    pub(super) async fn end(mut self) {
        self.pipe.close();
        if let Some(driver) = self.driver.take() {
            // What is not said by then is not said.
            _ = timeout(GOODBYE, driver).await;
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.pipe.close();
    }
}
