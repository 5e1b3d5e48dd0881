use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1_000;

/// The standard, step by step, over the whole text at once. It knows nothing of pieces, limits or bytes.
mod reference {
    #[derive(Debug, Default, Clone, PartialEq, Eq)]
    pub(super) struct Dispatched {
        pub(super) name: String,
        pub(super) data: String,
        pub(super) last_id: String,
        pub(super) retry: Option<u64>,
    }

    pub(super) fn parse(stream: &[u8]) -> Vec<Dispatched> {
        let text = String::from_utf8_lossy(stream).into_owned();
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.pop();
        let (mut out, mut now) = (Vec::new(), Dispatched::default());
        let mut data = String::new();
        for line in lines {
            if line.is_empty() {
                if !data.is_empty() {
                    data.pop();
                    out.push(Dispatched { data: std::mem::take(&mut data), ..now.clone() });
                }
                now.name.clear();
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => now.name = value.to_owned(),
                "data" => {
                    data.push_str(value);
                    data.push('\n');
                }
                "id" if !value.contains('\0') => now.last_id = value.to_owned(),
                "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                    now.retry = value.parse().ok().or(now.retry);
                }
                _ => {}
            }
        }
        out
    }
}

/// Everything that comes out, with the end of the stream.
fn decode_with(limit: usize, pieces: &[&[u8]]) -> Vec<Result<Frame, SseError>> {
    let mut decoder = Decoder::new(limit);
    let mut out = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        out.extend(decoder.by_ref());
        assert!(decoder.buffer.len() <= limit, "it holds more than a frame");
    }
    out.extend(decoder.finish());
    assert!(decoder.buffer.is_empty());
    out
}

fn decode(stream: &str) -> Vec<Frame> {
    decode_with(LIMIT, &[stream.as_bytes()]).into_iter().map(Result::unwrap).collect()
}

/// What a client sees of frames: the events that have data, and what was said of ids and times until then.
fn dispatched(frames: &[Frame]) -> Vec<reference::Dispatched> {
    let mut now = reference::Dispatched::default();
    let mut out = Vec::new();
    for frame in frames {
        let Some(event) = &frame.event else { continue };
        now.last_id = event.id.as_deref().map_or(now.last_id, str::to_owned);
        now.retry = event.retry.or(now.retry);
        if event.has_data {
            out.push(reference::Dispatched {
                name: event.name.as_deref().unwrap_or_default().to_owned(),
                data: String::from_utf8_lossy(&event.data).into_owned(),
                ..now.clone()
            });
        }
    }
    out
}

fn only(stream: &str) -> Event {
    let [frame] = <[Frame; 1]>::try_from(decode(stream)).unwrap();
    assert_eq!(frame.raw, stream.as_bytes());
    frame.event.unwrap()
}

#[test]
fn fields() {
    let event = only("event: message\nid: 7\nretry: 1500\ndata: {\"a\":1}\n\n");
    assert_eq!(event.name.as_deref(), Some("message"));
    assert_eq!(event.id.as_deref(), Some("7"));
    assert_eq!(event.retry, Some(1500));
    assert_eq!(event.data, "{\"a\":1}");
    // One blank after the colon belongs to the field, a second to the value; a field may have no colon.
    assert_eq!(only("data:a\n\n").data, "a");
    assert_eq!(only("data:  a \n\n").data, " a ");
    assert_eq!(only("data: a:b\n\n").data, "a:b");
    assert_eq!(only("data\ndata\n\n").data, "\n");
    assert_eq!(only("data: a\ndata: b\ndata:\n\n").data, "a\nb\n");
    assert_eq!(only("id\ndata: x\n\n").id.as_deref(), Some(""));
    // The last one counts; an empty name is none.
    assert_eq!(only("id: 1\nid: 2\n\n").id.as_deref(), Some("2"));
    assert_eq!(only("event: a\nevent:\n\n").name, None);
    // Names are matched exactly.
    let event = only("Data: a\n data: b\ndata : c\nID: 1\n\n");
    assert_eq!((event.data, event.id), (Bytes::new(), None));
}

#[test]
fn what_the_standard_ignores() {
    assert_eq!(only("id: a\0b\ndata: x\n\n").id, None);
    assert_eq!(only("id: a\nid: a\0b\n\n").id.as_deref(), Some("a"));
    for retry in ["", "-1", "+1", "1s", " 1", "1.5", "٣", "99999999999999999999999"] {
        assert_eq!(only(&format!("retry: {retry}\ndata: x\n\n")).retry, None, "{retry:?}");
    }
    assert_eq!(only("retry: 007\n\n").retry, Some(7));
    let frames = decode(": hello\n\n\n:\r\n\r\n");
    assert_eq!(frames.iter().map(|frame| frame.raw.len()).collect::<Vec<_>>(), [9, 1, 5]);
    assert!(frames.iter().all(|frame| frame.event.is_none()));
}

