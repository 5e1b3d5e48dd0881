//! Subscriptions of the client's, served from what a legacy server tells unasked or of single resources.

use std::collections::hash_map::Entry;
use std::time::Duration;

use super::{ModernOverLegacy, Purpose, Work};
use crate::bridge::level::Level;
use crate::bridge::splice::{self, Change};
use crate::bridge::{Effects, GREETING, SUBSCRIPTIONS, WATCHED, write};
use crate::error::code;
use crate::message::Notification;
use crate::method::name;
use crate::request::{self, Listen as Filter};
use crate::{Id, Method, Request, meta};

/// A `subscriptions/listen`.
#[derive(Debug)]
pub(super) struct Listen {
    client: Id<'static>,
    tools: bool,
    prompts: bool,
    resources: bool,
    /// Whether it names resources at all.
    names: bool,
    /// The resources that are watched for it.
    uris: Vec<String>,
    /// When it is acknowledged without answers of the server's; nothing when it is acknowledged.
    unacknowledged: Option<Duration>,
}

/// A resource that is watched at the server.
#[derive(Debug)]
pub(super) struct Watched {
    /// For how many subscriptions.
    listens: usize,
    /// The request for it that the server has not answered.
    asked: Option<u64>,
}

impl ModernOverLegacy {
    pub(super) fn listen(&mut self, request: &Request<'_>, now: Duration, out: &mut Effects) {
        let refuse = |code, words: &str| write::refusal(&request.id, code, words);
        let filter = match Filter::read(&request.params) {
            Ok(filter) => filter,
            Err(reason) => return out.client(refuse(reason.code(), &reason.to_string())),
        };
        if self.listens.len() >= SUBSCRIPTIONS {
            let words = format!("{SUBSCRIPTIONS} subscriptions are open already; end one first");
            return out.client(refuse(code::INVALID_REQUEST, &words));
        }
        let wants =
            |key: &str| request.params.notifications().is_some_and(|raw| splice::is_true(raw, key));
        let told = self.server.told;
        let mut uris: Vec<String> = filter.resources.into_iter().map(Into::into).collect();
        let names = !uris.is_empty();
        uris.sort_unstable();
        uris.dedup();
        if !told.each {
            uris.clear();
        }
        let followed: usize = self.listens.values().map(|listen| listen.uris.len()).sum();
        if followed + uris.len() > WATCHED {
            let words =
                format!("{WATCHED} resources are watched already; end a subscription first");
            return out.client(refuse(code::INVALID_REQUEST, &words));
        }
        let number = self.next();
        let client = request.id.to_static();
        self.by_client.insert(client.clone(), Work::Listen(number));
        for uri in &uris {
            self.watch(uri, out);
        }
        self.listens.insert(
            number,
            Listen {
                client,
                tools: told.tools && wants("toolsListChanged"),
                prompts: told.prompts && wants("promptsListChanged"),
                resources: told.resources && wants("resourcesListChanged"),
                names,
                uris,
                unacknowledged: Some(now + GREETING),
            },
        );
        self.acknowledge_answered(out);
    }

    fn watch(&mut self, uri: &str, out: &mut Effects) {
        if let Some(watched) = self.watched.get_mut(uri) {
            watched.listens += 1;
            return;
        }
        let asked = Some(self.ask_for(uri, out));
        self.watched.insert(uri.to_owned(), Watched { listens: 1, asked });
    }

    fn ask_for(&mut self, uri: &str, out: &mut Effects) -> u64 {
        let params = format!("{{\"uri\":{}}}", write::text(uri));
        let method = Method::ResourcesSubscribe;
        self.ask(Some(Purpose::Watch(uri.to_owned())), method.as_str(), &params, out)
    }

    /// The server has answered whether it tells of a resource.
    pub(super) fn watching(&mut self, uri: &str, id: u64, granted: bool, out: &mut Effects) {
        let Entry::Occupied(mut watched) = self.watched.entry(uri.to_owned()) else { return };
        if watched.get().asked != Some(id) {
            return;
        }
        if granted {
            watched.get_mut().asked = None;
        } else {
            watched.remove();
            for listen in self.listens.values_mut() {
                listen.uris.retain(|one| one != uri);
            }
        }
        self.acknowledge_answered(out);
    }

    /// Acknowledges the subscriptions of which everything is known.
    fn acknowledge_answered(&mut self, out: &mut Effects) {
        let watched = &self.watched;
        let ready = |listen: &&mut Listen| {
            let open = |uri: &String| watched.get(uri).is_some_and(|one| one.asked.is_some());
            listen.unacknowledged.is_some() && !listen.uris.iter().any(open)
        };
        self.listens.values_mut().filter(ready).for_each(|listen| listen.acknowledge(out));
    }

    /// Acknowledges the subscriptions that have waited long enough.
    pub(super) fn acknowledge_late(&mut self, now: Duration, out: &mut Effects) {
        let due = |listen: &&mut Listen| listen.unacknowledged.is_some_and(|until| until <= now);
        for listen in self.listens.values_mut().filter(due) {
            listen.acknowledge(out);
        }
    }

    pub(super) fn listens_until(&self) -> impl Iterator<Item = Duration> {
        self.listens.values().filter_map(|listen| listen.unacknowledged)
    }

