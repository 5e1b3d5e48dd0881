//! The messages. Each is understood by some reader as a call of `wipe`.

use super::Reader;

/// A message, and whom it would fool.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// Who would call `wipe`, over stdio.
    pub(crate) fools: &'static [Reader],
    /// The code of the error that it gets; none where what remains of it is harmless and passes.
    pub(crate) code: Option<i64>,
}

const ALL: &[Reader] = &Reader::ALL;
const GO: &[Reader] = &[Reader::Go];
const NODE: &[Reader] = &[Reader::Node];
const LAX: &[Reader] = &[Reader::Python, Reader::Node];

const REFUSED: Option<i64> = Some(-32600);
const UNREADABLE: Option<i64> = Some(-32700);

/// A request with these members after the version and the id.
fn request(members: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":7,{members}}}"#).into_bytes()
}

/// A call with these parameters.
fn call(params: &str) -> Vec<u8> {
    request(&format!(r#""method":"tools/call","params":{{{params}}}"#))
}

/// Every attack whose bytes alone carry it.
pub(crate) fn all() -> Vec<Attack> {
    let wipe = r#""method":"tools/call","params":{"name":"wipe"}"#;
    let mut attacks = repeated(wipe);
    attacks.extend(confusable(wipe));
    attacks.extend(unreadable(wipe));
    attacks
}

/// Keys that are there twice: the last one counts for most readers.
fn repeated(wipe: &str) -> Vec<Attack> {
    let attack = |name, bytes, fools| Attack { name, bytes, fools, code: REFUSED };
    vec![
        attack("a name twice", call(r#""name":"echo","name":"wipe""#), ALL),
        attack("a name twice, escaped", call(r#""name":"echo","n\u0061me":"wipe""#), ALL),
        attack(
            "parameters twice",
            request(r#""method":"tools/call","params":{"name":"echo"},"params":{"name":"wipe"}"#),
            ALL,
        ),
        attack("a method twice", request(&format!(r#""method":"ping",{wipe}"#)), ALL),
        attack(
            "a method twice, escaped",
            {
                let again = wipe.replace("\"method\"", r#""\u006dethod""#);
                request(&format!(r#""method":"ping",{again}"#))
            },
            ALL,
        ),
    ]
}

/// Keys that some reader takes for another one.
fn confusable(wipe: &str) -> Vec<Attack> {
    let attack = |name, bytes, fools| Attack { name, bytes, fools, code: REFUSED };
    vec![
        attack("a name in other case", call(r#""name":"echo","Name":"wipe""#), GO),
        attack("a name in other case alone", call(r#""NAME":"wipe""#), GO),
        attack(
            "a method in other case",
            request(&format!(r#""method":"ping",{}"#, wipe.replace("\"method\"", "\"METHOD\""))),
            GO,
        ),
        attack(
            "parameters with a long s",
            request(
                "\"method\":\"tools/call\",\"params\":{\"name\":\"echo\"},\
                 \"param\u{17f}\":{\"name\":\"wipe\"}",
            ),
            GO,
        ),
        attack(
            "parameters with a long s, escaped",
            request(
                r#""method":"tools/call","params":{"name":"echo"},"param\u017f":{"name":"wipe"}"#,
            ),
            GO,
        ),
        attack("a prototype", call(r#""__proto__":{"name":"wipe"}"#), NODE),
        attack("a call without an id", format!(r#"{{"jsonrpc":"2.0",{wipe}}}"#).into_bytes(), ALL),
    ]
}

/// What not every reader can read: who passes on what he cannot read is fooled.
fn unreadable(wipe: &str) -> Vec<Attack> {
    let with = |arguments: &[u8]| {
        let head = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"wipe","arguments":{"a":"#;
        [head.as_slice(), arguments, b"}}}"].concat()
    };
    let plain = request(wipe);
    let nested = [vec![b'['; 200], vec![b']'; 200]].concat();
    let attack = |name, bytes, fools, code| Attack { name, bytes, fools, code };
    vec![
        attack("a byte-order mark", [b"\xEF\xBB\xBF".as_slice(), &plain].concat(), NODE, UNREADABLE),
        attack("bytes that are no UTF-8", with(b"\"\xFF\xC0\xAF\""), ALL, UNREADABLE),
        attack("deep nesting", with(&nested), ALL, REFUSED),
        attack("a number that is none", with(b"NaN"), &[Reader::Python, Reader::Go], UNREADABLE),
        attack(
            "two messages on a line",
            [request(r#""method":"ping""#), plain.clone()].concat(),
            GO,
            UNREADABLE,
        ),
        attack("a batch", [b"[".as_slice(), &plain, b"]"].concat(), ALL, REFUSED),
        attack("an id that is a fraction", br#"{"jsonrpc":"2.0","id":7.0,"method":"tools/call","params":{"name":"wipe"}}"#.to_vec(), ALL, REFUSED),
        attack("an id that is rounded", br#"{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"wipe"}}"#.to_vec(), ALL, REFUSED),
        // What stands between the carriage returns is a line of its own for some readers. It is
        // harmless once they are blanks.
        attack("a line within a line", {
            let ping = br#"{"jsonrpc":"2.0","id":7,"method":"ping","params":"#;
            [ping.as_slice(), b"\r", &request(wipe), b"\r}"].concat()
        }, LAX, None),
    ]
}
