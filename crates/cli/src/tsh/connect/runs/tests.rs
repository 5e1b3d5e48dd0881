use super::*;

fn whole(text: &str) -> Run {
    Run::Lines(Bytes::copy_from_slice(text.as_bytes()))
}

fn take(runs: &mut Runs, text: &str) -> Option<Run> {
    runs.take(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn only_whole_lines_pass_as_they_came() {
    let mut runs = Runs::new(100);
    assert_eq!(take(&mut runs, "one\r\n\ntwo\nthr"), Some(whole("one\r\n\ntwo\n")));
    assert!(runs.is_mid_line());
    assert_eq!(take(&mut runs, "e"), None);
    assert_eq!(take(&mut runs, "e\n"), Some(whole("three\n")));
    assert!(!runs.is_mid_line());
    assert_eq!(runs.next(), None);
    assert_eq!(lines(b"one\r\n\n \t\ntwo").collect::<Vec<_>>(), [b"one", b"two"]);
}

#[test]
fn however_it_is_cut_the_bytes_are_the_same() {
    let text = "a\nbb\n\nccc\r\ndddd\ne";
    for size in 1..text.len() {
        let (mut runs, mut passed) = (Runs::new(100), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            runs.buffer_mut().extend_from_slice(piece);
            while let Some(Run::Lines(lines)) = runs.next() {
                passed.extend_from_slice(&lines);
            }
        }
        assert_eq!(passed, b"a\nbb\n\nccc\r\ndddd\n", "in pieces of {size}");
    }
}

#[test]
fn a_line_that_is_too_long_is_passed_over_once_and_bounded() {
    let mut runs = Runs::new(4);
    assert_eq!(take(&mut runs, "1234"), None);
    assert_eq!(take(&mut runs, "5"), Some(Run::TooLong));
    for _ in 0..100 {
        assert_eq!(take(&mut runs, "67890"), None);
        assert_eq!(runs.buffer_mut().len(), 0);
    }
    assert_eq!(take(&mut runs, "1\nok\n"), Some(whole("ok\n")));
}
