use super::*;

#[tokio::test]
async fn what_others_bring_about_is_told_once_and_then_counted() {
    let brief = Brief::new(Diary::None);
    assert_eq!(brief.line("refused").as_deref(), Some("refused"));
    for _ in 0..1_000 {
        assert_eq!(brief.line("refused"), None);
    }
    brief.last.lock().0 = None;
    assert_eq!(brief.line("refused").as_deref(), Some("refused (and 1000 times before)"));
}
