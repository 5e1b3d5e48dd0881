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
    // Not a single letter: what is said names the file, whose folder is called at random.
    let secret = b"hunter2";
    let long = secret.repeat(usize::try_from(MAX_BYTES).unwrap() / secret.len() + 1);
    for bad in [long, [&secret[..], &[0]].concat(), [&secret[..], &[255]].concat()] {
        std::fs::write(&path, bad).unwrap();
        let said = find(&given).unwrap_err();
        assert!(!said.contains("hunter"), "{said}");
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

#[test]
fn the_agents_own_keys_are_given_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (own, elsewhere) = (dir.path().join("data"), dir.path().join("data-of-others"));
    std::fs::create_dir_all(own.join("host")).unwrap();
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(own.join("host/key"), "own").unwrap();
    std::fs::write(elsewhere.join("key"), "other").unwrap();
    std::os::unix::fs::symlink(own.join("host/key"), elsewhere.join("link")).unwrap();
    withhold_from_apps(&own).unwrap();
    let read = |path: String| find(&Given::File(path)).map(|found| found.expose().clone());
    assert_eq!(read(elsewhere.join("key").display().to_string()).unwrap(), "other");
    let detour = format!("{}/../data/host/key", elsewhere.display());
    for path in [
        own.join("host/key").display().to_string(),
        elsewhere.join("link").display().to_string(),
        detour,
    ] {
        assert!(read(path).unwrap_err().contains("its own keys"));
    }
}
