//! Where values are found, and what is said when they are not.

use super::*;

#[test]
fn files_are_read_without_the_white_space_at_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, " key\nline \n\n").unwrap();
    let given = Given::File(path.display().to_string());
    assert_eq!(find(&given).unwrap().expose(), " key\nline");
}

#[test]
fn what_cannot_be_a_secret_is_refused_without_showing_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let given = Given::File(path.display().to_string());
    assert!(find(&given).unwrap_err().ends_with("entity not found"));
    std::fs::write(&path, vec![b'x'; MAX_BYTES.try_into().unwrap()]).unwrap();
    assert_eq!(find(&given).unwrap().expose().len() as u64, MAX_BYTES);
    for bad in
        [vec![b'Z'; usize::try_from(MAX_BYTES).unwrap() + 1], vec![b'Z', 0, b'Z'], vec![b'Z', 255]]
    {
        std::fs::write(&path, bad).unwrap();
        let said = find(&given).unwrap_err();
        assert!(!said.contains('Z'), "{said}");
    }
    let directory = Given::File(dir.path().display().to_string());
    assert!(find(&directory).unwrap_err().ends_with("it is not a file"));
    let absent = Given::Env("TESSERA_NO_SUCH_VARIABLE".to_owned());
    assert!(find(&absent).unwrap_err().contains("TESSERA_NO_SUCH_VARIABLE"));
}

#[tokio::test]
async fn a_file_that_was_replaced_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, "one").unwrap();
    let supply = Supply::new(Given::File(path.display().to_string()));
    assert_eq!(supply.get().await.unwrap().expose(), "one");
    std::fs::write(&path, "two").unwrap();
    assert_eq!(supply.get().await.unwrap().expose(), "one");
    if let Some((at, _)) = &mut *supply.found.lock() {
        *at = at.checked_sub(FRESH).unwrap();
    }
    assert_eq!(supply.get().await.unwrap().expose(), "two");
    assert!(!format!("{supply:?}").contains("two"));
}
