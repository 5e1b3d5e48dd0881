use std::task::Waker;

use super::stream::{REPLAY_BYTES, REPLAY_EVENTS};
use super::*;

const BOTH: Accepts = Accepts { json: true, events: true };

fn post(streams: &mut Streams, text: &'static str) -> Option<u64> {
    let text = Bytes::from(text);
    let message = Message::parse(&text, &Limits::CLIENT).unwrap();
    streams.post(&text, &[message], BOTH).unwrap().stream
}

fn next(streams: &mut Streams, number: u64, reader: u64) -> Option<String> {
    match streams.poll_next(number, reader, &Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(event)) => Some(String::from_utf8(event.to_vec()).unwrap()),
        Poll::Ready(None) => Some("end".to_owned()),
        Poll::Pending => None,
    }
}

fn first(streams: &mut Streams, number: u64) -> Poll<Option<First>> {
    streams.poll_first(number, &Context::from_waker(Waker::noop()))
}

fn note(size: usize) -> String {
    let data = "x".repeat(size);
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{data}"}}}}"#)
}

#[test]
fn a_single_answer_is_one_message_and_leaves_nothing() {
    let mut streams = Streams::new(Era::Legacy);
    let number = post(&mut streams, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).unwrap();
    assert!(first(&mut streams, number).is_pending());
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(streams.deliver(answer.as_bytes()), Some(number));
    assert_eq!(first(&mut streams, number), Poll::Ready(Some(First::Answer(answer.into()))));
    streams.leave(number, 0);
    assert_eq!((streams.streams.len(), streams.open.len()), (1, 0));
    assert_eq!(streams.deliver(answer.as_bytes()), None, "it was answered");
}

#[test]
fn what_was_never_sent_leaves_nothing_in_either_era() {
    for era in [Era::Legacy, Era::Modern] {
        let mut streams = Streams::new(era);
        let before = streams.streams.len();
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let number = post(&mut streams, ping).unwrap();
        streams.withdraw(number);
        assert_eq!((streams.streams.len(), streams.open.len()), (before, 0));
        assert!(post(&mut streams, ping).is_some(), "the id is free again");
    }
}

#[test]
fn each_message_goes_to_one_stream_only() {
    let mut streams = Streams::new(Era::Legacy);
    let ping = |id| Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
    let mut numbers = Vec::new();
    for id in 1..=2 {
        let text = ping(id);
        let message = Message::parse(&text, &Limits::CLIENT).unwrap();
        numbers.extend(streams.post(&text, &[message], BOTH).unwrap().stream);
    }
    assert_eq!(streams.deliver(note(1).as_bytes()), Some(numbers[1]), "the newest");
    streams.deliver(br#"{"jsonrpc":"2.0","id":2,"result":{}}"#);
    assert_eq!(streams.deliver(note(1).as_bytes()), Some(numbers[0]), "what still waits");
    streams.deliver(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(streams.deliver(note(1).as_bytes()), Some(GENERAL));
    let (general, reader) = streams.listen(None).unwrap();
    assert!(next(&mut streams, general, reader).unwrap().contains("notifications/message"));
    assert_eq!(next(&mut streams, general, reader), None);
    assert_eq!(streams.listen(None), Err(Unheard::Taken));
}

#[test]
fn progress_goes_to_its_request_though_it_is_not_the_newest() {
    for era in [Era::Legacy, Era::Modern] {
        let mut streams = Streams::new(era);
        let asks =
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"progressToken":"t"}}}"#;
        let older = post(&mut streams, asks).unwrap();
        let newer = post(&mut streams, r#"{"jsonrpc":"2.0","id":2,"method":"x"}"#).unwrap();
        let token = if era == Era::Modern { older.to_string() } else { "\"t\"".to_owned() };
        let progress = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token}}}}}"#
        );
        assert_eq!(streams.deliver(progress.as_bytes()), Some(older));
        assert!(next(&mut streams, older, 0).unwrap().contains(r#""progressToken":"t""#));
        assert!(first(&mut streams, newer).is_pending());
    }
}

