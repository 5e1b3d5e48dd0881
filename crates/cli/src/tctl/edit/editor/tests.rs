use super::*;

fn choice(candidates: [&str; 3]) -> String {
    choose(candidates.map(|text| Some(text.to_owned())))
}

#[test]
fn the_first_that_is_set_is_the_editor() {
    assert_eq!(choice(["code --wait", "vim", "nano"]), "code --wait");
    assert_eq!(choice(["", "vim", "nano"]), "vim");
    assert_eq!(choice([" ", "", "nano"]), "nano");
    assert_eq!(choose([None, None, None]), "vi");
}

#[test]
fn a_draft_is_closed_to_others_and_gone_in_the_end() {
    let draft = Draft::new("a: 1\n").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = draft.file.parent().unwrap().to_owned();
    assert_eq!((mode(&draft.file), mode(&directory)), (0o600, 0o700));
    drop(draft);
    assert!(!directory.exists());
}

#[tokio::test]
async fn what_the_editor_writes_is_read_back() {
    let draft = Draft::new("a: 1\n").unwrap();
    assert_eq!(draft.edit("true").await.unwrap().as_deref(), Some("a: 1\n"));
    let edited = draft.edit("sed -i -e 's/1/2 two/'").await.unwrap();
    assert_eq!(edited.as_deref(), Some("a: 2 two\n"));
    let edited = draft.edit("NEW='3 4' sh -c 'echo \"$NEW\" > \"$1\"' sh").await.unwrap();
    assert_eq!(edited.as_deref(), Some("3 4\n"));
    assert_eq!(draft.edit("rm").await.unwrap(), None);
}

#[tokio::test]
async fn an_editor_that_is_asked_to_end_is_gone() {
    let mut editor = Command::new("/bin/sh").arg("-c").arg("exec env sleep 60").spawn().unwrap();
    let started = tokio::time::Instant::now();
    stop(&mut editor).await;
    assert!(editor.try_wait().unwrap().is_some(), "it runs on");
    assert!(started.elapsed() < GRACE);
}

#[tokio::test]
async fn an_editor_that_fails_changes_nothing() {
    let draft = Draft::new("a: 1\n").unwrap();
    let error = draft.edit("sh -c 'echo b > \"$1\"; exit 3' sh").await.unwrap_err();
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    let error = draft.edit("/nonexistent/editor").await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/editor"), "{error}");
}
