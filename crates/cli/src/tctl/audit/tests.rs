use std::time::Duration;

use serde_json::value::RawValue;
use time::macros::datetime;

use super::*;

const REQUEST: &str = r#"{"event":"mcp.session.request","code":"TMCP003E","time":"2026-03-01T12:00:00.000Z","user":"alice","app_name":"files","message":{"jsonrpc":"2.0","method":"tools/call","id":1,"params":{"name":"delete","arguments":{"n":1e400}}},"success":false,"error":"tool refused\nrole a\nrole b"}"#;

fn page(events: &[&str]) -> AuditPage {
    let events =
        events.iter().map(|&event| RawValue::from_string(event.to_owned()).unwrap()).collect();
    AuditPage { events, more: false }
}

#[test]
fn records_are_passed_on_as_they_were_written() {
    let page = page(&[REQUEST, "{}"]);
    assert_eq!(json(&page), format!("[\n  {REQUEST},\n  {{}}\n]"));
    assert_eq!(json(&AuditPage { events: Vec::new(), more: false }), "[]");
}

#[test]
fn a_table_tells_who_did_what_and_why_it_failed() {
    let refused = REQUEST.replace("1e400", "1");
    let created = r#"{"event":"app.create","code":"TAP03I","time":"2026-03-01T11:00:00.000Z","user":"admin","name":"files","app_name":"files"}"#;
    let denied = r#"{"event":"access.denied","code":"TSA00W","time":"2026-03-01T10:00:00.000Z","user":"bob","verb":"create","kind":"role","name":"x","success":false,"error":"denied"}"#;
    let table = text(&page(&[&refused, created, denied])).unwrap();
    assert_eq!(
        format!("\n{}\n", table.render(None)),
        "
Time                     Code     Event               User  App   Details
------------------------ -------- ------------------- ----- ----- -------------------------------
2026-03-01T12:00:00.000Z TMCP003E mcp.session.request alice files tools/call delete: tool refused
2026-03-01T11:00:00.000Z TAP03I   app.create          admin files
2026-03-01T10:00:00.000Z TSA00W   access.denied       bob         create role x: denied
"
    );
}

#[test]
fn filters_become_a_query() {
    let now = datetime!(2026-03-01 12:00:00 UTC);
    let query = Ls {
        user: Some("alice".to_owned()),
        app: None,
        event: Some("mcp.*".to_owned()),
        since: Some(When::Ago(Duration::from_secs(3600))),
        until: Some(When::At(now)),
        limit: 5,
        format: Format::Text,
    }
    .query(now);
    assert_eq!(query.user.as_deref(), Some("alice"));
    assert_eq!(query.event.as_deref(), Some("mcp.*"));
    assert_eq!(query.since, Some(datetime!(2026-03-01 11:00:00 UTC)));
    assert_eq!(query.until, Some(now));
    assert_eq!(query.limit, Some(5));
}
