//! Event streams: however they are cut into pieces, what is read is what the standard says; and what is
//! passed on, every reader cuts alike.

use mcp::sse::{Decoder, Frame, SseError, encode};

use crate::parts;

/// As much as no input reaches, and as little as some do.
const LIMITS: [usize; 2] = [crate::bound::INPUT_BYTES * 2, 48];

/// What some readers take for the end of a line, and others do not.
const ODD_LINE_ENDS: [char; 8] =
    ['\u{B}', '\u{C}', '\u{1C}', '\u{1D}', '\u{1E}', '\u{85}', '\u{2028}', '\u{2029}'];

/// What a client is told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Told {
    name: String,
    data: String,
    last_id: String,
    retry: Option<u64>,
}

/// The first part says, letter by letter, how long the pieces are.
pub(crate) fn run(input: &str) {
    let [lengths, stream] = parts::split(input);
    for limit in LIMITS {
        let whole = read(limit, [stream.as_bytes()]);
        assert_eq!(read(limit, stream.as_bytes().chunks(1)), whole, "byte by byte");
        assert_eq!(read(limit, pieces(lengths, stream.as_bytes())), whole, "in pieces");
    }
    let frames: Vec<Frame> =
        read(LIMITS[0], [stream.as_bytes()]).into_iter().filter_map(Result::ok).collect();
    let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
    assert!(stream.as_bytes().starts_with(&raw), "other bytes than came");
    let expected = standard(stream);
    assert_eq!(told(&frames), expected, "another reading");
    let clean: Vec<u8> = frames.iter().flat_map(|frame| frame.clean().to_vec()).collect();
    let clean = text(&clean);
    assert_eq!(careless(clean), clean.lines().collect::<Vec<_>>(), "other readers see other lines");
    if !stream.contains(ODD_LINE_ENDS) {
        assert_eq!(standard(clean), expected, "cleaned, it says something else");
    }
    for frame in &frames {
        let json = serde_json::Value::String(stream.to_owned()).to_string();
        let written = frame.with_data(json.as_bytes());
        let again = standard(text(&written));
        let same = again.first().and_then(|told| serde_json::from_str(&told.data).ok());
        assert_eq!(same, Some(serde_json::Value::String(stream.to_owned())), "other data");
        assert_eq!(again.len(), 1, "more than one event");
    }
    let event = standard(text(&encode(b"{}", Some(lengths), Some(lengths))));
    assert_eq!(event.len(), 1, "a name or id that is more than that");
}

fn read<'p>(
    limit: usize,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Vec<Result<Frame, SseError>> {
    let mut decoder = Decoder::new(limit);
    let mut out = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        out.extend(decoder.by_ref());
    }
    out.extend(decoder.finish());
    for frame in out.iter().flatten() {
        assert!(frame.raw.len() <= limit, "a frame past its bound");
    }
    out
}

fn pieces<'s>(lengths: &str, stream: &'s [u8]) -> Vec<&'s [u8]> {
    let mut rest = stream;
    let mut out = Vec::new();
    for length in lengths.bytes() {
        let (piece, after) = rest.split_at(rest.len().min(usize::from(length % 16)));
        out.push(piece);
        rest = after;
    }
    out.push(rest);
    out
}

/// What a client is told by frames.
fn told(frames: &[Frame]) -> Vec<Told> {
    let mut now = Told::default();
    let mut out = Vec::new();
    for event in frames.iter().filter_map(|frame| frame.event.as_ref()) {
        if let Some(id) = &event.id {
            now.last_id = id.to_string();
        }
        now.retry = event.retry.or(now.retry);
        if event.has_data() {
            out.push(Told {
                name: event.name.as_deref().unwrap_or_default().to_owned(),
                data: text(&event.data).to_owned(),
                ..now.clone()
            });
        }
    }
    out
}

/// The standard, step by step, over the whole text at once.
fn standard(stream: &str) -> Vec<Told> {
    let stream = stream.strip_prefix('\u{FEFF}').unwrap_or(stream);
    let stream = stream.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = stream.split('\n').collect();
    lines.pop();
    let (mut out, mut now, mut data) = (Vec::new(), Told::default(), String::new());
    for line in lines {
        if line.is_empty() {
            if data.pop().is_some() {
                out.push(Told { data: std::mem::take(&mut data), ..now.clone() });
            }
            now.name.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut now.name),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut now.last_id),
            "retry" if value.bytes().all(|b| b.is_ascii_digit()) => {
                now.retry = value.parse().ok().or(now.retry);
            }
            _ => {}
        }
    }
    out
}

/// Lines as a reader cuts them that knows every line end of Unicode.
fn careless(text: &str) -> Vec<&str> {
    let is_end = |c: char| matches!(c, '\n' | '\r') || ODD_LINE_ENDS.contains(&c);
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_end) {
        let (line, end) = rest.split_at(at);
        lines.push(line);
        let end = end.strip_prefix("\r\n").or_else(|| end.strip_prefix(is_end));
        rest = end.unwrap_or_default();
    }
    lines.extend((!rest.is_empty()).then_some(rest));
    lines
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
