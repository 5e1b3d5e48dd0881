//! The local socket: who is at its other end counts, whatever its mode has become.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use api::{Client, Endpoint, ErrorKind};
use nix::unistd::geteuid;
use runtime::Tasks;

use crate::cluster::{Cluster, refused};

/// Tells a second process of this test where the socket is.
const SOCKET: &str = "AUTH_TEST_SOCKET";
/// The user `nobody` on every system that we know.
const NOBODY: u32 = 65_534;

#[tokio::test]
async fn the_services_own_user_administers() {
    let cluster = Cluster::start().await;
    let who = cluster.admin.who_am_i().await.unwrap();
    assert_eq!(who.kind, "local_admin");
    assert!(who.name.contains(&geteuid().to_string()), "{}", who.name);
}

/// What the second process does; nothing in the first.
#[tokio::test]
async fn another_user_asks() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    assert_eq!(geteuid().as_raw(), NOBODY);
    let client = Client::new(Endpoint::Unix(socket.into()), Tasks::new());
    client.ping().await.expect("the socket can be opened");
    refused(client.who_am_i().await.map(|_| ()), ErrorKind::Unauthenticated);
    let roles = client.list(resource::Kind::Role, resource::Secrets::Redact).await;
    refused(roles, ErrorKind::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_nobody_even_where_the_mode_lets_everybody_in() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let cluster = Cluster::start().await;
    let socket = cluster.dir.path().join(auth::SOCKET_NAME);
    set_permissions(cluster.dir.path(), Permissions::from_mode(0o755)).unwrap();
    set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    // A copy, because the build's directory may be closed to others.
    let program = cluster.dir.path().join("second");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let second = move || {
        Command::new(&program)
            .args(["--exact", "local::another_user_asks", "--nocapture"])
            .env(SOCKET, &socket)
            .stdin(Stdio::null())
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
    };
    let output = tokio::task::spawn_blocking(second).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}
