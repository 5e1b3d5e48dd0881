use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::wire::{self, AssertionRequest};
use futures_util::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use pki::{CaKind, CertificateAuthority, PrivateKey};
use resource::App;
use resource::app::{JwtClaims, Rewrite};
use runtime::{Clock, Tasks};
use time::macros::datetime;
use tokio::sync::Semaphore;

use super::shelf::HALF;
use super::{Assertions, NoAssertion, Signer};
use crate::evidence::Evidence;
use crate::testing;

/// Signs when told to, and as told.
#[derive(Debug)]
struct Auth {
    clock: Clock,
    calls: AtomicUsize,
    requests: Mutex<Vec<AssertionRequest>>,
    /// One for each answer that may be given.
    turns: Arc<Semaphore>,
    refuses: Mutex<bool>,
}

impl Signer for Auth {
    fn sign(
        &self,
        request: AssertionRequest,
    ) -> BoxFuture<'static, Result<wire::Assertion, api::Error>> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let app = request.app.clone();
        self.requests.lock().push(request);
        let (turns, refuses, now) = (self.turns.clone(), *self.refuses.lock(), self.clock.now());
        Box::pin(async move {
            turns.acquire().await.unwrap().forget();
            if refuses {
                return Err(api::Error::unavailable("nobody is there"));
            }
            let jwt = format!("{app}.{call}");
            let id_token = Some(jwt.clone()).filter(|_| app != "incomplete");
            let (valid_from, valid_until) = (now, now + Duration::from_secs(600));
            Ok(wire::Assertion { jwt, id_token, valid_from, valid_until })
        })
    }
}

struct Fixture {
    auth: Arc<Auth>,
    assertions: Assertions,
    clock: Clock,
    tasks: Tasks,
}

impl Fixture {
    /// With an auth service that gives so many answers.
    fn new(turns: usize) -> Self {
        let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
        let auth = Arc::new(Auth {
            clock: clock.clone(),
            calls: AtomicUsize::new(0),
            requests: Mutex::default(),
            turns: Arc::new(Semaphore::new(turns)),
            refuses: Mutex::new(false),
        });
        let tasks = Tasks::new();
        let assertions = Assertions::new(auth.clone(), tasks.clone(), clock.clone());
        Self { auth, assertions, clock, tasks }
    }

    fn calls(&self) -> usize {
        self.auth.calls.load(Ordering::Relaxed)
    }

    async fn jwt(&self, evidence: &Evidence, app: &App) -> Result<String, NoAssertion> {
        let found = self.assertions.get(evidence, app).await?;
        Ok(found.jwt.to_str().unwrap().to_owned())
    }

