use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::{Client, Endpoint};
use resource::ServerState;
use runtime::{Clock, Tasks};
use tokio::time::Instant;

use super::{Heartbeat, LIVES, PATIENCE, RENEW, Step, renew_interval, without_secrets};
use crate::catalog::Wanted;
use crate::catalog::tests::app;
use crate::served::Table;

fn heartbeat() -> Heartbeat {
    let clock = Clock::system();
    Heartbeat {
        host_id: "h1".to_owned(),
        hostname: "host".to_owned(),
        client: Client::new(Endpoint::Unix("/nonexistent".into()), Tasks::new()),
        clock: clock.clone(),
        table: Table::new(clock),
        published: BTreeMap::new(),
    }
}

fn wanted(name: &str) -> Wanted {
    Wanted { app: Arc::new(app(name, &[], "x")), shadows: false }
}

fn told(steps: &[Step]) -> Vec<String> {
    let tell = |step: &Step| match step {
        Step::Write(name, _) => format!("write {name}"),
        Step::Remove(name) => format!("remove {name}"),
    };
    steps.iter().map(tell).collect()
}

/// Takes the steps for done.
fn settle(heartbeat: &mut Heartbeat, now: Instant) -> Vec<String> {
    let steps = heartbeat.steps(now);
    let words = told(&steps);
    for step in steps {
        match step {
            Step::Write(name, observed) => {
                let record = heartbeat.published.get_mut(&name).unwrap();
                record.observations = Some(observed.observations);
                record.due = now + RENEW;
            }
            Step::Remove(name) => drop(heartbeat.published.remove(&name)),
        }
    }
    words
}

#[tokio::test]
async fn a_record_follows_its_app() {
    let mut heartbeat = heartbeat();
    let now = Instant::now();
    let a = wanted("a");
    let served = heartbeat.table.register(a.clone());
    assert_eq!(settle(&mut heartbeat, now), [""; 0], "nothing is known yet");
    served.checked(&a.app, Ok(()));
    assert_eq!(settle(&mut heartbeat, now), ["write a"]);
    assert_eq!(settle(&mut heartbeat, now), [""; 0]);
    served.failed("the MCP server ended with status 1".to_owned());
    assert_eq!(settle(&mut heartbeat, now), ["write a"]);
    assert_eq!(settle(&mut heartbeat, now + RENEW), ["write a"]);
    heartbeat.table.unregister("a");
    assert_eq!(settle(&mut heartbeat, now + RENEW), ["remove a"]);
    assert_eq!(settle(&mut heartbeat, now + RENEW), [""; 0]);
}

#[tokio::test]
async fn an_app_whose_check_takes_long_is_told_of_all_the_same() {
    let mut heartbeat = heartbeat();
    let now = Instant::now();
    heartbeat.table.register(wanted("a"));
    assert_eq!(settle(&mut heartbeat, now), [""; 0]);
    assert_eq!(settle(&mut heartbeat, now + PATIENCE), ["write a"]);
}

#[tokio::test]
async fn what_could_not_be_written_is_tried_again() {
    let mut heartbeat = heartbeat();
    let a = wanted("a");
    heartbeat.table.register(a.clone()).checked(&a.app, Ok(()));
    let steps = heartbeat.steps(Instant::now());
    assert!(heartbeat.carry_out(steps).await.is_err(), "there is no auth service");
    assert_eq!(told(&heartbeat.steps(Instant::now())), ["write a"]);
}

#[tokio::test]
async fn a_record_says_what_is_observed() {
    let heartbeat = heartbeat();
    let a = wanted("a");
    let served = heartbeat.table.register(a.clone());
    served.checked(&a.app, Err("no such user".to_owned()));
    let _connection = served.connect();
    let record = heartbeat.record(&served.observe(), RENEW);
    assert_eq!(record.metadata.name, "h1/a");
    assert_eq!(record.spec.state, ServerState::Failed);
    assert_eq!(record.spec.connections, 1);
    assert_eq!(record.spec.last_error.unwrap().message, "no such user");
    let left = record.metadata.expires.unwrap() - heartbeat.clock.now();
    assert!(left > RENEW && left <= RENEW * LIVES, "{left}");
}

#[test]
fn a_record_has_no_secrets() {
    let mut secret = app("a", &[], "x");
    let mcp = secret.spec.mcp.as_mut().unwrap();
    let key = resource::app::Given::Here("hunter2".to_owned());
    mcp.env.insert("API_KEY".to_owned(), key);
    assert!(!without_secrets(secret).to_json().to_string().contains("hunter2"));
}

#[test]
fn many_apps_are_renewed_less_often() {
    assert_eq!(renew_interval(0), RENEW);
    assert_eq!(renew_interval(1_000), RENEW);
    assert_eq!(renew_interval(10_000), Duration::from_secs(200));
}
