use std::os::unix::fs::PermissionsExt as _;

use super::{SOCKET_NAME, SocketError, administrator, bind};
use crate::caller::Caller;

#[test]
fn root_and_the_services_own_user_are_administrators() {
    assert!(matches!(administrator(0, 1000), Caller::LocalAdmin { uid: 0 }));
    assert!(matches!(administrator(1000, 1000), Caller::LocalAdmin { uid: 1000 }));
    assert!(matches!(administrator(1001, 1000), Caller::Anonymous));
    assert!(matches!(administrator(1000, 0), Caller::Anonymous));
}

#[tokio::test]
async fn the_socket_is_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let _listener = bind(&data).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join(SOCKET_NAME)), 0o600);
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = bind(dir.path()).unwrap();
    assert!(matches!(bind(dir.path()), Err(SocketError::InUse(_))));
    drop(first);
    bind(dir.path()).unwrap();
}

#[tokio::test]
async fn a_path_that_is_too_long_is_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let error = bind(&dir.path().join("x".repeat(120))).unwrap_err();
    assert!(matches!(error, SocketError::TooLong(_)), "{error}");
}