    /// Waits until the fetch under way is over.
    async fn landed(&self) {
        while !self.tasks.running().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

fn evidence() -> Evidence {
    let identity = testing::identity("alice", &["r"]);
    let (now, life) = (identity.issued, Duration::from_secs(1_000_000_000));
    let ca = CertificateAuthority::generate(CaKind::User, "test", now, life).unwrap();
    let key = PrivateKey::generate().unwrap();
    let certificate = ca.issue_user(&key.public(), &identity).unwrap();
    let client = Some("192.0.2.1:4711".parse().unwrap());
    Evidence::new(vec![certificate.der().clone()], client)
}

fn app(name: &str, uri: &str) -> App {
    let mut app = App::clone(&crate::catalog::tests::app(name, &[], "x"));
    uri.clone_into(&mut app.spec.uri);
    app
}

fn files() -> App {
    app("files", "mcp+http://127.0.0.1/mcp")
}

#[tokio::test]
async fn one_is_fetched_and_kept_and_shows_to_nobody() {
    let (fixture, alice) = (Fixture::new(1), evidence());
    for _ in 0..3 {
        assert_eq!(fixture.jwt(&alice, &files()).await.unwrap(), "files.0");
    }
    let held = fixture.assertions.get(&alice, &files()).await.unwrap();
    assert_eq!(held.id_token, Some(held.jwt.clone()));
    let requests = fixture.auth.requests.lock();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!((request.app.as_str(), request.uri.as_str()), ("files", "mcp+http://127.0.0.1/mcp"));
    assert!(request.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(request.client_addr.as_deref(), Some("192.0.2.1:4711"));
    assert!(!format!("{held:?} {:?} {request:?}", held.jwt).contains("files.0"));
}

#[tokio::test]
async fn another_user_app_address_or_extent_has_another_one() {
    let (fixture, alice) = (Fixture::new(99), evidence());
    let mut other = files();
    other.spec.rewrite = Some(Rewrite { jwt_claims: JwtClaims::None, ..Rewrite::default() });
    let apps = [files(), app("files", "mcp+http://127.0.0.2/mcp"), app("f", "x"), other];
    for (index, app) in apps.iter().enumerate() {
        let expected = format!("{}.{index}", app.name());
        assert_eq!(fixture.jwt(&alice, app).await.unwrap(), expected);
    }
    assert_eq!(fixture.jwt(&evidence(), &files()).await.unwrap(), "files.4");
    // What it does not say does not matter: the same app registered anew with another description.
    let mut described = files();
    "a description".clone_into(&mut described.metadata.description);
    assert_eq!(fixture.jwt(&alice, &described).await.unwrap(), "files.0");
}

#[tokio::test]
async fn many_who_want_it_at_once_share_one_fetch() {
    let (fixture, alice, files) = (Fixture::new(0), evidence(), files());
    let waiting = join_all((0..50).map(|_| fixture.jwt(&alice, &files)));
    let (found, ()) = tokio::join!(waiting, async { fixture.auth.turns.add_permits(50) });
    assert!(found.into_iter().all(|jwt| jwt.unwrap() == "files.0"));
    assert_eq!(fixture.calls(), 1);
}

#[tokio::test]
async fn one_that_ends_soon_is_given_out_while_another_is_fetched() {
    let (fixture, alice) = (Fixture::new(1), evidence());
    assert_eq!(fixture.jwt(&alice, &files()).await.unwrap(), "files.0");
    fixture.clock.advance(Duration::from_secs(399));
    assert_eq!(fixture.jwt(&alice, &files()).await.unwrap(), "files.0");
    assert_eq!(fixture.calls(), 1);
    fixture.clock.advance(Duration::from_secs(1));
    for _ in 0..3 {
        assert_eq!(fixture.jwt(&alice, &files()).await.unwrap(), "files.0");
    }
    assert_eq!(fixture.calls(), 2, "once, in the background");
    fixture.auth.turns.add_permits(1);
    fixture.landed().await;
    assert_eq!(fixture.jwt(&alice, &files()).await.unwrap(), "files.1");
}

#[tokio::test]
async fn one_without_an_id_token_is_good_for_half_a_minute() {
    let (fixture, alice) = (Fixture::new(9), evidence());
    let app = app("incomplete", "x");
    assert!(fixture.assertions.get(&alice, &app).await.unwrap().id_token.is_none());
    fixture.clock.advance(Duration::from_secs(29));
    assert_eq!(fixture.jwt(&alice, &app).await.unwrap(), "incomplete.0");
    fixture.landed().await;
    assert_eq!(fixture.calls(), 1);
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.jwt(&alice, &app).await.unwrap(), "incomplete.0");
    fixture.landed().await;
    assert_eq!(fixture.jwt(&alice, &app).await.unwrap(), "incomplete.1");
}

#[tokio::test(start_paused = true)]
async fn without_the_auth_service_the_one_at_hand_is_used_until_it_ends_and_then_none() {
    let (fixture, alice) = (Fixture::new(99), evidence());
    assert_eq!(fixture.jwt(&alice, &files()).await.unwrap(), "files.0");
    *fixture.auth.refuses.lock() = true;
    fixture.clock.advance(Duration::from_secs(594));
    assert_eq!(fixture.jwt(&alice, &files()).await.unwrap(), "files.0");
    fixture.landed().await;
    fixture.clock.advance(Duration::from_secs(1));
    let error = fixture.jwt(&alice, &files()).await.unwrap_err();
    assert_eq!(error, NoAssertion::Refused("nobody is there".to_owned()));
    // The next attempt is not made at once, and the one after a pause is.
    let calls = fixture.calls();
    assert!(fixture.jwt(&alice, &files()).await.is_err());
    assert_eq!(fixture.calls(), calls);
    tokio::time::sleep(super::cell::PAUSE).await;
    *fixture.auth.refuses.lock() = false;
    assert_eq!(fixture.jwt(&alice, &files()).await.unwrap(), format!("files.{calls}"));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_long_for_an_auth_service_that_does_not_answer() {
    let (fixture, alice) = (Fixture::new(0), evidence());
    let began = tokio::time::Instant::now();
    assert_eq!(fixture.jwt(&alice, &files()).await.unwrap_err(), NoAssertion::Late);
    assert_eq!(began.elapsed(), super::PATIENCE);
    assert_eq!(fixture.jwt(&alice, &files()).await.unwrap_err(), NoAssertion::Late);
    assert_eq!(began.elapsed(), super::PATIENCE, "the second does not wait");
}

#[tokio::test]
async fn who_waits_when_the_agent_stops_is_told() {
    let (fixture, alice, files) = (Fixture::new(0), evidence(), files());
    let waiting = fixture.jwt(&alice, &files);
    let (outcome, ()) = tokio::join!(waiting, async { fixture.tasks.cancel() });
    assert_eq!(outcome.unwrap_err(), NoAssertion::Stopped);
    assert_eq!(fixture.jwt(&alice, &files).await.unwrap_err(), NoAssertion::Stopped);
}

#[tokio::test]
async fn one_that_has_ended_on_arrival_is_not_used() {
    let (fixture, alice, files) = (Fixture::new(0), evidence(), files());
    let waiting = fixture.jwt(&alice, &files);
    let (outcome, ()) = tokio::join!(waiting, async {
        fixture.clock.advance(Duration::from_secs(600));
        fixture.auth.turns.add_permits(1);
    });
    assert!(matches!(outcome.unwrap_err(), NoAssertion::Unusable(_)));
}

#[tokio::test]
async fn a_bounded_number_is_kept_and_those_in_use_stay() {
    let (fixture, alice) = (Fixture::new(9 * HALF), evidence());
    let dear = files();
    for index in 0..3 * HALF {
        let app = app(&format!("app-{index}"), "x");
        fixture.jwt(&alice, &app).await.unwrap();
        if index % (HALF / 2) == 0 {
            assert_eq!(fixture.jwt(&alice, &dear).await.unwrap(), "files.1");
        }
    }
    assert!(fixture.assertions.shelf.len() <= 2 * HALF);
    assert_eq!(fixture.calls(), 3 * HALF + 1);
}
