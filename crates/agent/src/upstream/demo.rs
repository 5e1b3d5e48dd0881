//! The built-in demo server, which needs no process. Roles and records apply to it as to any other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use mcp::demo::{Demo, DemoContext};
use pki::{Identity, UserKind};
use resource::App;

use super::FromServer;

/// The demo server of one connection.
#[derive(Debug)]
pub(crate) struct DemoUpstream {
    demo: Demo,
    visitor: Visitor,
    answers: VecDeque<Bytes>,
    /// Whether answers were added since the last look.
    news: bool,
    input_ended: bool,
}

/// Whom the demo server shows.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Nobody, for a health check.
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) app: Arc<App>,
    pub(crate) session: String,
}

// === impl DemoUpstream ===

impl DemoUpstream {
    pub(crate) fn new(visitor: Visitor) -> Self {
        let demo = Demo::new();
        Self { demo, visitor, answers: VecDeque::new(), news: false, input_ended: false }
    }

    pub(super) fn app(&self) -> &str {
        self.visitor.app.name()
    }

    pub(super) fn write(&mut self, message: &[u8]) {
        let user = match &self.visitor.identity {
            Some(identity) => match identity.as_user() {
                Some(user) => Some(user),
                None => return,
            },
            None => None,
        };
        let context = DemoContext {
            user: user.map_or("", |user| &user.name),
            user_kind: match user.map(|user| user.kind) {
                Some(UserKind::Human) => "human",
                Some(UserKind::Bot) => "bot",
                None => "nobody",
            },
            roles: user.map_or(&[][..], |user| &user.roles),
            cluster: user.map_or("", |user| &user.cluster),
            app_name: self.visitor.app.name(),
            description: &self.visitor.app.metadata.description,
            transport: "stdio",
            session: &self.visitor.session,
        };
        let answers = self.demo.handle(message, &context);
        self.news |= !answers.is_empty();
        self.answers.extend(answers.into_iter().map(Bytes::from));
    }

    pub(super) fn waiting(&self) -> usize {
        self.answers.iter().map(Bytes::len).sum()
    }

    pub(super) fn next_line(&mut self) -> Option<Bytes> {
        self.answers.pop_front()
    }

    pub(super) fn end_input(&mut self) {
        self.input_ended = true;
    }

    pub(super) fn poll(&mut self, wanted: bool) -> Poll<FromServer> {
        if wanted && std::mem::take(&mut self.news) {
            return Poll::Ready(FromServer::Wrote);
        }
        if self.input_ended && self.answers.is_empty() {
            return Poll::Ready(FromServer::Ended);
        }
        Poll::Pending
    }
}
