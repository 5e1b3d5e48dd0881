//! The line that an event is.

use runtime::Clock;
use serde::Serialize;
use time::macros::datetime;

use super::{EventIndex, MAX_EVENT_BYTES, Stamper};
use crate::record::{LoginMethod, Outcome, UserLogin, UserMetadata};
use crate::{Code, McpSession, Record, code};

fn stamper() -> Stamper {
    Stamper::new("example \"cluster\"", Clock::manual(datetime!(2026-03-04 05:06:07.089_9 UTC)))
}

/// A record with one field, as long as a test wants it.
#[derive(Serialize)]
struct Long {
    field: String,
}

impl Record for Long {
    fn code(&self) -> &'static Code {
        &code::APP_CREATE
    }
}

/// A record with no field.
#[derive(Serialize)]
struct Empty {}

impl Record for Empty {
    fn code(&self) -> &'static Code {
        &code::APP_CREATE
    }
}

#[test]
fn is_a_flat_object_on_one_line() {
    let event = stamper()
        .event(&UserLogin {
            user: "ali\nce".into(),
            method: LoginMethod::Local,
            outcome: Outcome::Failure("wrong password".into()),
            remote_addr: Some("192.0.2.1:5000"),
            user_agent: None,
            with_mfa: None,
        })
        .unwrap();
    let uid = event.uid();
    assert_eq!(uid.get_version_num(), 7);
    let expected = format!(
        concat!(
            r#"{{"event":"user.login","code":"T1000W","uid":"{}","#,
            r#""time":"2026-03-04T05:06:07.089Z","ei":0,"cluster_name":"example \"cluster\"","#,
            r#""user":"ali\nce","method":"local","success":false,"error":"wrong password","#,
            r#""addr.remote":"192.0.2.1:5000"}}"#,
            "\n"
        ),
        uid
    );
    assert_eq!(str::from_utf8(event.line()).unwrap(), expected);
    assert_eq!(event.code(), &code::USER_LOCAL_LOGIN_FAILURE);
}

#[test]
fn a_record_without_fields_is_an_object_too() {
    let event = stamper().event(&Empty {}).unwrap();
    let value: serde_json::Value = serde_json::from_slice(event.line()).unwrap();
    assert_eq!(value["event"], "app.create");
    assert_eq!(value.as_object().unwrap().len(), 6);
}

#[test]
fn keeps_the_moment_of_its_stamp() {
    let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
    let stamper = Stamper::new("c", clock.clone());
    let index = EventIndex::default();
    let start = stamper.stamp(index.next());
    clock.advance(std::time::Duration::from_secs(5));
    let second = stamper.event_at(stamper.stamp(index.next()), &Empty {}).unwrap();
    let first = stamper.event_at(start, &Empty {}).unwrap();
    let field = |event: &crate::Event, name: &str| {
        serde_json::from_slice::<serde_json::Value>(event.line()).unwrap()[name].clone()
    };
    assert_eq!(field(&first, "ei"), 0);
    assert_eq!(field(&first, "time"), "2026-01-01T00:00:00.000Z");
    assert_eq!(field(&second, "ei"), 1);
    assert_eq!(field(&second, "time"), "2026-01-01T00:00:05.000Z");
    assert!(first.uid() < second.uid(), "identifiers sort by time");
}

#[test]
fn the_limit_holds_at_limit_and_one_past_it() {
    let event = |size: usize| stamper().event(&Long { field: "x".repeat(size) });
    let overhead = event(0).unwrap().line().len();
    let largest = event(MAX_EVENT_BYTES - overhead).unwrap();
    assert_eq!(largest.line().len(), MAX_EVENT_BYTES);
    let error = event(MAX_EVENT_BYTES - overhead + 1).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("app.create has 131073 bytes, at most 131072"), "{error}");
}

#[test]
fn an_event_that_cannot_be_written_is_an_error() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    impl Record for Broken {
        fn code(&self) -> &'static Code {
            &code::APP_CREATE
        }

        fn session(&self) -> Option<&McpSession> {
            None
        }
    }
    assert!(stamper().event(&Broken).is_err());
    assert_eq!(UserMetadata::named("a").user, "a");
}
