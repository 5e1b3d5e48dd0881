use super::*;

#[test]
fn a_file_that_is_no_identity_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("id_ed25519");
    assert!(refuse_stranger(&path).is_ok());
    std::fs::write(&path, "-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap();
    let refused = refuse_stranger(&path).unwrap_err();
    assert!(refused.message.contains("not an identity file"), "{}", refused.message);
    assert!(refuse_stranger(directory.path()).is_err());
}
