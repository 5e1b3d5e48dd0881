//! Who makes an HTTP request, and what that identity may do with the app: found once, and kept for as long as
//! it stays true.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::HeaderValue;
use parking_lot::Mutex;
use pki::Identity;
use policy::AppAccess;
use tokio::time::{Instant, sleep_until};
use tunnel::{CLIENT_ADDRESS, EVIDENCE};
use uuid::Uuid;

use super::owner::Owner;
use crate::agent::Shared;
use crate::authorize::{Authorizer, Grant, Refusal};
use crate::end::End;
use crate::evidence::Evidence;
use crate::record::Recorder;
use crate::relay::KnownTasks;

/// Visitors in each half of the memory.
const HALF: usize = 2048;

/// An identity at an app.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// Guards the newest decision; held to renew it or to copy from it.
    grant: Mutex<Grant>,
    pub(crate) owner: Owner,
    /// The tasks that it may ask about.
    tasks: KnownTasks,
    /// Records what belongs to no session.
    pub(crate) recorder: Recorder,
    activity: Arc<Activity>,
}

/// When a client last asked for something.
#[derive(Debug)]
struct Activity(Mutex<Instant>);

/// Whether a client's silence counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It may not be silent for longer than roles allow.
    Counts,
    /// Somebody else looks at that.
    IsFine,
}

/// Why a visitor is not let in.
#[derive(Debug)]
pub(crate) enum Turned {
    /// There is nothing to know anybody by.
    Unknown(String),
    Refused(Refusal, Box<Evidence>),
    /// What the visitor does could not be recorded.
    Unrecorded,
}

/// Remembers visitors in two halves: who comes often survives in the young one.
#[derive(Debug, Default)]
pub(crate) struct Visitors {
    /// Guards the tables; held for a look-up.
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    young: HashMap<Key, Arc<Visitor>>,
    old: HashMap<Key, Arc<Visitor>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    evidence: HeaderValue,
    address: Option<IpAddr>,
    app: String,
}

// === impl Visitors ===

impl Visitors {
    /// Who sends a request with these headers.
    pub(crate) fn find(
        &self,
        shared: &Shared,
        headers: &HeaderMap,
        app: &str,
    ) -> Result<Arc<Visitor>, Turned> {
        let mut found = headers.get_all(EVIDENCE).iter();
        let (Some(evidence), None) = (found.next(), found.next()) else {
            return Err(Turned::Unknown(crate::evidence::NoEvidence.to_string()));
        };
        let address = headers.get(CLIENT_ADDRESS).and_then(|value| value.to_str().ok());
        let address = address.and_then(|text| text.parse::<std::net::SocketAddr>().ok());
        let key = Key {
            evidence: evidence.clone(),
            address: address.map(|address| address.ip()),
            app: app.to_owned(),
        };
        let known = self.tables.lock().find(&key);
        if let Some(visitor) = &known {
            visitor.touch();
            if visitor.is_as_known(shared) {
                return Ok(visitor.clone());
            }
        }
        self.tables.lock().forget(&key);
        let evidence = Evidence::of(headers).map_err(|error| Turned::Unknown(error.to_string()))?;
        let grant = shared
            .authorizer
            .decide(evidence.clone(), app)
            .map_err(|refusal| Turned::Refused(refusal, Box::new(evidence)))?;
        let mut visitor = Visitor::new(shared, grant, &Uuid::new_v4().to_string())?;
        if let Some(before) = known {
            // What was begun before goes on: it is the same client.
            visitor.activity = before.activity.clone();
        }
        let visitor = Arc::new(visitor);
        self.tables.lock().insert(key, visitor.clone());
        Ok(visitor)
    }
}

// === impl Visitor ===

impl Visitor {
    /// One of whom nobody else knows, under this name of a session.
    pub(crate) fn new(shared: &Shared, grant: Grant, id: &str) -> Result<Self, Turned> {
        let user = grant.user().ok_or(Turned::Unrecorded)?;
        let remote = grant.evidence().client.map(|address| address.to_string());
        let recorder = shared.recording.session(id, user, &grant.app, remote).map_err(|error| {
            tracing::error!(%error, "cannot record what a visitor does");
            Turned::Unrecorded
        })?;
        let owner = Owner::new(grant.certified.as_user().ok_or(Turned::Unrecorded)?);
        let tasks = shared.tasks_of(&grant);
        let activity = Arc::new(Activity(Mutex::new(Instant::now())));
        Ok(Self { grant: Mutex::new(grant), owner, tasks, recorder, activity })
    }

