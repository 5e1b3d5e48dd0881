use mcp::Limits;
use mcp::message::{Body, Message, Outcome};

use super::*;

fn book() -> Book {
    Book::new(Arc::default())
}

/// Whether there is something to tell afterwards.
fn saw(book: &Book, tools: &str) -> bool {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{tools}]}}}}"#);
    let message = Message::parse(text.as_bytes(), &Limits::SERVER).unwrap();
    let Body::Response(response) = message.body else { panic!("no response") };
    let Outcome::Result(answer) = response.outcome else { panic!("no result") };
    book.saw(answer.raw());
    book.news("app").is_some()
}

fn saw_all(book: &Book, names: &[&str]) {
    book.saw_all(Shown { tools: names.iter().map(|name| definition(name)).collect(), more: false });
}

fn names(app: Option<&SeenApp>) -> Vec<&str> {
    app.iter().flat_map(|app| &app.tools).map(|tool| tool.name.as_str()).collect()
}

fn definition(name: &str) -> Definition {
    Definition { name: name.into(), digest: [7; 32] }
}

#[test]
fn only_news_is_told() {
    let book = book();
    assert!(book.news("app").is_none());
    assert!(saw(&book, r#"{"name":"read"},{"name":"write"}"#));
    let news = book.news("app").unwrap();
    assert_eq!(names(Some(&news)), ["read", "write"]);
    assert_eq!(news.tools[0].digest.len(), 64);
    // Until it was told it is to be told.
    assert_eq!(book.news("app").as_ref(), Some(&news));
    book.told(&news);
    assert!(book.news("app").is_none());
    assert!(!saw(&book, r#"{"name":"read"},{"name":"write"}"#));
    assert!(!saw(&book, r#"{"name":"read"}"#), "another list of the same tools");
    assert!(saw(&book, r#"{"name":"read","description":"x"}"#));
    let changed = book.news("app").unwrap();
    assert_eq!(names(Some(&changed)), ["read"]);
    assert_eq!(changed.tools[0].from.as_ref(), Some(&news.tools[0].digest));
}

#[test]
fn what_comes_while_something_is_told_is_told_afterwards() {
    let book = book();
    saw(&book, r#"{"name":"a"}"#);
    let news = book.news("app").unwrap();
    saw(&book, r#"{"name":"b"}"#);
    book.told(&news);
    assert_eq!(names(book.news("app").as_ref()), ["b"]);
}

#[test]
fn whole_lists_tell_what_is_gone() {
    let book = book();
    saw_all(&book, &["a", "b"]);
    let news = book.news("app").unwrap();
    assert_eq!(news.whole.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    saw_all(&book, &["b"]);
    book.told(&news);
    let news = book.news("app").unwrap();
    assert_eq!((names(Some(&news)), news.whole.clone()), (vec![], Some(vec!["b".to_owned()])));
    book.told(&news);
    saw_all(&book, &["b"]);
    assert!(book.news("app").is_none());
}

#[test]
fn an_app_that_is_registered_anew_is_told_again_and_nothing_is_lost() {
    let book = book();
    saw_all(&book, &["a"]);
    book.begin_anew();
    let news = book.news("app").unwrap();
    assert_eq!((names(Some(&news)), news.whole.is_some()), (vec!["a"], true), "not told before");
    book.told(&news);
    saw_all(&book, &["a"]);
    let news = book.news("app").unwrap();
    assert_eq!(names(Some(&news)), ["a"], "told again");
    book.told(&news);
    book.begin_anew();
    assert!(book.news("app").is_none());
    saw_all(&book, &["a"]);
    let news = book.news("app").unwrap();
    assert_eq!((names(Some(&news)), news.whole.is_some()), (vec!["a"], true));
}

fn many(numbers: std::ops::Range<usize>, text: &str) -> String {
    let tool = |n| format!(r#"{{"name":"{n}","description":"{text}"}}"#);
    numbers.map(tool).collect::<Vec<_>>().join(",")
}

/// Tells everything; gives how many definitions that was, and whether something was missed.
fn tell(book: &Book) -> (usize, bool) {
    let (mut told, mut missed) = (0, false);
    while let Some(news) = book.news("app") {
        assert!(news.tools.len() <= TOLD);
        told += news.tools.len();
        missed |= news.missed;
        book.told(&news);
    }
    (told, missed)
}

#[test]
fn what_does_not_fit_is_never_passed_over_in_silence() {
    // What waits has a bound.
    let book = book();
    saw(&book, &many(0..MOST, ""));
    saw(&book, r#"{"name":"0","description":"x"}"#);
    assert_eq!(tell(&book), (MOST, true), "a change while there was no room");
    saw(&book, r#"{"name":"0","description":"x"}"#);
    assert_eq!(tell(&book), (1, false), "it came again");
    // What is known has one.
    saw(&book, r#"{"name":"one too many"}"#);
    assert_eq!(tell(&book), (0, true));
    // Of one that is known every change is told, whatever else the server offers.
    saw(&book, r#"{"name":"1","description":"poisoned"}"#);
    assert_eq!(tell(&book), (1, false));
    // What is gone makes room.
    saw_all(&book, &["1"]);
    saw(&book, r#"{"name":"one too many"},{"name":"x"}"#);
    assert!(!tell(&book).1);
}

#[test]
fn a_list_that_is_too_long_and_a_name_that_is_hide_nothing() {
    let one = book();
    saw(&one, &many(0..MOST, ""));
    assert_eq!(tell(&one), (MOST, false));
    let other = book();
    saw(&other, &many(0..MOST + 1, ""));
    assert_eq!(tell(&other), (MOST, true));
    let named = book();
    saw(&named, &format!(r#"{{"name":"{}"}}"#, "n".repeat(definition::NAME_BYTES + 1)));
    assert_eq!(tell(&named), (0, true));
    let checked = book();
    checked.saw_all(Shown { tools: vec![definition("a")], more: true });
    assert_eq!(tell(&checked), (1, true));
}