    /// The client listens no more.
    pub(super) fn unlisten(&mut self, number: u64, out: &mut Effects) {
        let Some(listen) = self.listens.remove(&number) else { return };
        for uri in listen.uris {
            let Entry::Occupied(mut watched) = self.watched.entry(uri) else { continue };
            watched.get_mut().listens -= 1;
            if watched.get().listens > 0 {
                continue;
            }
            let params = format!("{{\"uri\":{}}}", write::text(watched.key()));
            if let Some(asked) = watched.remove().asked {
                self.open.remove(&asked);
            }
            let method = Method::ResourcesUnsubscribe;
            self.ask(None, method.as_str(), &params, out);
        }
    }

    /// In a new session nothing is watched, and something may have changed since the last one.
    pub(super) fn watch_again(&mut self, out: &mut Effects) {
        let uris: Vec<String> = self.watched.keys().cloned().collect();
        for uri in uris {
            let asked = Some(self.ask_for(&uri, out));
            if let Some(watched) = self.watched.get_mut(&uri) {
                watched.asked = asked;
            }
        }
        for listen in self.listens.values().filter(|listen| listen.unacknowledged.is_none()) {
            listen.may_have_changed(out);
        }
    }

    /// A notification from the server.
    pub(super) fn told(&mut self, notification: &Notification<'_>, out: &mut Effects) {
        let params = &notification.params;
        match notification.method.as_str() {
            name::PROGRESS => self.progress(notification, out),
            name::CANCELLED => {
                if let Ok(id) = request::cancelled(params) {
                    self.withdrawn(&id.to_static());
                }
            }
            name::MESSAGE => {
                let level = params.sound().ok().and(params.level()).and_then(Level::read);
                if level.is_some_and(|level| self.wants(level)) {
                    let params = params.raw().map(crate::Raw::as_str);
                    out.client(write::notification(name::MESSAGE, params));
                }
            }
            name::TOOLS_CHANGED => self.changed(notification, |listen| listen.tools, out),
            name::PROMPTS_CHANGED => self.changed(notification, |listen| listen.prompts, out),
            name::RESOURCES_CHANGED => self.changed(notification, |listen| listen.resources, out),
            name::RESOURCE_UPDATED => {
                if let Ok(uri) = request::uri(params) {
                    self.changed(notification, |listen| listen.watches(&uri), out);
                }
            }
            _ => {}
        }
    }

    fn changed(
        &self,
        notification: &Notification<'_>,
        wants: impl Fn(&Listen) -> bool,
        out: &mut Effects,
    ) {
        let raw = notification.params.raw();
        let acknowledged = |listen: &&Listen| listen.unacknowledged.is_none();
        for listen in self.listens.values().filter(acknowledged).filter(|listen| wants(listen)) {
            let meta = raw.and_then(|raw| splice::get(raw, "_meta"));
            let tag = [Change::Set(meta::SUBSCRIPTION_ID, listen.client.to_string().into())];
            let params = splice::edit(meta, &tag)
                .and_then(|meta| splice::edit(raw, &[Change::Set("_meta", meta.into())]));
            if let Ok(params) = params {
                let method = notification.method.as_str();
                out.client(write::notification(method, Some(&params)));
            }
        }
    }
}

// === impl Listen ===

impl Listen {
    /// Whether it asked for changes of this resource, or of one that this is part of.
    fn watches(&self, uri: &str) -> bool {
        self.uris.iter().any(|watched| {
            uri.strip_prefix(watched.as_str()).is_some_and(|rest| {
                rest.is_empty() || watched.ends_with('/') || rest.starts_with(['/', '?', '#'])
            })
        })
    }

    fn lists(&self) -> [(bool, &'static str, &'static str); 3] {
        [
            (self.tools, "toolsListChanged", name::TOOLS_CHANGED),
            (self.prompts, "promptsListChanged", name::PROMPTS_CHANGED),
            (self.resources, "resourcesListChanged", name::RESOURCES_CHANGED),
        ]
    }

    fn tag(&self) -> String {
        format!("\"_meta\":{{\"{}\":{}}}", meta::SUBSCRIPTION_ID, self.client)
    }

    fn acknowledge(&mut self, out: &mut Effects) {
        self.unacknowledged = None;
        let lists = self.lists().into_iter().filter(|(wanted, ..)| *wanted);
        let mut parts: Vec<String> = lists.map(|(_, key, _)| format!("\"{key}\":true")).collect();
        if self.names {
            let uris: Vec<String> = self.uris.iter().map(|uri| write::text(uri)).collect();
            parts.push(format!("\"resourceSubscriptions\":[{}]", uris.join(",")));
        }
        let params = format!("{{{},\"notifications\":{{{}}}}}", self.tag(), parts.join(","));
        out.client(write::notification(name::SUBSCRIPTIONS_ACKNOWLEDGED, Some(&params)));
    }

    fn may_have_changed(&self, out: &mut Effects) {
        for (_, _, method) in self.lists().into_iter().filter(|(wanted, ..)| *wanted) {
            let params = format!("{{{}}}", self.tag());
            out.client(write::notification(method, Some(&params)));
        }
        for uri in &self.uris {
            let params = format!("{{{},\"uri\":{}}}", self.tag(), write::text(uri));
            out.client(write::notification(name::RESOURCE_UPDATED, Some(&params)));
        }
    }
}
