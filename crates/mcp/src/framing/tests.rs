use proptest::prelude::*;

use super::*;
use crate::limits::Limits;
use crate::message::Message;

/// The lines, and in place of each that was too long what is said about it.
fn lines(reader: &mut LineReader) -> Vec<String> {
    std::iter::from_fn(|| reader.next_line())
        .map(|line| match line {
            Ok(line) => String::from_utf8(line.to_vec()).unwrap(),
            Err(fault) => fault.to_string(),
        })
        .collect()
}

fn read(limit: usize, pushes: &[&str]) -> (Vec<String>, Result<(), LineError>) {
    let mut reader = LineReader::new(limit);
    let mut read = Vec::new();
    for push in pushes {
        reader.push(push.as_bytes());
        read.extend(lines(&mut reader));
    }
    (read, reader.finish())
}

#[test]
fn lines_however_they_arrive() {
    assert_eq!(read(10, &["a\nb\n"]), (vec!["a".to_owned(), "b".to_owned()], Ok(())));
    assert_eq!(
        read(10, &["a", "b", "\n", "c\r", "\nd\r\n"]),
        (vec!["ab".to_owned(), "c".to_owned(), "d".to_owned()], Ok(()))
    );
    assert_eq!(read(10, &["\n\r\n \t\na\n\n"]), (vec!["a".to_owned()], Ok(())));
    assert_eq!(read(10, &["a\rb\n"]), (vec!["a\rb".to_owned()], Ok(())));
    assert_eq!(read(10, &[]), (vec![], Ok(())));
}

#[test]
fn the_end_of_the_stream_ends_no_line() {
    assert_eq!(
        read(10, &["a\nbcd"]),
        (vec!["a".to_owned()], Err(LineError::Unfinished { length: 3 }))
    );
    assert_eq!(read(10, &["a\n  "]), (vec!["a".to_owned()], Ok(())));
}

#[test]
fn length_at_the_limit_and_one_past_it() {
    let long = "a line is longer than 4 bytes".to_owned();
    assert_eq!(
        read(4, &["abcd\n", "abcd\r\n"]),
        (vec!["abcd".to_owned(), "abcd".to_owned()], Ok(()))
    );
    assert_eq!(read(4, &["abcde\nf\n"]), (vec![long.clone(), "f".to_owned()], Ok(())));
    assert_eq!(read(4, &["abcde\r\nf\n"]), (vec![long.clone(), "f".to_owned()], Ok(())));
    // Reported once, as soon as it is certain; the rest is passed over, however long.
    assert_eq!(
        read(4, &["abcd", "ef", "ghij", "klmn\nf\n"]),
        (vec![long.clone(), "f".to_owned()], Ok(()))
    );
    assert_eq!(read(4, &["abcdefgh"]), (vec![long], Ok(())));
    assert_eq!(read(4, &["abcd", "\r", "\n"]), (vec!["abcd".to_owned()], Ok(())));
}

#[test]
fn a_line_without_end_is_not_kept() {
    let mut reader = LineReader::new(1_000);
    for _ in 0..10_000 {
        reader.push(&[b'x'; 100]);
        drop(lines(&mut reader));
        assert!(reader.buffer.len() <= 1_100);
    }
    reader.push(b"\nok\n");
    assert_eq!(lines(&mut reader), ["ok".to_owned()]);

    // The same when the stream writes into the buffer itself.
    let mut reader = LineReader::new(4);
    let mut read = Vec::new();
    for push in ["abcdef", "ghi", "jkl\nmn", "\n"] {
        reader.buffer_mut().extend_from_slice(push.as_bytes());
        read.extend(lines(&mut reader));
    }
    assert_eq!(read, ["a line is longer than 4 bytes".to_owned(), "mn".to_owned()]);
}

#[test]
fn a_message_on_several_lines_becomes_one() {
    // Line by line this is a call that nobody decided on.
    let smuggled = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":\r\n\
        {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"denied\"}}\n}";
    assert!(Message::parse(smuggled.as_bytes(), &Limits::CLIENT).is_ok());
    let line = line(smuggled.as_bytes());
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
    let same = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
    assert_eq!(same(&line), same(smuggled.as_bytes()));
    assert!(matches!(super::line(b"{}"), Cow::Borrowed(b"{}")));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(text in "[ab\r\n ]{0,60}", cuts in prop::collection::vec(0usize..60, 0..6)) {
        let (whole, end) = read(5, &[&text]);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&str> =
            cuts.windows(2).filter_map(|pair| text.get(pair[0]..pair[1])).collect();
        let (pieced, pieced_end) = read(5, &pieces);
        prop_assert_eq!(pieced, whole);
        prop_assert_eq!(pieced_end, end);
    }
}
