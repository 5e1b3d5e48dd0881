use std::collections::BTreeMap;
use std::sync::Arc;

use api::wire::HeartbeatReceipt;
use api::{Client, Endpoint, MAX_HEARTBEAT_ITEMS};
use resource::ServerState;
use resource::app::{Health, HealthStatus};
use runtime::{Clock, Tasks};
use tokio::time::Instant;

use super::{Batch, CHECKED, Heartbeat, PATIENCE, Step, without_secrets};
use crate::catalog::Wanted;
use crate::catalog::tests::app;
use crate::served::Table;

fn heartbeat() -> Heartbeat {
    let table = Table::new(Clock::system());
    table.complete();
    Heartbeat {
        host_id: "h1".to_owned(),
        hostname: "host".to_owned(),
        cluster: "example.com".to_owned(),
        replica: api::Replica::fixed(api::Snapshot::default()),
        client: Client::new(Endpoint::Unix("/nonexistent".into()), Tasks::new()),
        table,
        labels: crate::labels::ToldLabels::new(),
        domain: "example.com".to_owned(),
        published: BTreeMap::new(),
    }
}

fn wanted(name: &str) -> Wanted {
    Wanted { app: Arc::new(app(name, &[], "x")), shadows: false }
}

fn words(steps: &[Step]) -> Vec<String> {
    let tell = |step: &Step| match step {
        Step::Write(name, _) => format!("write {name}"),
        Step::Remove(name) => format!("remove {name}"),
    };
    steps.iter().map(tell).collect()
}

/// Takes the steps for told.
fn settle(heartbeat: &mut Heartbeat, now: Instant, renewing: bool) -> Vec<String> {
    let steps = heartbeat.steps(now, renewing);
    let words = words(&steps);
    steps.into_iter().for_each(|step| heartbeat.told(step));
    words
}

#[tokio::test]
async fn a_record_follows_its_app() {
    let mut heartbeat = heartbeat();
    let now = Instant::now();
    let a = wanted("a");
    let served = heartbeat.table.register(a.clone());
    assert_eq!(settle(&mut heartbeat, now, false), [""; 0], "nothing is known yet");
    served.checked(&a.app, Ok(()));
    assert_eq!(settle(&mut heartbeat, now, false), ["write a"]);
    assert_eq!(settle(&mut heartbeat, now, true), [""; 0], "what is the same is not told again");
    served.failed("the MCP server ended with status 1".to_owned());
    assert_eq!(settle(&mut heartbeat, now, false), ["write a"]);
    heartbeat.table.unregister("a");
    assert_eq!(settle(&mut heartbeat, now, false), ["remove a"]);
    assert_eq!(settle(&mut heartbeat, now, true), [""; 0]);
}

#[tokio::test]
async fn connections_are_told_when_the_agent_is_to_be_heard_of_anyway() {
    let mut heartbeat = heartbeat();
    let (now, a) = (Instant::now(), wanted("a"));
    let served = heartbeat.table.register(a.clone());
    served.checked(&a.app, Ok(()));
    assert_eq!(settle(&mut heartbeat, now, false), ["write a"]);
    let _connection = served.connect();
    assert_eq!(settle(&mut heartbeat, now, false), [""; 0]);
    assert_eq!(settle(&mut heartbeat, now, true), ["write a"]);
    assert_eq!(settle(&mut heartbeat, now, true), [""; 0]);
}

#[tokio::test]
async fn an_app_whose_check_takes_long_is_told_of_all_the_same() {
    let mut heartbeat = heartbeat();
    let now = Instant::now();
    heartbeat.table.register(wanted("a"));
    assert_eq!(settle(&mut heartbeat, now, false), [""; 0]);
    assert_eq!(settle(&mut heartbeat, now + PATIENCE, false), ["write a"]);
    assert_eq!(settle(&mut heartbeat, now + PATIENCE, false), [""; 0]);
}

#[tokio::test]
async fn what_could_not_be_told_is_tried_again() {
    let mut heartbeat = heartbeat();
    let a = wanted("a");
    heartbeat.table.register(a.clone()).checked(&a.app, Ok(()));
    let steps = heartbeat.steps(Instant::now(), true);
    assert!(heartbeat.tell(steps, false).await.is_err(), "there is no auth service");
    assert_eq!(words(&heartbeat.steps(Instant::now(), false)), ["write a"]);
}

#[tokio::test]
async fn all_is_told_again_when_the_cluster_has_forgotten() {
    let mut heartbeat = heartbeat();
    for name in ["a", "b"] {
        let wanted = wanted(name);
        heartbeat.table.register(wanted.clone()).checked(&wanted.app, Ok(()));
    }
    assert_eq!(settle(&mut heartbeat, Instant::now(), true), ["write a", "write b"]);
    heartbeat.take_note(HeartbeatReceipt { lapsed: true, apps: Vec::new() });
    assert_eq!(settle(&mut heartbeat, Instant::now(), false), ["write a", "write b"]);
}

