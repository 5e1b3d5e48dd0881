use serde_json::Value;

use super::*;
use crate::limits::Limits;

fn values<'v>(values: &[&'v str]) -> Vec<&'v [u8]> {
    values.iter().map(|value| value.as_bytes()).collect()
}

fn post(accept: &[&str], content_type: &[&str], encoding: &[&str]) -> Result<(), HttpFault> {
    check_post(&values(accept), &values(content_type), &values(encoding))
}

const BOTH: &[&str] = &["application/json, text/event-stream"];
const TYPE: &[&str] = &["application/json"];

#[test]
fn answers_must_be_accepted_in_both_forms() {
    for accept in [
        BOTH,
        &["text/event-stream;q=0.5,application/json"],
        &["Application/JSON", "Text/Event-Stream"],
        &["*/*"],
        &["application/*, text/*"],
        &["*/*;q=0.1"],
    ] {
        assert_eq!(post(accept, TYPE, &[]), Ok(()), "{accept:?}");
    }
    for accept in [
        &[][..],
        &[""],
        &["application/json"],
        &["text/event-stream"],
        &["application/json, text/event-stream-x"],
        &["application/json, text/event-stream;q=0"],
        &["*/*, application/json;q=0.0"],
        &["json, text/event-stream"],
    ] {
        let fault = post(accept, TYPE, &[]).unwrap_err();
        assert_eq!((fault.status(), &fault), (406, &HttpFault::AcceptBoth), "{accept:?}");
    }
    assert_eq!(check_get(&values(&["text/event-stream"])), Ok(()));
    assert_eq!(check_get(&values(&["application/json"])).unwrap_err().status(), 406);
}

#[test]
fn a_body_is_json_in_utf8_as_it_is() {
    for content_type in
        ["application/json", "Application/Json; charset=UTF-8", "application/json;x=y"]
    {
        assert_eq!(post(BOTH, &[content_type], &["identity"]), Ok(()), "{content_type}");
    }
    for content_type in [
        &[][..],
        &["text/plain"],
        &["application/json-patch+json"],
        &["application/x-www-form-urlencoded"],
        &["application/json; charset=utf-16"],
        &["application/json; charset=\"utf-7\""],
        &["application/json", "application/json"],
        &["application"],
    ] {
        let fault = post(BOTH, content_type, &[]).unwrap_err();
        assert_eq!((fault.status(), &fault), (415, &HttpFault::ContentType), "{content_type:?}");
    }
    let fault = post(BOTH, TYPE, &["gzip"]).unwrap_err();
    assert_eq!((fault.status(), fault), (415, HttpFault::ContentEncoding));
}

#[test]
fn which_revision_is_spoken() {
    let of = |named: &[&str], agreed| revision(&values(named), agreed);
    assert_eq!(of(&[], None), Ok(Revision::V2025_03_26));
    assert_eq!(of(&[], Some(Revision::V2025_11_25)), Ok(Revision::V2025_11_25));
    assert_eq!(of(&["2025-06-18"], None), Ok(Revision::V2025_06_18));
    // Batches are for sessions that agreed on them, whatever a header says.
    assert_eq!(of(&["2025-03-26"], Some(Revision::V2025_06_18)), Ok(Revision::V2025_06_18));
    for named in [&["2026-07-28"][..], &["1999-01-01"], &[""], &["2025-06-18", "2025-06-18"]] {
        let fault = of(named, Some(Revision::V2025_06_18)).unwrap_err();
        assert_eq!(fault.status(), 400, "{named:?}");
        let body: Value = serde_json::from_slice(&fault.response()).unwrap();
        assert_eq!(body["error"]["code"], -32022);
        assert_eq!(body["error"]["data"]["supported"][0], "2026-07-28");
        assert_eq!(body.get("id"), None);
    }
}

#[test]
fn which_era_is_meant() {
    let of = |named: &[&str], body: &str| {
        era(&values(named), &Message::parse(body.as_bytes(), &Limits::CLIENT).unwrap())
    };
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let modern = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2030-01-01"}}}"#;
    assert_eq!(of(&[], bare), Era::Legacy);
    assert_eq!(of(&["2025-11-25"], bare), Era::Legacy);
    assert_eq!(of(&["2030-01-01"], bare), Era::Legacy);
    assert_eq!(of(&["2026-07-28"], bare), Era::Modern);
    assert_eq!(of(&["2025-11-25", "2026-07-28"], bare), Era::Modern);
    assert_eq!(of(&["2025-11-25"], modern), Era::Modern);
}

#[test]
fn statuses_of_modern_errors() {
    for (code, status) in [
        (-32700, 400),
        (-32600, 400),
        (-32601, 404),
        (-32602, 200),
        (-32603, 200),
        (-32020, 400),
        (-32021, 400),
        (-32022, 400),
        (-32002, 200),
        (1, 200),
    ] {
        assert_eq!(status_of(code), status, "{code}");
    }
}

#[test]
fn content_is_framed_in_one_way() {
    for plain in [&[][..], &[&b"chunked"[..]], &[b" Chunked\t"]] {
        assert!(is_plainly_framed(plain), "{plain:?}");
    }
    for odd in [
        &[&b""[..]][..],
        &[b"identity"],
        &[b"identity, chunked"],
        &[b"chunked, chunked"],
        &[b"chunked", b"chunked"],
        &[b"identity", b"chunked"],
        &[b"\x0bchunked"],
    ] {
        assert!(!is_plainly_framed(odd), "{odd:?}");
    }
}
