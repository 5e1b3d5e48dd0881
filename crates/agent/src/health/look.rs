//! One look at a server: open, say who speaks, list the tools.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mcp::definition::{self, Shown};
use mcp::error::{self, code};
use mcp::limits::{Limits, MESSAGE_BYTES};
use mcp::method::name;
use mcp::{Body, Id, Message, Outcome, Raw};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

use super::Found;
use crate::agent::Shared;
use crate::launch::Ended;
use crate::newest::Newest;
use crate::served::Served;
use crate::session::Way;
use crate::tools::Book;
use crate::upstream::{self, By, Complaint, FromServer, Opening, Question, Upstream};

/// A server offers at most so many tools,
const TOOLS: usize = 4_096;
/// on at most so many pages,
const PAGES: usize = 100;
/// and the pages together at most so many bytes.
const BYTES: usize = 4 * MESSAGE_BYTES;
/// So many messages that answer nothing are passed over.
const CHATTER: usize = 1_000;

/// Looks at an app's server; gives what was found, and how long it took until everything was answered.
pub(super) async fn look(
    shared: &Arc<Shared>,
    served: &Arc<Served>,
    patience: Duration,
) -> (Found, Duration) {
    let complaint = Arc::new(Complaint::default());
    let target = served.target();
    let mut look = Look { upstream: None, heard: 0, chatter: 0, tools: served.tools().clone() };
    let begun = Instant::now();
    let outcome = timeout(patience, look.open_and_talk(shared, served, &complaint)).await;
    let latency = begun.elapsed();
    // Whatever came of it, the server ends in order; how long that takes says nothing of it.
    let ended = look.end().await;
    let why = match outcome {
        Ok(Ok(())) => return (Found::Well, latency),
        Ok(Err(Unanswered::Ended)) => complaint.words().unwrap_or(ended),
        Ok(Err(Unanswered::Why(why))) => complaint.words().unwrap_or(why),
        Err(_elapsed) => {
            let seconds = patience.as_secs_f64();
            let late = format!("it did not say what it offers within {seconds} s");
            complaint.words().map_or(late.clone(), |words| format!("{late}: {words}"))
        }
    };
    if complaint.is_about_who_asks()
        && let Ok(dialler) = target.dialler(shared).await
        && let Some(left) = dialler.leaves_to_users()
    {
        let why = format!("{why}; a health check has no user, and {left}");
        return (Found::Unclear(why), latency);
    }
    (Found::Unwell(why), latency)
}

/// Why a server did not say what it offers.
enum Unanswered {
    /// It ended.
    Ended,
    /// For this reason.
    Why(String),
}

impl From<String> for Unanswered {
    fn from(why: String) -> Self {
        Self::Why(why)
    }
}

/// A look that is under way.
struct Look {
    upstream: Option<Upstream>,
    /// How much of the list there was.
    heard: usize,
    chatter: usize,
    tools: Arc<Book>,
}

#[derive(Deserialize)]
struct Begun {
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Default, Deserialize)]
struct Capabilities {
    tools: Option<Box<RawValue>>,
}

// === impl Look ===

impl Look {
    async fn open_and_talk(
        &mut self,
        shared: &Arc<Shared>,
        served: &Arc<Served>,
        complaint: &Arc<Complaint>,
    ) -> Result<(), Unanswered> {
        let opening = Opening {
            shared,
            served,
            by: By::Check(complaint),
            session: "health check",
            way: Way::Lines,
            brought: &Newest::default(),
        };
        self.upstream = Some(upstream::open(opening).await?);
        self.talk().await
    }

    /// Ends the server; how it ended, if it did so by itself.
    async fn end(self) -> String {
        let Some(upstream) = self.upstream else { return String::new() };
        let over = upstream.over().map(|(_, words)| words);
        let Ended { outcome, last_words } = upstream.end().await;
        match (over, last_words) {
            (Some(words), _) => words,
            (None, Some(words)) => format!("{outcome}; its last words: {words}"),
            (None, None) => outcome.to_string(),
        }
    }

    async fn talk(&mut self) -> Result<(), Unanswered> {
        let id = 1;
        let begun = self.ask(&Question::Initialize { id }, id).await?;
        let begun = with_result(&begun, "initialize", |result| {
            serde_json::from_str::<Begun>(result.as_str())
                .map_err(|_error| "its answer to initialize says nothing of it".to_owned())
        })?;
        self.say(&Question::Initialized);
        let mut all = Shown::default();
        if begun.capabilities.tools.is_some() {
            self.list(&mut all).await?;
        }
        self.tools.saw_all(all);
        Ok(())
    }

