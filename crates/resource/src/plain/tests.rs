use super::*;

const STEERING: [char; 14] = [
    '\u{0}',
    '\u{7}',
    '\u{8}',
    '\r',
    '\u{1b}',
    '\u{7f}',
    '\u{85}',
    '\u{9b}',
    '\u{9d}',
    '\u{2028}',
    '\u{202e}',
    '\u{2066}',
    '\u{200f}',
    '\u{e0041}',
];

#[test]
fn nothing_that_steers_a_terminal_is_left() {
    for c in STEERING {
        assert_eq!(one_line(&format!("a{c}b")), "a b", "{c:?}");
        assert_eq!(lines(&format!("a{c}b\n\tc")), "a b\n\tc", "{c:?}");
    }
    assert_eq!(one_line("a\n\tb"), "a  b");
}

#[test]
fn words_stay_as_they_are() {
    for text in ["", "lock \"a%b\" — ä", "日本語", "עברית", "می‌خواهم", "👩‍🚀"]
    {
        assert_eq!(one_line(text), text);
        assert_eq!(lines(text), text);
    }
}

#[test]
fn a_text_is_cut_where_it_is_too_long() {
    assert_eq!(short("äbc", 3), "äbc");
    assert_eq!(short("äbcd", 3), "äbc…");
    assert_eq!(short("a\u{1b}b", 3), "a b");
}

#[test]
fn what_hides_is_what_steers_and_what_is_not_seen() {
    assert!(STEERING.into_iter().all(hides));
    for c in ['\u{ad}', '\u{3164}', '\u{200d}', '\u{fff9}', '\u{e0100}', '\u{206a}'] {
        assert!(hides(c), "{c:?}");
    }
    assert!(!"Aä 日本ע-👩".chars().any(hides));
}
