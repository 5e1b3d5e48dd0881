//! Who may write where a bot keeps things.

use std::fs::Permissions;

use super::*;

#[test]
fn a_directory_is_the_owners_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("a/b");
    prepare(&directory).unwrap();
    let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for mode in [0o770, 0o702, 0o777] {
        std::fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
        let error = prepare(&directory).unwrap_err();
        assert!(error.to_string().contains("others can write"), "{error}");
    }
    std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    prepare(&directory).unwrap();
}

#[test]
fn the_key_of_a_renewal_outlives_the_process_until_it_is_done() {
    let scratch = tempfile::tempdir().unwrap();
    let storage = Storage::Directory(scratch.path().to_owned());
    assert!(storage.pending().unwrap().is_none());
    let key = PrivateKey::generate().unwrap();
    storage.begin(&key).unwrap();
    assert_eq!(storage.pending().unwrap().unwrap().public(), key.public());
    Storage::Memory.begin(&key).unwrap();
    assert!(Storage::Memory.pending().unwrap().is_none());
}
