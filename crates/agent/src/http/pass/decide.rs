//! What of a post goes to the server.

use bytes::Bytes;
use mcp::{Body, Id, Message};
use policy::Permit;

use crate::authorize::Refusal;
use crate::http::passage::Passage;
use crate::record::Recorder;
use crate::relay::{FromClient, unrecorded};

/// What was decided about a post.
#[derive(Debug)]
pub(super) struct Decided {
    /// What may be sent, and by what right; nothing when nothing may.
    pub(super) forward: Option<(Permit<'static>, Bytes)>,
    /// The requests in it: somebody waits for their answers.
    pub(super) ids: Vec<Id<'static>>,
    /// Our own answers to what is not sent.
    pub(super) answers: Vec<Vec<u8>>,
    /// Whether it came as a batch, and is answered as one.
    pub(super) batch: bool,
}

// === impl Passage ===

impl Passage {
    /// Decides about each message and records it.
    pub(super) async fn decide(
        &self,
        body: &Bytes,
        messages: &[Message<'_>],
    ) -> Result<Decided, Refusal> {
        let batch = body.trim_ascii_start().first() == Some(&b'[');
        let mut decided = Decided { forward: None, ids: Vec::new(), answers: Vec::new(), batch };
        let mut passed = Vec::new();
        let mut right = None;
        for message in messages {
            let Some(permit) = self.decide_one(message, &mut decided.answers).await? else {
                continue;
            };
            if let Body::Request(request) = &message.body {
                decided.ids.push(request.id.to_static());
            }
            passed.push(message.text.trim());
            right = Some(permit);
        }
        decided.forward = right.map(|permit| {
            let whole = passed.len() == messages.len();
            let bytes = if whole { body.clone() } else { format!("[{}]", passed.join(",")).into() };
            (permit, bytes)
        });
        Ok(decided)
    }

    async fn decide_one(
        &self,
        message: &Message<'_>,
        answers: &mut Vec<Vec<u8>>,
    ) -> Result<Option<Permit<'static>>, Refusal> {
        let access = self.access()?;
        let decision = self.relay.lock().client(message, &access, &self.visitor.recorder);
        match decision {
            FromClient::Drop => Ok(None),
            FromClient::Answer { answer, event } => {
                self.refuse(event).await;
                answers.push(answer);
                Ok(None)
            }
            FromClient::Forward { permit, event, begins } => {
                if let Err(error) = self.record(event, begins).await {
                    if let Some(id) = self.relay.lock().withdraw(message) {
                        answers.push(unrecorded(&id, &error));
                    }
                    return Ok(None);
                }
                self.confirm(permit, message, answers).await
            }
        }
    }

    /// Recording takes its time. What has become known meanwhile decides a request anew.
    async fn confirm(
        &self,
        permit: Permit<'static>,
        message: &Message<'_>,
        answers: &mut Vec<Vec<u8>>,
    ) -> Result<Option<Permit<'static>>, Refusal> {
        if !self.visitor.renew(&self.shared.authorizer)? {
            return Ok(Some(permit));
        }
        let access = self.access()?;
        if self.relay.lock().withdraw(message).is_none() {
            return Ok(Some(permit));
        }
        let decision = self.relay.lock().client(message, &access, &self.visitor.recorder);
        match decision {
            FromClient::Forward { permit, .. } => Ok(Some(permit)),
            FromClient::Answer { answer, event } => {
                self.refuse(event).await;
                answers.push(answer);
                Ok(None)
            }
            FromClient::Drop => Ok(None),
        }
    }

    async fn refuse(&self, event: Option<audit::Event>) {
        if let Some(event) = event
            && let Err(error) = self.visitor.recorder.write(&event).await
        {
            tracing::error!(%error, "cannot record a refusal");
        }
    }

    async fn record(&self, event: Option<audit::Event>, begins: bool) -> std::io::Result<()> {
        let recorder: &Recorder = &self.visitor.recorder;
        if self.era == mcp::Era::Legacy && !begins {
            let handshake = self.relay.lock().handshake().clone();
            recorder.started(&handshake).await?;
        }
        match event {
            Some(event) => recorder.write(&event).await,
            None => Ok(()),
        }
    }
}
