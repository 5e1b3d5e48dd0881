//! Connections to the cluster, shared by all local clients: one for many requests, a new one when somebody
//! has signed in anew.

use std::sync::Arc;
use std::time::Duration;

use api::{Body, Endpoint, Refusal, Sender, Unanswered};
use http::{Request, Response};
use hyper::body::Incoming;
use parking_lot::Mutex;
use runtime::Tasks;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::diary::Diary;
use crate::tsh::fault::{Cause, Fault};
use crate::tsh::way::{Guide, Way, needs_second_factor, second_factor_needed};

/// Requests under way on one connection, streams that stay open among them. The cluster takes more.
const STREAMS: usize = 100;
/// How soon it is noticed that somebody has signed in.
const GLANCE: Duration = Duration::from_secs(1);

/// The connections.
pub(super) struct Pool {
    guide: Arc<dyn Guide>,
    tasks: Tasks,
    diary: Diary,
    lanes: Mutex<Lanes>,
    /// One connection is opened at a time: most of those who wait will share it.
    opening: Semaphore,
}

#[derive(Default)]
struct Lanes {
    way: Option<(Instant, Way)>,
    open: Vec<Lane>,
    /// When opening one last failed, and why.
    failed: Option<(Instant, Fault)>,
}

/// One connection.
struct Lane {
    certificate: Arc<[u8]>,
    sender: Sender,
    refusal: Refusal,
    /// As many as requests are under way, and this one.
    places: Arc<()>,
}

/// Held by what is under way.
#[derive(Clone, Debug)]
pub(super) struct Place {
    _counted: Arc<()>,
}

/// A place on a connection, and what to ask there.
struct Ride {
    sender: Sender,
    refusal: Refusal,
    way: Way,
    place: Place,
}

// === impl Pool ===

impl Pool {
    pub(super) fn new(guide: Arc<dyn Guide>, tasks: Tasks, diary: Diary) -> Self {
        let (lanes, opening) = (Mutex::default(), Semaphore::new(1));
        Self { guide, tasks, diary, lanes, opening }
    }

    /// Sends a request that `make` can make more than once: again on another connection when it certainly
    /// did not leave, or when it changes nothing.
    pub(super) async fn send(
        &self,
        if_again: bool,
        make: impl Fn(&Way) -> Result<Request<Body>, Fault>,
    ) -> Result<(Response<Incoming>, Place), Fault> {
        let (mut tried, mut shown) = (false, false);
        loop {
            let Ride { sender, refusal, way, place } = self.ride().await?;
            let failed = match sender.send(make(&way)?).await {
                Ok(refused) if !shown && needs_second_factor(refused.headers()) => {
                    // Refused before anything was done: it is sent once more when one was shown.
                    shown = true;
                    let fault = second_factor_needed(&way);
                    self.guide.show_second_factor(&way, fault).await?;
                    self.way(true)?;
                    continue;
                }
                Ok(response) => return Ok((response, place)),
                Err(failed) => failed,
            };
            let unsent = matches!(failed, Unanswered::Unsent { .. });
            tracing::debug!(error = %failed, unsent, "a request was lost with its connection");
            // Another connection would be refused as well.
            if let Some(refused) = refusal.error(&way.proxy) {
                return Err(Fault::of(&refused.into()));
            }
            if tried || !(unsent || if_again) {
                let known =
                    if unsent { "" } else { "; whether the request was carried out is not known" };
                let message = format!("the connection to {} was lost ({failed}){known}", way.proxy);
                return Err(Fault::new(Cause::Network, message));
            }
            tried = true;
        }
    }

    async fn ride(&self) -> Result<Ride, Fault> {
        let way = self.way(false)?;
        if let Some(ride) = self.lanes.lock().find(&way) {
            return Ok(ride);
        }
        let since = Instant::now();
        let closed = |_closed| Fault::new(Cause::Other, "the local proxy ends");
        let _turn = self.opening.acquire().await.map_err(closed)?;
        let (found, failed) = {
            let mut lanes = self.lanes.lock();
            (lanes.find(&way), lanes.failed.clone())
        };
        if let Some(ride) = found {
            return Ok(ride);
        }
        // Those who waited while it failed need not fail one after the other.
        if let Some((at, fault)) = failed
            && at >= since
        {
            return Err(fault);
        }
        let opened = self.open(&way.endpoint, &way.proxy).await;
        let (sender, refusal) = opened.inspect_err(|fault| {
            self.lanes.lock().failed = Some((Instant::now(), fault.clone()));
        })?;
        let mut lanes = self.lanes.lock();
        lanes.open.push(Lane {
            certificate: way.certificate.clone(),
            sender,
            refusal,
            places: Arc::new(()),
        });
        let gone = || Fault::new(Cause::Network, "the connection to the cluster ended at once");
        lanes.find(&way).ok_or_else(gone)
    }

    async fn open(&self, endpoint: &Endpoint, proxy: &str) -> Result<(Sender, Refusal), Fault> {
        let refusal = Refusal::default();
        let opened = endpoint.http2(&refusal).await.map_err(|error| Fault::of(&error.into()));
        let (sender, connection) = opened.inspect_err(|fault| {
            self.diary.note(&format!("cannot connect to {proxy}: {fault}"));
        })?;
        self.diary.note(&format!("connected to {proxy}"));
        let (diary, proxy) = (self.diary, proxy.to_owned());
        self.tasks.spawn_until_cancelled("tsh.connection", async move {
            match connection.await {
                Ok(()) => tracing::debug!("a connection to the proxy ended"),
                Err(error) => diary.note(&format!("lost a connection to {proxy}: {error}")),
            }
        });
        Ok((sender, refusal))
    }

    /// The way to the cluster as somebody who is signed in; looked up again now and then, or at once.
    pub(super) fn way(&self, at_once: bool) -> Result<Way, Fault> {
        let known = self.lanes.lock().way.clone();
        if let Some((since, way)) = known
            && !at_once
            && since.elapsed() < GLANCE
        {
            return Ok(way);
        }
        let way = self.guide.way();
        self.lanes.lock().way = way.as_ref().ok().map(|way| (Instant::now(), way.clone()));
        way
    }
}

// === impl Lanes ===

impl Lanes {
    /// A place on a connection of whoever is signed in. What is under way on others goes on there.
    fn find(&mut self, way: &Way) -> Option<Ride> {
        let certificate = &way.certificate;
        self.open.retain(|lane| !lane.sender.is_closed() && lane.certificate == *certificate);
        let lane = self.open.iter().find(|lane| Arc::strong_count(&lane.places) <= STREAMS)?;
        let place = Place { _counted: lane.places.clone() };
        let (sender, refusal) = (lane.sender.clone(), lane.refusal.clone());
        Some(Ride { sender, refusal, way: way.clone(), place })
    }
}