    async fn list(&mut self, all: &mut Shown) -> Result<(), Unanswered> {
        let mut cursors = HashSet::new();
        let mut cursor: Option<String> = None;
        for page in 0..PAGES as u64 {
            let id = 2 + page;
            let question = Question::Tools { id, cursor: cursor.as_deref() };
            let answer = self.ask(&question, id).await?;
            self.heard += answer.len();
            if self.heard > BYTES {
                return Err(format!("its list of tools has more than {BYTES} bytes").into());
            }
            let next = with_result(&answer, "tools/list", |result| {
                let page = definition::tools(result, TOOLS + 1);
                all.tools.extend(page.tools);
                all.more |= page.more;
                Ok(next_cursor(&answer))
            })?;
            if all.tools.len() > TOOLS {
                return Err(format!("it offers more than {TOOLS} tools").into());
            }
            match next {
                None => return Ok(()),
                Some(next) if !cursors.insert(next.clone()) => {
                    return Err("its list of tools leads back to a page before".to_owned().into());
                }
                next => cursor = next,
            }
        }
        Err(format!("its list of tools has more than {PAGES} pages").into())
    }

    fn say(&mut self, question: &Question<'_>) {
        if let Some(upstream) = &mut self.upstream {
            upstream.ask(question);
        }
    }

    /// The answer to a question.
    async fn ask(&mut self, question: &Question<'_>, id: u64) -> Result<Bytes, Unanswered> {
        self.say(question);
        let expected = Id::Number(i64::try_from(id).unwrap_or(i64::MAX));
        loop {
            let upstream = self.upstream.as_mut().ok_or(Unanswered::Ended)?;
            while let Some(line) = upstream.next_line() {
                let line =
                    line.map_err(|error| format!("what it writes cannot be read: {error}"))?;
                let Ok(message) = Message::parse(&line, &Limits::SERVER) else {
                    self.chatter += 1;
                    continue;
                };
                match &message.body {
                    Body::Response(response) if response.id.as_ref() == Some(&expected) => {
                        return Ok(line);
                    }
                    Body::Request(request) => upstream.answer(&reply(request)),
                    Body::Response(_) | Body::Notification(_) => {}
                }
                self.chatter += 1;
            }
            if self.chatter > CHATTER {
                return Err("it says all sorts of things and does not answer".to_owned().into());
            }
            match poll_fn(|cx| upstream.poll(cx, true)).await {
                FromServer::Wrote => {}
                FromServer::Ended => return Err(Unanswered::Ended),
            }
        }
    }
}

/// What a server is answered that asks something: it was promised nothing.
fn reply(request: &mcp::Request<'_>) -> Vec<u8> {
    if request.method.as_str() == name::PING {
        return error::result(&request.id, serde_json::json!({}));
    }
    let words = "nobody is there who could answer";
    error::response(Some(&request.id), code::METHOD_NOT_FOUND, words, None)
}

/// Reads the result in an answer. What a server says of an error is not repeated: what it was told in
/// confidence may be in it.
fn with_result<T>(
    answer: &[u8],
    method: &str,
    read: impl FnOnce(Raw<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let unreadable = || format!("its answer to {method} cannot be read");
    let message = Message::parse(answer, &Limits::SERVER).map_err(|_refused| unreadable())?;
    let Body::Response(response) = &message.body else { return Err(unreadable()) };
    match &response.outcome {
        Outcome::Result(result) => read(result.raw()),
        Outcome::Error(error) => {
            let code = serde_json::from_str::<serde_json::Value>(error.as_str());
            let code = code.ok().and_then(|error| error.get("code")?.as_i64());
            let code =
                code.map_or_else(|| "an error".to_owned(), |code| format!("the error {code}"));
            Err(format!("it answers {method} with {code}"))
        }
    }
}

fn next_cursor(answer: &[u8]) -> Option<String> {
    let message = Message::parse(answer, &Limits::SERVER).ok()?;
    let Body::Response(response) = &message.body else { return None };
    let Outcome::Result(result) = &response.outcome else { return None };
    result.next_cursor()?.string().map(std::borrow::Cow::into_owned)
}