#[test]
fn what_nobody_reads_is_bounded_and_what_is_lost_is_not_skipped_silently() {
    let mut streams = Streams::new(Era::Legacy);
    for _ in 0..REPLAY_EVENTS + 2 {
        streams.deliver(note(1).as_bytes());
    }
    let (general, reader) = streams.listen(None).unwrap();
    assert!(next(&mut streams, general, reader).unwrap().contains("id: 0-2\n"));
    streams.leave(general, reader);
    assert_eq!(streams.listen(Some("0-0")), Err(Unheard::Unknown));
    assert!(streams.listen(Some("0-1")).is_ok());
    streams.expel(general);
    for _ in 0..4 {
        streams.deliver(note(REPLAY_BYTES / 2).as_bytes());
    }
    let (general, reader) = streams.listen(None).unwrap();
    let mut bytes = 0;
    while let Some(event) = next(&mut streams, general, reader) {
        bytes += event.len();
    }
    assert!((REPLAY_BYTES / 2..=REPLAY_BYTES).contains(&bytes), "{bytes}");
}

#[test]
fn nothing_is_forgotten_while_somebody_reads() {
    let mut streams = Streams::new(Era::Legacy);
    let (general, reader) = streams.listen(None).unwrap();
    for _ in 0..REPLAY_EVENTS + 2 {
        streams.deliver(note(REPLAY_BYTES / 100).as_bytes());
    }
    assert!(streams.backlog(general) > REPLAY_BYTES, "the driver waits instead");
    assert!(next(&mut streams, general, reader).unwrap().contains("id: 0-0\n"));
}

#[test]
fn a_reader_that_was_let_go_reads_no_more() {
    let mut streams = Streams::new(Era::Legacy);
    let (general, reader) = streams.listen(None).unwrap();
    streams.deliver(note(1).as_bytes());
    streams.expel(general);
    assert_eq!(next(&mut streams, general, reader).unwrap(), "end");
    let (_, other) = streams.listen(None).unwrap();
    streams.leave(general, reader);
    assert!(
        next(&mut streams, general, other).is_some(),
        "the first one's leave is not the second's"
    );
}

#[test]
fn everybody_is_told_of_the_end() {
    let mut streams = Streams::new(Era::Modern);
    let text = r#"{"jsonrpc":"2.0","id":"mine","method":"ping"}"#;
    let number = post(&mut streams, text).unwrap();
    streams.finish("why");
    let Poll::Ready(Some(First::Answer(answer))) = first(&mut streams, number) else {
        panic!("no answer")
    };
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((&answer["id"], &answer["error"]["message"]), (&"mine".into(), &"why".into()));
    assert_eq!(streams.over(), Some("why"));
}

#[test]
fn streams_that_ended_are_kept_for_a_while_and_not_all_of_them() {
    let mut streams = Streams::new(Era::Legacy);
    for id in 0..REPLAY_STREAMS + 3 {
        let text = Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
        let message = Message::parse(&text, &Limits::CLIENT).unwrap();
        let number = streams.post(&text, &[message], BOTH).unwrap().stream.unwrap();
        streams.begin_events(number);
        streams.deliver(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#).as_bytes());
        streams.leave(number, 0);
    }
    streams.forget(Instant::now());
    assert_eq!(streams.streams.len(), 1 + REPLAY_STREAMS);
    streams.forget(Instant::now() + REPLAY_TIME);
    assert_eq!(streams.streams.len(), 1);
}

#[test]
fn what_nobody_waits_for_keeps_no_session_and_does_not_pile_up() {
    let mut streams = Streams::new(Era::Legacy);
    for id in 0..2 * CANCELLED_REQUESTS {
        let asks = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"x","params":{{"_meta":{{"progressToken":{id}}}}}}}"#
        );
        let takes_back = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
        );
        let mut number = None;
        for text in [asks, takes_back] {
            let text = Bytes::from(text);
            let message = Message::parse(&text, &Limits::CLIENT).unwrap();
            number = number.or(streams.post(&text, &[message], BOTH).unwrap().stream);
        }
        assert!(!streams.is_idle(), "its client is there still");
        streams.leave(number.unwrap(), 0);
        assert!(streams.is_idle());
    }
    let kept = [streams.open.len(), streams.tokens.len(), streams.streams.len() - 1];
    assert_eq!(kept, [CANCELLED_REQUESTS; 3]);
}