#[tokio::test]
async fn records_of_an_earlier_run_go_when_it_is_known_what_is_served() {
    let mut heartbeat = heartbeat();
    heartbeat.table = Table::new(Clock::system());
    let apps = vec!["a".to_owned(), "gone".to_owned()];
    heartbeat.take_note(HeartbeatReceipt { lapsed: false, apps });
    assert_eq!(settle(&mut heartbeat, Instant::now(), true), [""; 0]);
    let a = wanted("a");
    heartbeat.table.register(a.clone()).checked(&a.app, Ok(()));
    heartbeat.table.complete();
    assert_eq!(settle(&mut heartbeat, Instant::now(), false), ["write a", "remove gone"]);
}

#[test]
fn a_heartbeat_has_a_bound() {
    let mut batch = Batch::default();
    for number in 0..MAX_HEARTBEAT_ITEMS {
        assert!(batch.has_room(None), "{number}");
        batch.push(Step::Remove(format!("app-{number}")), None);
    }
    assert!(!batch.has_room(None));
    assert_eq!(batch.heartbeat().gone.len(), MAX_HEARTBEAT_ITEMS);
    assert_eq!(batch.split().count(), MAX_HEARTBEAT_ITEMS);
}

#[tokio::test]
async fn a_record_says_what_is_observed() {
    let heartbeat = heartbeat();
    let a = wanted("a");
    let served = heartbeat.table.register(a.clone());
    served.checked(&a.app, Err("no such user".to_owned()));
    let _connection = served.connect();
    let record = heartbeat.record(&served.observe());
    assert_eq!(record.metadata.name, "h1/a");
    assert_eq!(record.spec.state, ServerState::Failed);
    assert_eq!(record.spec.connections, 1);
    assert_eq!(record.spec.last_error.unwrap().message, "no such user");
}

#[test]
fn a_record_has_no_secrets() {
    let mut secret = app("a", &[], "x");
    let mcp = secret.spec.mcp.as_mut().unwrap();
    let key = resource::app::Given::Here("hunter2".to_owned());
    mcp.env.insert("API_KEY".to_owned(), key);
    assert!(!without_secrets(secret).to_json().to_string().contains("hunter2"));
}

#[tokio::test]
async fn that_a_server_was_looked_at_once_more_is_told_now_and_then() {
    let mut heartbeat = heartbeat();
    let (now, a) = (Instant::now(), wanted("a"));
    let served = heartbeat.table.register(a.clone());
    served.checked(&a.app, Ok(()));
    let begin = time::OffsetDateTime::UNIX_EPOCH;
    let look = |status, after: std::time::Duration| {
        let checked = Some(begin + after);
        served.looked_at(Health { status, since: checked, checked, ..Health::default() });
    };
    look(HealthStatus::Healthy, std::time::Duration::ZERO);
    assert_eq!(settle(&mut heartbeat, now, false), ["write a"]);
    look(HealthStatus::Healthy, CHECKED - std::time::Duration::from_secs(1));
    assert_eq!(settle(&mut heartbeat, now, true), [""; 0]);
    look(HealthStatus::Healthy, CHECKED);
    assert_eq!(settle(&mut heartbeat, now, false), [""; 0]);
    assert_eq!(settle(&mut heartbeat, now, true), ["write a"]);
    // What is news is told at once, with the moment since which it is so.
    look(HealthStatus::Unhealthy, CHECKED + std::time::Duration::from_secs(1));
    assert_eq!(settle(&mut heartbeat, now, false), ["write a"]);
    let health = served.observe().health.unwrap();
    assert_eq!(health.since, health.checked);
}

#[tokio::test]
async fn what_is_registered_anew_is_told_anew_however_quickly_that_was() {
    let mut heartbeat = heartbeat();
    let now = Instant::now();
    let first = wanted("a");
    heartbeat.table.register(first.clone()).checked(&first.app, Ok(()));
    assert_eq!(settle(&mut heartbeat, now, false), ["write a"]);
    assert_eq!(settle(&mut heartbeat, now, false), [""; 0]);
    // Between two looks, and as often observed as what was there before.
    heartbeat.table.unregister("a");
    let second = wanted("a");
    heartbeat.table.register(second.clone()).checked(&second.app, Ok(()));
    assert_eq!(settle(&mut heartbeat, now, false), ["write a"]);
    assert_eq!(settle(&mut heartbeat, now, false), [""; 0]);
}