#[test]
fn line_ends() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = format!("data: a{end}data: b{end}{end}data: c{end}{end}");
        let frames = decode(&stream);
        assert_eq!(frames.len(), 2, "{end:?}");
        assert_eq!(frames[0].event.as_ref().unwrap().data, "a\nb");
        assert_eq!(frames[1].event.as_ref().unwrap().data, "c");
        assert_eq!([&frames[0].raw[..], &frames[1].raw[..]].concat(), stream.as_bytes());
    }
    assert_eq!(decode("data: a\r\r\ndata: b\n\n").len(), 2);
    // Whoever ends lines with CR alone need not send more for an event to be seen.
    let mut decoder = Decoder::new(LIMIT);
    decoder.push(b"data: a\r\r");
    assert_eq!(decoder.next().unwrap().unwrap().event.unwrap().data, "a");
    decoder.push(b"data: b\r\n\r");
    assert_eq!(decoder.next(), None);
    decoder.push(b"\n");
    assert_eq!(decoder.next().unwrap().unwrap().raw, "data: b\r\n\r\n");
}

#[test]
fn a_byte_order_mark_at_the_start_only() {
    let mark = "\u{FEFF}";
    assert_eq!(only(&format!("{mark}data: a\n\n")).data, "a");
    let frames = decode(&format!("{mark}\n{mark}data: a\n\n"));
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0].event, None);
    assert_eq!(frames[1].event.as_ref().unwrap().data, "");
}

#[test]
fn the_end_of_the_stream_ends_no_event() {
    let decode = |stream: &str| decode_with(LIMIT, &[stream.as_bytes()]);
    assert_eq!(decode("data: a\n"), [Err(SseError::Unfinished { length: 8 })]);
    assert_eq!(decode("data: a"), [Err(SseError::Unfinished { length: 7 })]);
    assert_eq!(decode(": bye\n"), []);
    assert_eq!(decode("data: a\r\n\r").len(), 1);
    assert!(decode("data: a\r\n\r")[0].is_ok());
    assert_eq!(decode("data: a\r\n"), [Err(SseError::Unfinished { length: 9 })]);
}

#[test]
fn length_at_the_limit_and_one_past_it() {
    let long = Err(SseError::TooLong { limit: 10 });
    let ok = |raw: &[u8]| {
        let raw = Bytes::copy_from_slice(raw);
        Ok(Frame { event: Event::read(&raw, false), raw })
    };
    assert_eq!(decode_with(10, &[b"data: ab\n\n"]), [ok(b"data: ab\n\n")]);
    assert_eq!(decode_with(10, &[b"data: abc\n\n:\n\n"]), [long.clone(), ok(b":\n\n")]);
    // Reported once, as soon as it is certain; the rest is passed over, whatever is in it.
    let pieces: [&[u8]; 6] = [b"data: abcd", b"e", b"fgh\nda", b"ta: x\r", b"\n\r", b"\n:\n\n"];
    assert_eq!(decode_with(10, &pieces), [long.clone(), ok(b":\n\n")]);
    assert_eq!(decode_with(10, &[b"data: abcdefgh"]), [long]);
    let mut decoder = Decoder::new(LIMIT);
    for _ in 0..10_000 {
        decoder.push(b"data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n");
        decoder.by_ref().for_each(drop);
        assert!(decoder.buffer.len() <= LIMIT + 100);
    }
    decoder.push(b"\ndata: ok\n\n");
    assert_eq!(decoder.next().unwrap().unwrap().raw, "data: ok\n\n");
}

#[test]
fn one_line_of_data_is_not_copied() {
    let frame = decode("id: 1\ndata: {}\n\n").remove(0);
    let data = frame.event.unwrap().data;
    assert_eq!(data.as_ptr(), frame.raw[12..].as_ptr());
}

#[test]
fn other_data_under_the_same_id() {
    let frame =
        decode("id:7\r\n: x\r\nevent: message\r\ndata: {\r\ndata: }\r\nretry: 5\r\n\r\n").remove(0);
    assert_eq!(frame.with_data(b"[]"), "event: message\nid: 7\nretry: 5\ndata: []\n\n");
    assert_eq!(frame.with_data(b"{\r\n}"), "event: message\nid: 7\nretry: 5\ndata: {\ndata: }\n\n");
    assert_eq!(frame.clean(), frame.raw);
    assert_eq!(encode(b"", None, Some("1")), "id: 1\ndata: \n\n");
    assert_eq!(encode(b"x", Some("a\nb"), Some("c\u{2028}d")), "event: ab\ndata: x\n\n");
}