    /// The client asks for something.
    pub(crate) fn touch(&self) {
        *self.activity.0.lock() = Instant::now();
    }

    /// Why it must not go on now.
    pub(crate) fn review(&self, shared: &Shared) -> Option<End> {
        if let Err(refusal) = self.access(&shared.authorizer) {
            return Some(refusal.into());
        }
        self.is_late(shared)
    }

    /// Why it must not go on now, though nothing has changed but the time.
    pub(crate) fn is_late(&self, shared: &Shared) -> Option<End> {
        let (ends, idle) = self.deadlines();
        if ends.is_some_and(|end| end <= shared.clock.now()) {
            return Some(End::expired());
        }
        idle.is_some_and(|idle| idle <= Instant::now()).then(End::idle)
    }

    /// Waits until it must not go on.
    pub(crate) async fn barred(&self, shared: &Shared, silence: Silence) -> End {
        let mut changes = shared.changes.clone();
        loop {
            if let Err(refusal) = self.access(&shared.authorizer) {
                return refusal.into();
            }
            let (ends, idle) = self.deadlines();
            let idle = idle.filter(|_| silence == Silence::Counts);
            let ends = async {
                match ends {
                    Some(end) => shared.clock.sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            let silent = async {
                match idle {
                    Some(idle) => sleep_until(idle).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shared.tasks.cancelled() => return End::draining(),
                () = ends => return End::expired(),
                // Unless it asked for something meanwhile.
                () = silent => if let Some(end) = self.is_late(shared) {
                    return end;
                },
                changed = changes.changed() => if changed.is_err() {
                    return End::draining();
                },
            }
        }
    }

    /// When it ends with its certificate, and when with its silence.
    fn deadlines(&self) -> (Option<time::OffsetDateTime>, Option<Instant>) {
        let (ends, timeout) = {
            let grant = self.grant.lock();
            (grant.ends, grant.idle_timeout)
        };
        (ends, timeout.map(|timeout| *self.activity.0.lock() + timeout))
    }

    /// Whether the same decision is made by what is known now.
    fn is_as_known(&self, shared: &Shared) -> bool {
        let mut grant = self.grant.lock();
        // Certificates expire without anything changing.
        shared.clock.now() < grant.identity.expires()
            && shared.authorizer.renew(&mut grant).is_ok_and(|changed| !changed)
    }

    /// What the identity may do, by what is known now.
    pub(crate) fn access(&self, authorizer: &Authorizer) -> Result<AppAccess, Refusal> {
        let mut grant = self.grant.lock();
        authorizer.renew(&mut grant)?;
        Ok(grant.access.clone())
    }

    /// Decides again; says whether anything has changed.
    pub(crate) fn renew(&self, authorizer: &Authorizer) -> Result<bool, Refusal> {
        authorizer.renew(&mut self.grant.lock())
    }

    pub(crate) fn identity(&self) -> Arc<Identity> {
        self.grant.lock().identity.clone()
    }

    /// The tasks that it may ask about.
    pub(crate) fn tasks(&self) -> KnownTasks {
        self.tasks.clone()
    }

    /// What it was known by.
    pub(crate) fn evidence(&self) -> Evidence {
        self.grant.lock().evidence().clone()
    }
}

// === impl Tables ===

impl Tables {
    fn find(&mut self, key: &Key) -> Option<Arc<Visitor>> {
        if let Some(visitor) = self.young.get(key) {
            return Some(visitor.clone());
        }
        let (key, visitor) = self.old.remove_entry(key)?;
        self.insert(key, visitor.clone());
        Some(visitor)
    }

    fn forget(&mut self, key: &Key) {
        self.young.remove(key);
        self.old.remove(key);
    }

    fn insert(&mut self, key: Key, visitor: Arc<Visitor>) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, visitor);
    }
}
