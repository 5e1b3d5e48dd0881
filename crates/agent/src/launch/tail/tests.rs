use super::{EXCERPT_CHARS, TAIL_BYTES, Tail};
use crate::launch::Outcome;

#[test]
fn only_the_end_is_kept() {
    let mut tail = Tail::default();
    for _ in 0..100 {
        tail.push(&[b'x'; 1000], "app");
    }
    assert_eq!(tail.bytes.len(), TAIL_BYTES);
    tail.push(&vec![b'y'; 3 * TAIL_BYTES], "app");
    assert!(tail.bytes.iter().all(|byte| *byte == b'y'));
    assert!(tail.bytes.capacity() < 8 * TAIL_BYTES);
}

#[test]
fn the_last_words_are_the_servers_and_the_outcome_is_the_keepers() {
    let mut tail = Tail::default();
    let mut written = b"npm error 404\n  \x1b[31mno such package\x1b[0m \n".to_vec();
    Outcome::Exited { code: 1 }.write(&mut written).unwrap();
    for byte in written {
        tail.push(&[byte], "app");
    }
    assert_eq!(tail.outcome(), Some(Outcome::Exited { code: 1 }));
    assert_eq!(tail.last_line().as_deref(), Some("[31mno such package[0m"));
}

#[test]
fn an_excerpt_is_short() {
    let mut tail = Tail::default();
    tail.push("é".repeat(1000).as_bytes(), "app");
    assert_eq!(tail.last_line().unwrap().chars().count(), EXCERPT_CHARS);
    assert_eq!(Tail::default().last_line(), None);
    assert_eq!(Tail::default().outcome(), None);
}
