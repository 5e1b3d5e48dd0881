//! Who makes an HTTP request, and what that identity may do with the app: found once, and kept for as long as
//! it stays true.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderValue;
use parking_lot::Mutex;
use pki::Identity;
use policy::AppAccess;
use time::OffsetDateTime;
use tunnel::{CLIENT_ADDRESS, EVIDENCE};
use uuid::Uuid;

use crate::agent::Shared;
use crate::authorize::{Authorizer, Grant, Refusal};
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
    pub(crate) principal: Principal,
    /// The tasks that it may ask about.
    tasks: KnownTasks,
    /// Records what belongs to no session.
    pub(crate) recorder: Recorder,
}

/// To whom a session belongs: it outlives the certificate that it was begun with, not the login.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Principal {
    user: String,
    login: String,
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
        if let Some(visitor) = known
            && visitor.is_as_known(shared)
        {
            return Ok(visitor);
        }
        self.tables.lock().forget(&key);
        let evidence = Evidence::of(headers).map_err(|error| Turned::Unknown(error.to_string()))?;
        let grant = shared
            .authorizer
            .decide(evidence.clone(), app)
            .map_err(|refusal| Turned::Refused(refusal, Box::new(evidence)))?;
        let visitor = Arc::new(Visitor::new(shared, grant, &Uuid::new_v4().to_string())?);
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
        let principal = Principal { user: user.name.clone(), login: user.login_id.clone() };
        let tasks = shared.tasks_of(&grant);
        Ok(Self { grant: Mutex::new(grant), principal, tasks, recorder })
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

    /// When it ends with the certificate.
    pub(crate) fn ends(&self) -> Option<OffsetDateTime> {
        self.grant.lock().ends
    }

    /// How long the client may be silent.
    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        self.grant.lock().idle_timeout
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
