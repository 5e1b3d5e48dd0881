//! Subscriptions at the server, for a client that subscribes to resources one by one and is told of changed
//! lists unasked.

use std::collections::hash_map::Entry;
use std::time::Duration;

use super::{LegacyOverModern, Purpose, Work, ours};
use crate::bridge::splice::{self, Change};
use crate::bridge::{Effects, LONGEST_PAUSE, PAUSE, SUBSCRIPTIONS, longer, write};
use crate::error::code;
use crate::json::Raw;
use crate::message::{Notification, Outcome};
use crate::meta;
use crate::method::name;
use crate::request::{Listen as Filter, uri};
use crate::{Id, Method, Params, Request};

/// A `subscriptions/listen`.
#[derive(Debug)]
pub(super) struct Listen {
    to: To,
    /// Our open request for it.
    open: Option<u64>,
    /// Since when the server has acknowledged that request,
    active: Option<Duration>,
    /// and whether it ever acknowledged one.
    known: bool,
    /// The pause before it is opened again.
    pause: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum To {
    /// Changes of the lists that the server tells of.
    Lists,
    /// One resource; the client that waits for the beginning.
    Resource { uri: String, client: Option<Id<'static>> },
}

impl LegacyOverModern {
    pub(super) fn listen_to_lists(&mut self, out: &mut Effects) {
        let told = self.told;
        let already = self.listens.values().any(|listen| listen.to == To::Lists);
        if already || !(told.tools || told.prompts || told.resources) {
            return;
        }
        self.listen(To::Lists, out);
    }

    pub(super) fn subscribe(&mut self, request: &Request<'_>, out: &mut Effects) {
        let refuse = |code, words: &str| write::refusal(&request.id, code, words);
        let uri = match uri(&request.params) {
            Ok(uri) => uri.into_owned(),
            Err(reason) => return out.client(refuse(reason.code(), &reason.to_string())),
        };
        if self.find(&uri).is_some_and(|number| self.begun(number)) {
            return out.client(write::result(&request.id, "{}"));
        }
        if self.find(&uri).is_some() {
            let words = "a subscription to this resource is being made already";
            return out.client(refuse(code::INVALID_REQUEST, words));
        }
        if self.listens.len() >= SUBSCRIPTIONS {
            let words = format!("{SUBSCRIPTIONS} subscriptions are open already; end one first");
            return out.client(refuse(code::INVALID_REQUEST, &words));
        }
        let client = request.id.to_static();
        let number = self.listen(To::Resource { uri, client: Some(client.clone()) }, out);
        self.by_client.insert(client, Work::Listen(number));
    }

    pub(super) fn unsubscribe(&mut self, request: &Request<'_>, out: &mut Effects) {
        match uri(&request.params) {
            Ok(uri) => {
                if let Some(number) = self.find(&uri) {
                    self.accepted(number, out);
                    self.end_listen(number, out);
                }
                // To end what is not there changes nothing.
                out.client(write::result(&request.id, "{}"));
            }
            Err(reason) => {
                out.client(write::refusal(&request.id, reason.code(), &reason.to_string()));
            }
        }
    }

    fn find(&self, wanted: &str) -> Option<u64> {
        self.listens.iter().find_map(|(number, listen)| match &listen.to {
            To::Resource { uri, .. } if uri == wanted => Some(*number),
            _ => None,
        })
    }

    fn begun(&self, number: u64) -> bool {
        self.listens.get(&number).is_some_and(|listen| listen.known)
    }

    fn listen(&mut self, to: To, out: &mut Effects) -> u64 {
        let number = self.next();
        let listen = Listen { to, open: None, active: None, known: false, pause: PAUSE };
        self.listens.insert(number, listen);
        self.listen_again(number, out);
        number
    }

    pub(super) fn listen_again(&mut self, number: u64, out: &mut Effects) {
        let id = self.next();
        let Some(listen) = self.listens.get_mut(&number) else { return };
        let told = self.told;
        let filter = match &listen.to {
            To::Lists => [
                ("toolsListChanged", told.tools),
                ("promptsListChanged", told.prompts),
                ("resourcesListChanged", told.resources),
            ]
            .into_iter()
            .filter(|(_, told)| *told)
            .map(|(key, _)| format!("\"{key}\":true"))
            .collect::<Vec<_>>()
            .join(","),
            To::Resource { uri, .. } => {
                format!("\"resourceSubscriptions\":[{}]", write::text(uri))
            }
        };
        listen.open = Some(id);
        listen.active = None;
        self.open.insert(id, Purpose::Listen(number));
        let Ok(params) = self.enrich(&Params::default()) else { return };
        let filter = Change::Set("notifications", format!("{{{filter}}}").into());
        if let Ok(params) = splice::edit(Some(Raw::checked(&params)), &[filter]) {
            out.server(write::request(id, Method::Listen.as_str(), Some(&params)));
        }
    }

    /// A notification from the server.
    pub(super) fn told(
        &mut self,
        notification: &Notification<'_>,
        line: &[u8],
        now: Duration,
        out: &mut Effects,
    ) {
        let method = notification.method.as_str();
        match method {
            name::CANCELLED => {
                // The only requests that a modern server may end so are subscriptions.
                let id = crate::request::cancelled(&notification.params).ok();
                let Some(id) = id.as_ref().and_then(ours) else { return };
                if let Entry::Occupied(open) = self.open.entry(id)
                    && let Purpose::Listen(number) = *open.get()
                {
                    open.remove();
                    self.ended(number, None, now, out);
                }
            }
            name::SUBSCRIPTIONS_ACKNOWLEDGED => self.acknowledged(&notification.params, now, out),
            name::TOOLS_CHANGED
            | name::PROMPTS_CHANGED
            | name::RESOURCES_CHANGED
            | name::RESOURCE_UPDATED => self.changed(method, &notification.params, out),
            _ => out.client(line.to_vec()),
        }
    }

    /// The subscription that a notification is tagged with.
    fn tagged(&self, params: &Params<'_>) -> Option<u64> {
        let meta = params.meta().ok().flatten()?;
        let id = ours(&Id::read(meta.subscription_id?).ok()?)?;
        match self.open.get(&id)? {
            Purpose::Listen(number) => Some(*number),
            Purpose::Discover | Purpose::Call(_) => None,
        }
    }

    fn acknowledged(&mut self, params: &Params<'_>, now: Duration, out: &mut Effects) {
        let Some(number) = self.tagged(params) else { return };
        let Some(listen) = self.listens.get_mut(&number) else { return };
        if listen.active.is_some() {
            return;
        }
        if let To::Resource { uri, .. } = &listen.to {
            let honoured =
                Filter::read(params).is_ok_and(|kept| kept.resources.contains(&uri.into()));
            if !honoured {
                let words = "the MCP server does not tell of changes of this resource";
                self.refused(number, code::INVALID_PARAMS, words, out);
                return self.end_listen(number, out);
            }
        }
        let missed = std::mem::replace(&mut listen.known, true);
        listen.active = Some(now);
        if missed {
            self.may_have_changed(number, out);
        }
        self.accepted(number, out);
    }

    /// Something may have changed while no subscription was open.
    fn may_have_changed(&self, number: u64, out: &mut Effects) {
        let Some(listen) = self.listens.get(&number) else { return };
        match &listen.to {
            To::Resource { uri, .. } => {
                let params = format!("{{\"uri\":{}}}", write::text(uri));
                out.client(write::notification(name::RESOURCE_UPDATED, Some(&params)));
            }
            To::Lists => {
                let lists = [
                    (self.told.tools, name::TOOLS_CHANGED),
                    (self.told.prompts, name::PROMPTS_CHANGED),
                    (self.told.resources, name::RESOURCES_CHANGED),
                ];
                for (_, method) in lists.into_iter().filter(|(told, _)| *told) {
                    out.client(write::notification(method, None));
                }
            }
        }
    }

    /// Something has changed.
    fn changed(&self, method: &str, params: &Params<'_>, out: &mut Effects) {
        let Some(listen) = self.tagged(params).and_then(|number| self.listens.get(&number)) else {
            return;
        };
        let asked = matches!(listen.to, To::Lists) != (method == name::RESOURCE_UPDATED);
        if !(listen.active.is_some() && asked) {
            return;
        }
        let meta = params.raw().and_then(|raw| splice::get(raw, "_meta"));
        let Ok(meta) = splice::edit(meta, &[Change::Drop(meta::SUBSCRIPTION_ID)]) else { return };
        let meta = Some(meta).filter(|meta| meta != "{}");
        let Ok(params) = splice::edit(params.raw(), &[Change::to("_meta", meta)]) else { return };
        let params = Some(params.as_str()).filter(|params| *params != "{}");
        out.client(write::notification(method, params));
    }

    /// The server has ended a subscription, or never began it.
    pub(super) fn ended(
        &mut self,
        number: u64,
        outcome: Option<&Outcome<'_>>,
        now: Duration,
        out: &mut Effects,
    ) {
        let Some(listen) = self.listens.get_mut(&number) else { return };
        listen.open = None;
        // A server that ends each one soon is asked ever more rarely.
        if listen.active.take().is_some_and(|since| now >= since + LONGEST_PAUSE) {
            listen.pause = PAUSE;
        }
        if listen.known {
            self.paused.insert(number, now + listen.pause);
            listen.pause = longer(listen.pause);
            return;
        }
        let words = match outcome {
            Some(Outcome::Error(error)) => write::words(*error),
            _ => "it ended the subscription".to_owned(),
        };
        let words = format!("the MCP server does not tell of changes of this resource: {words}");
        self.refused(number, code::INVALID_PARAMS, &words, out);
        self.listens.remove(&number);
    }

    /// Ends a subscription that nobody wants any more.
    pub(super) fn end_listen(&mut self, number: u64, out: &mut Effects) {
        self.paused.remove(&number);
        let Some(listen) = self.listens.remove(&number) else { return };
        if let To::Resource { client: Some(client), .. } = listen.to {
            self.by_client.remove(&client);
        }
        if let Some(open) = listen.open {
            self.open.remove(&open);
            out.server(write::cancelled(open, "nobody listens any more"));
        }
    }

    /// Answers the client that waits for a subscription, if one does.
    fn accepted(&mut self, number: u64, out: &mut Effects) {
        if let Some(client) = self.waiting_for(number) {
            out.client(write::result(&client, "{}"));
        }
    }

    fn refused(&mut self, number: u64, code: i64, words: &str, out: &mut Effects) {
        if let Some(client) = self.waiting_for(number) {
            out.client(write::refusal(&client, code, words));
        }
    }

    fn waiting_for(&mut self, number: u64) -> Option<Id<'static>> {
        match &mut self.listens.get_mut(&number)?.to {
            To::Resource { client, .. } => {
                let client = client.take()?;
                self.by_client.remove(&client);
                Some(client)
            }
            To::Lists => None,
        }
    }
}
