use super::*;

fn answer(message: &str, hints: &[String]) -> Error {
    let body = serde_json::json!({
        "error": {"kind": "denied", "message": message, "hints": hints}
    });
    Error::from_answer(StatusCode::FORBIDDEN, body.to_string().as_bytes())
}

#[test]
fn an_answer_does_not_steer_a_terminal() {
    let error =
        answer("\u{1b}]52;c;eA==\u{7}\u{1b}[2Jno", &["do\u{9b}2J\u{202e} this\n".to_owned()]);
    assert_eq!(error.message(), " ]52;c;eA==  [2Jno");
    assert_eq!(error.hints(), ["do 2J  this "]);
    let spoken = r#"{"jsonrpc":"2.0","error":{"code":1,"message":"\u001b[2Jno"}}"#;
    let error = Error::from_answer(StatusCode::FORBIDDEN, spoken.as_bytes());
    assert_eq!(error.message(), " [2Jno");
}

#[test]
fn no_line_of_an_answer_begins_like_one_of_ours() {
    let error = answer("role.yaml:1:1: no\r\nhint: do this\n", &[]);
    assert_eq!(error.message(), "role.yaml:1:1: no\n  hint: do this");
}

#[test]
fn an_answer_is_repeated_as_far_as_somebody_would_read() {
    let (fits, long) = ("x".repeat(MAX_MESSAGE), "x".repeat(MAX_MESSAGE + 1));
    assert_eq!(answer(&fits, &[]).message(), fits);
    assert_eq!(answer(&long, &[]).message(), format!("{fits}…"));
    let lines = format!("{fits}\nmore");
    assert_eq!(answer(&lines, &[]).message(), fits);
    let (fits, long) = ("y".repeat(MAX_HINT), "y".repeat(MAX_HINT + 1));
    let hints = vec![long; MAX_HINTS + 1];
    let error = answer("no", &hints);
    assert_eq!(error.hints(), vec![format!("{fits}…"); MAX_HINTS]);
    assert_eq!(answer("no", &hints[..MAX_HINTS]).hints().len(), MAX_HINTS);
}
