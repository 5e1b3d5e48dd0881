//! Queries: what is found, in what order, page by page.

use std::time::Duration;

use runtime::Clock;
use time::macros::datetime;

use super::open;
use crate::log::{Log, MAX_PAGE_EVENTS, Page, Query};
use crate::record::{
    AppChange, AuthPreferenceUpdate, Change, LoginMethod, Outcome, UserLogin, UserMetadata,
};
use crate::{Sink as _, Stamper};

fn fields(page: &Page, field: &str) -> Vec<String> {
    let values = page.events.iter().map(|entry| {
        let value: serde_json::Value = serde_json::from_str(&entry.json).unwrap();
        value[field].as_str().unwrap().to_owned()
    });
    values.collect()
}

/// Minute by minute from 2026-01-01: alice signs in, bob registers `x`, alice registers `y`, and
/// so on for some other users.
fn filled(log: &Log) {
    let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
    let stamper = Stamper::new("example", clock.clone());
    let login = |user: &str| {
        let outcome = Outcome::Success;
        let record = UserLogin {
            user: user.to_owned().into(),
            method: LoginMethod::Local,
            outcome,
            remote_addr: None,
            user_agent: None,
            with_mfa: None,
        };
        log.append(&stamper.event(&record).unwrap()).unwrap();
        clock.advance(Duration::from_secs(60));
    };
    let register = |user: &str, app: &str| {
        let record = AppChange {
            change: Change::Created,
            actor: &UserMetadata::named(user),
            name: app,
            app_name: app,
            app_uri: None,
            app_labels: None,
            expires: None,
        };
        log.append(&stamper.event(&record).unwrap()).unwrap();
        clock.advance(Duration::from_secs(60));
    };
    login("alice");
    register("bob", "x");
    register("alice", "y");
    login("a\"b\\c/d é");
    login("alice2");
}

async fn check(query: Query, expected: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    filled(&log);
    let page = log.query(query.clone()).await.unwrap();
    let found = fields(&page, "time");
    let minutes: Vec<&str> = found.iter().map(|time| time.get(14..16).unwrap()).collect();
    assert_eq!(minutes, expected, "{query:?}");
    assert_eq!(page.next, None);
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[tokio::test]
async fn everything_newest_first() {
    check(Query::default(), &["04", "03", "02", "01", "00"]).await;
}

#[tokio::test]
async fn by_user() {
    let users = |values| Query { users: strings(values), ..Query::default() };
    check(users(&["alice"]), &["02", "00"]).await;
    check(users(&["bob", "alice2"]), &["04", "01"]).await;
    check(users(&["nobody"]), &[]).await;
    check(users(&["a\"b\\c/d é"]), &["03"]).await;
    check(users(&["a\"b\\c/d é", "bob"]), &["03", "01"]).await;
}

#[tokio::test]
async fn by_app_and_event() {
    let apps = |values| Query { apps: strings(values), ..Query::default() };
    check(apps(&["x"]), &["01"]).await;
    check(apps(&["x", "y"]), &["02", "01"]).await;
    let events = |values| Query { events: strings(values), ..Query::default() };
    check(events(&["user.login"]), &["04", "03", "00"]).await;
    check(events(&["user.*"]), &["04", "03", "00"]).await;
    check(events(&["*"]), &["04", "03", "02", "01", "00"]).await;
    check(events(&["app.create", "app.delete"]), &["02", "01"]).await;
    check(events(&["app"]), &[]).await;
    let users = strings(&["alice"]);
    check(Query { users, ..events(&["app.create"]) }, &["02"]).await;
}

#[tokio::test]
async fn by_time() {
    let from = Some(datetime!(2026-01-01 00:01 UTC));
    let to = Some(datetime!(2026-01-01 00:03 UTC));
    check(Query { from, to, ..Query::default() }, &["02", "01"]).await;
    check(Query { from, ..Query::default() }, &["04", "03", "02", "01"]).await;
    check(Query { to, ..Query::default() }, &["02", "01", "00"]).await;
}

#[tokio::test]
async fn page_by_page_also_while_more_comes_in() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let stamper = Stamper::new("example", Clock::system());
    let append = |n: usize| {
        let user = UserMetadata::named(&format!("user-{n}"));
        log.append(&stamper.event(&AuthPreferenceUpdate { actor: &user }).unwrap()).unwrap();
    };
    (0..100).for_each(append);
    let mut found = Vec::new();
    let mut query = Query { limit: 7, ..Query::default() };
    loop {
        let page = log.query(query.clone()).await.unwrap();
        assert!(page.events.len() <= 7);
        found.extend(fields(&page, "user"));
        append(1000);
        match page.next {
            Some(next) => query.before = Some(next),
            None => break,
        }
    }
    let expected: Vec<String> = (0..100).rev().map(|n| format!("user-{n}")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_page_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let stamper = Stamper::new("example", Clock::system());
    for _ in 0..=MAX_PAGE_EVENTS {
        let user = UserMetadata::named("alice");
        log.append(&stamper.event(&AuthPreferenceUpdate { actor: &user }).unwrap()).unwrap();
    }
    for limit in [0, MAX_PAGE_EVENTS, MAX_PAGE_EVENTS + 1] {
        let page = log.query(Query { limit, ..Query::default() }).await.unwrap();
        assert_eq!(page.events.len(), MAX_PAGE_EVENTS);
        assert_eq!(page.next, Some(2));
    }
}

#[tokio::test]
async fn a_value_that_is_written_with_escapes_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let line = concat!(
        r#"{"event":"user.login","code":"T1000I","uid":"1","time":"2026-01-01T00:00:00Z","#,
        r#""user":"\u0061lice"}"#,
        "\n"
    );
    let shipment =
        crate::log::Shipment { host: "h", source: "s", first: 1, lines: line.as_bytes() };
    log.ingest(shipment).await.unwrap();
    let users = strings(&["alice"]);
    let page = log.query(Query { users, ..Query::default() }).await.unwrap();
    assert_eq!(page.events.len(), 1);
}
