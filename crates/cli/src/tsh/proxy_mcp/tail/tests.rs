use super::*;

fn finish(text: &str) -> bool {
    // However it is cut.
    let outcomes: Vec<bool> = (1..=text.len().max(1))
        .map(|size| {
            let mut events = Events::new(Bytes::from_static(b"words"));
            for piece in text.as_bytes().chunks(size) {
                events.see(piece);
            }
            events.finish().is_some()
        })
        .collect();
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{text:?}: {outcomes:?}");
    outcomes[0]
}

#[test]
fn between_events_something_can_be_said() {
    for text in
        ["", "data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", ": alive\n\n", "data: id:\n\n", "\n"]
    {
        assert!(finish(text), "{text:?}");
    }
}

#[test]
fn within_an_event_nothing_can() {
    for text in ["d", "data: a", "data: a\n", "data: a\n\ndata: b\n", "data: a\r\n", "data: a\n\n:"]
    {
        assert!(!finish(text), "{text:?}");
    }
}

#[test]
fn a_stream_that_can_be_resumed_is_left_to_its_client() {
    for text in
        ["id: 1\ndata: a\n\n", "data: a\nid:1\n\ndata: b\n\n", "data: a\r\nid: 1\r\n\r\n", "id\n\n"]
    {
        assert!(!finish(text), "{text:?}");
    }
    assert!(finish("idle: 1\ndata: a\n\n"));
}
