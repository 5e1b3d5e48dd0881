//! Headers: what is written is read back, and what is made of a request agrees with it.

use mcp::header::{self, Headers, Mirrors};
use mcp::{Ask, Body, Limits, Message, Revision, http, modern};

use crate::parts;

/// A header's value, a request, a schema, and arguments.
pub(crate) fn run(input: &str) {
    let [value, request, schema, arguments] = parts::split(input);
    values(value);
    if let Ok(message) = Message::parse(request.as_bytes(), &Limits::CLIENT) {
        requests(&message);
    }
    if let Ok(mirrors) = Mirrors::of_schema(schema.as_bytes()) {
        mirrored(&mirrors, arguments);
    }
}

fn values(value: &str) {
    let written = header::encode(value);
    let plain = |b: u8| b == b'\t' || (b' '..=b'~').contains(&b);
    assert!(written.bytes().all(plain), "not a value of a header: {written:?}");
    assert_eq!(header::decode(written.as_bytes()).as_deref(), Some(value), "another value");
    if let Some(read) = header::decode(value.as_bytes()) {
        let again = header::encode(&read);
        assert_eq!(header::decode(again.as_bytes()).as_deref(), Some(&*read), "another value");
    }
    let one = [value.as_bytes()];
    for accept in [&one[..], &[]] {
        if http::check_get(accept).is_err() {
            assert!(
                http::check_post(accept, &[b"application/json"], &[]).is_err(),
                "half is whole"
            );
        }
    }
    if http::check_body(&one, &[]).is_ok() {
        let lower = value.to_ascii_lowercase();
        assert!(lower.contains("json") && !lower.contains("utf-16"), "not JSON: {value:?}");
    }
    if let Ok(revision) = http::revision(&one, None) {
        assert_eq!(revision.as_str(), value, "another revision");
    }
    assert_eq!(http::revision(&[], Some(Revision::LATEST_LEGACY)), Ok(Revision::LATEST_LEGACY));
}

fn requests(message: &Message<'_>) {
    let Body::Request(request) = &message.body else { return };
    let made = header::of(request);
    let of = |name: &str| -> Vec<&[u8]> {
        made.iter().filter(|(key, _)| *key == name).map(|(_, value)| value.as_bytes()).collect()
    };
    let (version, method, name) =
        (of(header::PROTOCOL_VERSION), of(header::METHOD), of(header::NAME));
    let headers = Headers { protocol_version: &version, method: &method, name: &name };
    let sound = modern::check(request).is_ok() && request.ask().is_ok();
    if sound && request.method.governed_name().is_some() {
        assert_eq!(modern::check_post(message, &headers), Ok(()), "its own headers do not fit");
        let other: [&[u8]; 1] = [b"other"];
        let headers = Headers { method: &other, ..headers };
        assert!(modern::check_post(message, &headers).is_err(), "any method fits");
    }
}

fn mirrored(mirrors: &Mirrors, arguments: &str) {
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","arguments":{arguments}}}}}"#
    );
    let Ok(message) = Message::parse(call.as_bytes(), &Limits::CLIENT) else { return };
    let Body::Request(request) = &message.body else { return };
    let Ok(Ask::Tool(tool)) = request.ask() else { return };
    let made = mirrors.of_arguments(tool.arguments);
    assert!(made.is_ok(), "arguments without a repeated key: {made:?}");
    let made = made.unwrap_or_default();
    let given: Vec<(&str, &[u8])> =
        made.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(mirrors.check(tool.arguments, &given), Ok(()), "its own headers do not fit");
    for at in 0..given.len() {
        let mut fewer = given.clone();
        let (name, value) = fewer.remove(at);
        assert!(mirrors.check(tool.arguments, &fewer).is_err(), "{name} need not be there");
        let other = [value, b"0"].concat();
        fewer.push((name, &other));
        let fits = mirrors.check(tool.arguments, &fewer).is_ok();
        let zeros = value.contains(&b'.');
        assert!(!fits || zeros, "{name} may say anything");
    }
}
