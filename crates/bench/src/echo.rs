//! The smallest MCP server that is one: what it costs itself is next to nothing, so that what is
//! measured is the way to it.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The argument that makes this program the server.
pub(crate) const WORD: &str = "echo-server";

/// A message of the client's, as far as it matters.
#[derive(Debug, Deserialize)]
struct Message<'m> {
    #[serde(borrow)]
    id: Option<&'m RawValue>,
    method: &'m str,
    #[serde(borrow)]
    params: Option<Params<'m>>,
}

#[derive(Debug, Deserialize)]
struct Params<'m> {
    #[serde(borrow)]
    arguments: Option<Arguments<'m>>,
    #[serde(borrow, rename = "protocolVersion")]
    revision: Option<&'m RawValue>,
}

#[derive(Debug, Deserialize)]
struct Arguments<'m> {
    #[serde(borrow)]
    text: &'m RawValue,
}

/// Serves standard input and output until the input ends.
pub(crate) fn main() -> ExitCode {
    match serve(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let (mut line, mut answer) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        answer.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let message: Message<'_> = serde_json::from_slice(&line)?;
        let Some(id) = message.id else { continue };
        write!(answer, r#"{{"jsonrpc":"2.0","id":{id},"#)?;
        write_outcome(&message, &mut answer)?;
        answer.extend_from_slice(b"}\n");
        output.write_all(&answer)?;
        output.flush()?;
    }
}

fn write_outcome(message: &Message<'_>, answer: &mut Vec<u8>) -> io::Result<()> {
    let params = message.params.as_ref();
    match message.method {
        "initialize" => {
            let revision = params.and_then(|params| params.revision).map_or("null", RawValue::get);
            write!(answer, r#""result":{{"protocolVersion":{revision},"capabilities":{{"tools":{{}}}},"#)?;
            answer.write_all(br#""serverInfo":{"name":"echo","version":"1"}}"#)
        }
        "tools/list" => answer.write_all(
            br#""result":{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}]}"#,
        ),
        "tools/call" => {
            let arguments = params.and_then(|params| params.arguments.as_ref());
            let text = arguments.map_or("\"\"", |arguments| arguments.text.get());
            write!(answer, r#""result":{{"content":[{{"type":"text","text":{text}}}]}}"#)
        }
        "ping" => answer.write_all(br#""result":{}"#),
        _ => answer.write_all(br#""error":{"code":-32601,"message":"no such method"}"#),
    }
}
