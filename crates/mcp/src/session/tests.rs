use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn text(id: &str) -> Id<'static> {
    Id::String(id.to_owned().into())
}

#[test]
fn an_answer_is_matched_once() {
    let mut pending = Pending::new(10);
    assert_eq!(pending.open(&Id::Number(1), "list"), Ok(()));
    assert_eq!(pending.open(&text("a"), "call"), Ok(()));
    assert_eq!(pending.len(), 2);
    assert_eq!(pending.peek(&Id::Number(1)), Some(&"list"));
    assert_eq!(pending.answered(&Id::Number(1)), Some("list"));
    assert_eq!(pending.answered(&Id::Number(1)), None);
    assert_eq!(pending.answered(&Id::Number(2)), None);
    assert_eq!(pending.answered(&text("a")), Some("call"));
    assert!(pending.is_empty());
}

#[test]
fn an_open_id_is_not_used_again() {
    let mut pending = Pending::new(10);
    for id in [Id::Number(1), text("a")] {
        assert_eq!(pending.open(&id, ()), Ok(()));
        assert_eq!(pending.open(&id, ()), Err(Reason::IdInUse));
        assert_eq!(pending.answered(&id), Some(()));
        assert_eq!(pending.open(&id, ()), Ok(()));
    }
}

#[test]
fn ids_that_a_careless_server_confuses_are_not_open_together() {
    let mut pending = Pending::new(10);
    assert_eq!(pending.open(&Id::Number(1), "number"), Ok(()));
    assert_eq!(pending.open(&text("1"), "string"), Err(Reason::IdInUse));
    // Nor is an answer under the one taken for an answer to the other.
    assert_eq!(pending.answered(&text("1")), None);
    assert_eq!(pending.answered(&Id::Number(1)), Some("number"));
    assert_eq!(pending.open(&text("1"), "string"), Ok(()));
    assert_eq!(pending.answered(&Id::Number(1)), None);
    assert_eq!(pending.answered(&text("1")), Some("string"));
    // These are strings to everybody.
    assert_eq!(pending.open(&Id::Number(1), ""), Ok(()));
    assert_eq!(pending.open(&text("01"), ""), Ok(()));
    assert_eq!(pending.open(&text("1.0"), ""), Ok(()));
}

#[test]
fn open_requests_at_the_limit_and_one_past_it() {
    let mut pending = Pending::new(OPEN_REQUESTS);
    let limit = i64::try_from(OPEN_REQUESTS).unwrap();
    for number in 0..limit {
        assert_eq!(pending.open(&Id::Number(number), ()), Ok(()));
    }
    assert_eq!(
        pending.open(&Id::Number(limit), ()),
        Err(Reason::TooManyOpen { limit: OPEN_REQUESTS })
    );
    assert_eq!(pending.answered(&Id::Number(0)), Some(()));
    assert_eq!(pending.open(&Id::Number(limit), ()), Ok(()));
}

#[test]
fn a_cancelled_id_is_not_free_while_its_answer_may_come() {
    let mut pending = Pending::new(1);
    assert_eq!(pending.open(&Id::Number(5), "list"), Ok(()));
    pending.cancel(&Id::Number(5));
    pending.cancel(&Id::Number(5));
    pending.cancel(&Id::Number(6));
    assert!(pending.is_empty());
    assert_eq!(pending.open(&Id::Number(5), "ping"), Err(Reason::IdInUse));
    // It holds no place.
    assert_eq!(pending.open(&Id::Number(6), "call"), Ok(()));
    // The late answer is still known for what it is.
    assert_eq!(pending.answered(&Id::Number(5)), Some("list"));
    assert_eq!(pending.len(), 1);
    assert_eq!(pending.answered(&Id::Number(6)), Some("call"));
    assert_eq!(pending.open(&Id::Number(5), "ping"), Ok(()));
    assert_eq!(pending.answered(&Id::Number(5)), Some("ping"));
    assert!(pending.is_empty());
}

