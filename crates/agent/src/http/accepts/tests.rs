use super::*;

fn of(values: &[&str]) -> (bool, bool) {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(ACCEPT, value.parse().unwrap());
    }
    let accepts = Accepts::of(&headers);
    (accepts.json, accepts.events)
}

#[test]
fn what_is_accepted_is_read() {
    assert_eq!(of(&[]), (true, true));
    assert_eq!(of(&[""]), (true, true));
    assert_eq!(of(&["application/json, text/event-stream"]), (true, true));
    assert_eq!(of(&["application/json", "Text/Event-Stream;q=0.5"]), (true, true));
    assert_eq!(of(&["application/json"]), (true, false));
    assert_eq!(of(&["text/event-stream"]), (false, true));
    assert_eq!(of(&["*/*"]), (true, true));
    assert_eq!(of(&["text/html"]), (false, false));
}
