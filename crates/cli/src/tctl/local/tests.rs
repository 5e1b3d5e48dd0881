use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use super::*;

fn local(text: &str) -> Result<Local, String> {
    decode_config(&Source::new("tessera.yaml", text)).map_err(|report| report.to_string())
}

fn data_dir_of(text: &str) -> Option<String> {
    let local = local(text).unwrap();
    local.runs_auth.then(|| local.data_dir.display().to_string())
}

#[test]
fn an_auth_service_is_on_where_its_section_is_there() {
    assert_eq!(data_dir_of("auth_service: {}").as_deref(), Some("/var/lib/tessera"));
    assert_eq!(
        data_dir_of("tessera: {data_dir: /srv/t}\nauth_service: {enabled: yes}").as_deref(),
        Some("/srv/t")
    );
    assert_eq!(
        data_dir_of("auth_service: {enabled: on}\nteleport: {data_dir: /srv/t}").as_deref(),
        Some("/srv/t")
    );
}

#[test]
fn an_auth_service_is_off_where_the_file_says_so_or_nothing() {
    assert_eq!(data_dir_of("tessera: {data_dir: /srv/t}\nauth_service: {enabled: no}"), None);
    assert_eq!(data_dir_of("tessera: {data_dir: /srv/t}\nproxy_service: {}"), None);
    assert_eq!(data_dir_of("auth_service:\nproxy_service: {}"), None);
}

#[test]
fn keys_that_only_the_services_know_do_not_disturb() {
    let text = "version: v3\ntessera: {nodename: [1], future: {}}\nauth_service: {x: y}\nz: 1\n";
    assert!(local(text).unwrap().runs_auth);
}

#[test]
fn what_matters_must_be_readable() {
    let error = local("auth_service:\n  enabled: maybe\n").unwrap_err();
    assert!(error.starts_with("tessera.yaml:2:12: auth_service.enabled: "), "{error}");
    assert!(local("- a list\n").is_err());
    assert!(local("auth_service: {\n").is_err());
}

#[test]
fn a_file_must_be_there_only_if_somebody_named_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = |is_named| ConfigFile { path: directory.path().join("none.yaml"), is_named };
    assert_eq!(data_dir(&file(false)).unwrap(), None);
    let error = data_dir(&file(true)).unwrap_err();
    assert!(format!("{error:#}").contains("none.yaml"), "{error:#}");
}

#[test]
fn a_socket_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(directory.path().join(SOCKET_NAME)).unwrap();
    let socket = Socket::find(directory.path()).unwrap();
    assert_eq!(socket.path, directory.path().join(SOCKET_NAME));
    UnixStream::connect(&socket.path).unwrap();
}

#[test]
fn a_socket_behind_a_long_path_is_reached_through_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("x".repeat(120));
    std::fs::create_dir(&long).unwrap();
    // A long path cannot be bound either; the service that did was called from there.
    let here = File::open(&long).unwrap();
    let short = format!("/proc/self/fd/{}/{SOCKET_NAME}", here.as_raw_fd());
    let _listener = UnixListener::bind(short).unwrap();
    let socket = Socket::find(&long).unwrap();
    assert!(socket.directory.is_some());
    UnixStream::connect(&socket.path).unwrap();
}

#[test]
fn without_a_socket_no_service_runs() {
    let directory = tempfile::tempdir().unwrap();
    let Err(Closed::Absent(refused)) = Socket::find(directory.path()) else { panic!() };
    assert!(refused.message.contains("no auth service runs"), "{}", refused.message);
}

#[test]
fn a_closed_directory_is_told_from_an_empty_one() {
    let directory = tempfile::tempdir().unwrap();
    let closed = directory.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    let allow = |mode| std::fs::set_permissions(&closed, PermissionsExt::from_mode(mode)).unwrap();
    allow(0o000);
    let found = Socket::find(&closed);
    allow(0o700);
    match found {
        Err(Closed::NotAllowed(refused)) => assert_eq!(refused.hints.len(), 2),
        // Root enters every directory.
        Err(Closed::Absent(_)) => assert!(nix::unistd::geteuid().is_root()),
        Ok(_) => panic!("there is no socket"),
    }
}
