use mcp::definition::{Definition, Shown};

use super::*;

fn book(tools: usize) -> Arc<Book> {
    let book = Book::new(Arc::default());
    let tool = |n: usize| Definition { name: n.to_string().into(), digest: [7; 32] };
    book.saw_all(Shown { tools: (0..tools).map(tool).collect(), more: false });
    Arc::new(book)
}

#[test]
fn every_app_has_its_turn_however_much_another_has_to_tell() {
    // The loud ones always have more to tell than is told at a time, the quiet one stands behind them.
    let loud: Vec<(String, Arc<Book>)> =
        (0..MOST_APPS * 2).map(|n| (format!("a{n:03}"), book(1))).collect();
    let quiet = ("b".to_owned(), book(1));
    let all: Vec<(&str, &Arc<Book>)> =
        loud.iter().chain([&quiet]).map(|(name, book)| (name.as_str(), book)).collect();
    let mut after = String::new();
    let mut rounds = 0;
    loop {
        let news = collect(all.clone(), &after);
        assert!(news.report.apps.len() <= MOST_APPS);
        // Nothing of it is told: it is refused, or comes anew each time.
        after.clone_from(&news.report.apps.last().unwrap().app);
        rounds += 1;
        if news.report.apps.iter().any(|app| app.app == "b") {
            break;
        }
        assert!(rounds < 3);
    }
}

#[test]
fn no_more_is_told_at_a_time_than_is_taken() {
    let all: Vec<(String, Arc<Book>)> =
        (0..MOST_APPS).map(|n| (format!("a{n:03}"), book(4_096))).collect();
    let news = collect(all.iter().map(|(name, book)| (name.as_str(), book)).collect(), "");
    let tools: usize = news.report.apps.iter().map(|app| app.tools.len()).sum();
    assert!((MOST_TOOLS..2 * MOST_TOOLS).contains(&tools), "{tools}");
    news.told();
    let next = collect(all.iter().map(|(name, book)| (name.as_str(), book)).collect(), "a007");
    assert_eq!(next.report.apps.first().unwrap().app, "a008");
}