#[test]
fn no_event_hides_from_a_reader_that_cuts_elsewhere() {
    let smuggled = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"denied\"}]}}";
    for cut in ["\u{2028}", "\u{2029}", "\u{85}", "\u{B}", "\u{C}", "\u{1C}", "\u{1D}", "\u{1E}"] {
        let stream = format!("data: {{\"a\":\"{cut}{cut}data: {smuggled}{cut}{cut}\"}}\n\n");
        let frame = decode(&stream).remove(0);
        for passed in [frame.clean(), frame.with_data(&frame.event.as_ref().unwrap().data)] {
            let passed = std::str::from_utf8(&passed).unwrap().to_owned();
            assert!(!passed.contains(cut), "{passed}");
        }
    }
    // Where we see no data, or other data than a careless reader would.
    for stream in [
        format!("Data: {smuggled}\n\n"),
        format!(" data: {smuggled}\n\n"),
        format!("\u{FEFF}data : {smuggled}\n\n"),
        format!(": \x0B\x0Bdata: {smuggled}\n\n"),
        format!("id: \x1E\x1Edata: {smuggled}\n\n"),
        format!("retry: x\0data: {smuggled}\n\n"),
    ] {
        let passed = decode(&stream).remove(0).clean();
        assert!(!passed.windows(6).any(|w| w == b"denied"), "{stream:?}");
    }
    let frame = decode("data: a\rid: 4\r\r").remove(0);
    assert_eq!(frame.clean(), "id: 4\ndata: a\n\n");
}

/// Lines of every sort, and what ends them.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(""),
        Just(""),
        Just("data: a"),
        Just("data:"),
        Just("data"),
        Just("data:  b:c "),
        Just("id: 1"),
        Just("id"),
        Just("id: x\0y"),
        Just("event: m"),
        Just("event:"),
        Just("retry: 10"),
        Just("retry: x"),
        Just(": hi"),
        Just(":"),
        Just("Data: z"),
        Just("é\u{2028}"),
        Just("\u{FEFF}"),
        Just("data: 世界"),
        Just("\u{FEFF}data: q"),
        Just("data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ];
    let end =
        prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n"), Just("\r\n\r\n"), Just("")];
    prop::collection::vec((line, end), 0..24).prop_map(|lines| {
        lines.iter().flat_map(|(line, end)| [*line, *end]).collect::<String>().into_bytes()
    })
}

fn pieces<'s>(stream: &'s [u8], cuts: &[usize]) -> Vec<&'s [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn as_the_standard_says(stream in stream()) {
        let frames: Vec<Frame> = decode_with(LIMIT, &[&stream]).into_iter().filter_map(Result::ok).collect();
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        prop_assert!(stream.starts_with(&raw));
        prop_assert_eq!(dispatched(&frames), reference::parse(&stream));
        // Cleaned, it says the same.
        let clean: Vec<u8> = frames.iter().flat_map(|frame| frame.clean().to_vec()).collect();
        prop_assert!(write::odd_line_end(&clean).is_none());
        if write::odd_line_end(&stream).is_none() {
            prop_assert_eq!(reference::parse(&clean), reference::parse(&stream));
        }
    }

    #[test]
    fn pieces_do_not_matter(
        stream in stream(),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
        limit in prop_oneof![Just(LIMIT), 4usize..40],
    ) {
        let whole = decode_with(limit, &[&stream]);
        prop_assert_eq!(&decode_with(limit, &pieces(&stream, &cuts)), &whole);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&decode_with(limit, &bytes), &whole);
    }

    #[test]
    fn what_is_written_is_read(data in any::<String>(), name in "[a-z]{0,5}", id in "[ -~]{0,9}") {
        let json = serde_json::Value::String(data).to_string();
        let stream = encode(json.as_bytes(), Some(&name), Some(&id));
        let events = reference::parse(&stream);
        prop_assert_eq!(events.len(), 1);
        prop_assert_eq!(&events[0].name, &name);
        prop_assert_eq!(&events[0].last_id, &id);
        let read: serde_json::Value = serde_json::from_str(&events[0].data).unwrap();
        prop_assert_eq!(read.to_string(), json);
        let [frame] = <[Frame; 1]>::try_from(decode(std::str::from_utf8(&stream).unwrap())).unwrap();
        prop_assert_eq!(frame.clean(), stream);
    }
}