#[test]
fn cancelled_requests_at_the_limit_and_one_past_it() {
    let mut pending = Pending::new(10);
    let limit = i64::try_from(CANCELLED_REQUESTS).unwrap();
    let cancel = |pending: &mut Pending<()>, number: i64| {
        assert_eq!(pending.open(&Id::Number(number), ()), Ok(()));
        pending.cancel(&Id::Number(number));
    };
    for number in 0..limit {
        cancel(&mut pending, number);
    }
    assert!(pending.peek(&Id::Number(0)).is_some());
    cancel(&mut pending, limit);
    assert!(pending.peek(&Id::Number(0)).is_none());
    assert!(pending.peek(&Id::Number(1)).is_some());
    assert_eq!(pending.numbers.len(), CANCELLED_REQUESTS);
    assert_eq!(pending.cancelled.len(), CANCELLED_REQUESTS);
}

#[test]
fn draining_gives_what_somebody_waits_for() {
    let mut pending = Pending::new(10);
    for (id, what) in
        [(Id::Number(1), 'a'), (text("2"), 'b'), (text("x"), 'c'), (Id::Number(9), 'd')]
    {
        assert_eq!(pending.open(&id, what), Ok(()));
    }
    pending.cancel(&Id::Number(9));
    let mut drained = pending.drain();
    drained.sort_by_key(|(_, what)| *what);
    assert_eq!(drained, [(Id::Number(1), 'a'), (text("2"), 'b'), (text("x"), 'c')]);
    assert!(pending.is_empty());
    assert_eq!(pending.answered(&Id::Number(9)), None);
}

#[derive(Debug, Clone)]
enum Step {
    Open(u8),
    Answer(u8),
    Cancel(u8),
}

fn any_step() -> impl Strategy<Value = Step> {
    (0u8..3, 0u8..8).prop_map(|(step, id)| match step {
        0 => Step::Open(id),
        1 => Step::Answer(id),
        _ => Step::Cancel(id),
    })
}

proptest! {
    /// Against a model that never forgets: an answer is matched to the request that is open under its id.
    #[test]
    fn behaves_as_the_model(steps in prop::collection::vec(any_step(), 0..80)) {
        let id = |n: u8| if n < 4 { Id::Number(n.into()) } else { text(&format!("s{n}")) };
        let mut pending = Pending::new(4);
        let mut model: BTreeMap<u8, (usize, bool)> = BTreeMap::new();
        for (turn, step) in steps.into_iter().enumerate() {
            let live = model.values().filter(|(_, cancelled)| !cancelled).count();
            match step {
                Step::Open(n) => {
                    let expected = match (model.contains_key(&n), live) {
                        (true, _) => Err(Reason::IdInUse),
                        (false, 4..) => Err(Reason::TooManyOpen { limit: 4 }),
                        (false, _) => Ok(()),
                    };
                    if expected.is_ok() {
                        model.insert(n, (turn, false));
                    }
                    prop_assert_eq!(pending.open(&id(n), turn), expected);
                }
                Step::Answer(n) => {
                    prop_assert_eq!(pending.answered(&id(n)), model.remove(&n).map(|(turn, _)| turn));
                }
                Step::Cancel(n) => {
                    pending.cancel(&id(n));
                    if let Some(entry) = model.get_mut(&n) {
                        entry.1 = true;
                    }
                }
            }
            prop_assert_eq!(pending.len(), model.values().filter(|(_, cancelled)| !cancelled).count());
        }
    }
}

#[test]
fn requests_are_found_by_what_they_are_about_but_for_cancelled_ones() {
    let mut pending = Pending::new(8);
    for (id, what) in [("a", 1), ("7", 1), ("b", 2), ("c", 1)] {
        pending.open(&Id::String(id.into()), what).unwrap();
    }
    pending.open(&Id::Number(8), 1).unwrap();
    pending.cancel(&Id::String("c".into()));
    let mut found: Vec<String> =
        pending.live(|what| *what == 1).iter().map(ToString::to_string).collect();
    found.sort();
    assert_eq!(found, ["\"7\"", "\"a\"", "8"]);
}
