use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{MAX_BYTES, SecretFileError, read, write};

#[test]
fn a_secret_is_for_its_owner_only_and_replaced_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    fs::write(&path, "old and readable").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    write(&path, b"new").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(read(&path).unwrap().as_str(), "new");
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file is left");
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    write(&path, b"secret").unwrap();
    for mode in [0o640, 0o604, 0o620, 0o644] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, SecretFileError::Permissions { mode: m, .. } if m == mode));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(read(&path).is_ok());
}

#[test]
fn failures_name_the_file_and_leave_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/such/key");
    assert!(read(&missing).unwrap_err().to_string().contains("no/such/key"));
    assert!(write(&missing, b"x").unwrap_err().to_string().contains("no/such/key"));
    // A directory in the way: the rename fails after the content is written.
    let taken = directory.path().join("taken");
    fs::create_dir(&taken).unwrap();
    assert!(write(&taken, b"x").is_err());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn the_size_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let limit = usize::try_from(MAX_BYTES).unwrap();
    write(&path, &vec![b'x'; limit]).unwrap();
    assert!(read(&path).is_ok());
    write(&path, &vec![b'x'; limit + 1]).unwrap();
    assert!(matches!(read(&path), Err(SecretFileError::TooLarge { .. })));
}
