//! `tsh mcp connect`: an MCP server on standard input and output, which is in truth a stream to the
//! cluster. Bytes pass as they are; only what the cluster cannot say itself is said here.

mod end;
mod stdio;
mod stream;

use std::process::ExitCode;

use bytes::Bytes;
use mcp::error::code;
use mcp::framing::LineReader;
use mcp::{Body, Limits, Message};
use runtime::telemetry::{self, Format};

use self::stdio::{Input, Output};
use self::stream::Stream;
use super::args::{Global, McpConnect};
use crate::environment;
use crate::run::Context;
use crate::session::Session;

/// `tsh mcp connect`. Never asks anything: standard input belongs to the client.
pub(super) async fn connect(
    cx: Context,
    global: Global,
    args: McpConnect,
) -> anyhow::Result<ExitCode> {
    start_log(&global);
    let (mut input, mut output) = (Input::open(), Output::open());
    let mut lines = LineReader::new(Limits::CLIENT.bytes);
    // The connection is opened for the client's first message, and tried again for each message
    // until it stands: what was wrong may have been mended meanwhile.
    loop {
        let Some(line) = next_line(&mut input, &mut output, &mut lines).await? else {
            return Ok(ExitCode::SUCCESS);
        };
        match open(&cx, &global, &args.name).await {
            Ok(stream) => {
                let rest = lines.buffer_mut().split().freeze();
                let end = stream.carry(input, output, line, rest).await?;
                return Ok(end.tell());
            }
            Err(error) => refuse(&mut output, &line, &error).await?,
        }
    }
}

async fn open(cx: &Context, global: &Global, app: &str) -> anyhow::Result<Stream> {
    let session = Session::open(global.identity().as_deref(), global.proxy().as_deref())?;
    session.require_valid(cx.clock.now())?;
    Stream::open(&session, app, &cx.tasks).await
}

/// The next line that is not blank; `None` at the end of input.
async fn next_line(
    input: &mut Input,
    output: &mut Output,
    lines: &mut LineReader,
) -> anyhow::Result<Option<Bytes>> {
    loop {
        match lines.next_line() {
            Some(Ok(line)) => return Ok(Some(line)),
            Some(Err(error)) => {
                let text = error.to_string();
                write(output, &mcp::error::response(None, code::PARSE_ERROR, &text, None)).await?;
            }
            None => {
                if input.read(lines.buffer_mut()).await? == 0 {
                    return Ok(None);
                }
            }
        }
    }
}

/// Answers a message for which there is no connection.
async fn refuse(output: &mut Output, line: &[u8], error: &anyhow::Error) -> anyhow::Result<()> {
    crate::exit::report(error);
    let text = friendly(error);
    let answer = match Message::parse(line, &Limits::CLIENT) {
        Ok(Message { body: Body::Request(request), .. }) => {
            mcp::error::response(Some(&request.id), code::INTERNAL_ERROR, &text, None)
        }
        Ok(Message { body: Body::Notification(_), .. }) => {
            mcp::error::notification("notifications/tsherr", serde_json::json!({ "error": text }))
        }
        Ok(Message { body: Body::Response(_), .. }) => return Ok(()),
        Err(refused) => refused.response(),
    };
    write(output, &answer).await
}

/// What a client shows to its user: what happened, and what to do in a terminal.
fn friendly(error: &anyhow::Error) -> String {
    let mut text = format!("{error:#}");
    for cause in error.chain() {
        let hints: &[String] = if let Some(refused) = cause.downcast_ref::<crate::exit::Refused>() {
            &refused.hints
        } else if let Some(error) = cause.downcast_ref::<api::Error>() {
            error.hints()
        } else {
            &[]
        };
        for hint in hints {
            text.push_str(". ");
            text.push_str(hint);
        }
    }
    text.push_str(". Then try again; the client need not be restarted.");
    text
}

/// Writes one message to the client.
async fn write(output: &mut Output, message: &[u8]) -> anyhow::Result<()> {
    Ok(output.write(&[message, b"\n"].concat()).await?)
}

fn start_log(global: &Global) {
    let wanted = environment::DEBUG.read().is_some_and(|value| value == "true" || value == "1");
    let level = if global.debug || wanted { "debug" } else { "warn" };
    // Only fails when a log is running already.
    if let Err(error) = telemetry::init(level, Format::Text) {
        crate::printer::say(&format!("no log: {error}"));
    }
}
