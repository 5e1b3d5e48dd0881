use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::{DropArgs, KeeperArgs, Rights};

fn keeper() -> KeeperArgs {
    KeeperArgs {
        parent: 7,
        user: Some("mcp".to_owned()),
        cwd: Some("/srv".into()),
        command: "npx".into(),
        args: vec!["--".into(), "--user".into(), OsString::from_vec(vec![0xff, b'a'])],
    }
}

fn dropping() -> DropArgs {
    DropArgs {
        parent: 7,
        status: 3,
        rights: Some(Rights { uid: 1, gid: 2, groups: vec![2, 3] }),
        user: "mcp".to_owned(),
        home: "/home/mcp".into(),
        shell: "/bin/sh".into(),
        cwd: Some("/srv".into()),
        command: "npx".into(),
        args: vec!["--uid".into(), "0".into()],
    }
}

#[test]
fn arguments_are_read_as_they_were_written() {
    assert_eq!(KeeperArgs::read(keeper().write()), Ok(keeper()));
    assert_eq!(DropArgs::read(dropping().write()), Ok(dropping()));
    let same = DropArgs { rights: None, ..dropping() };
    assert_eq!(DropArgs::read(same.write()), Ok(same));
    let alone =
        DropArgs { rights: Some(Rights { uid: 1, gid: 2, groups: Vec::new() }), ..dropping() };
    assert_eq!(DropArgs::read(alone.write()), Ok(alone));
}

#[test]
fn the_servers_arguments_are_not_read_as_ours() {
    let args = DropArgs::read(dropping().write()).unwrap();
    assert_eq!(args.rights.unwrap().uid, 1);
}

#[test]
fn half_of_a_right_is_refused() {
    for left_out in ["--uid", "--gid", "--groups"] {
        let mut args = dropping().write();
        let at = args.iter().position(|arg| arg == left_out).unwrap();
        args.drain(at..at + 2);
        let error = DropArgs::read(args).unwrap_err().to_string();
        assert!(error.contains("is missing"), "{error}");
    }
}

#[test]
fn unknown_and_unfinished_arguments_are_refused() {
    let read = |args: &[&str]| KeeperArgs::read(args.iter().map(OsString::from).collect());
    for args in [
        &["--parent", "1", "--nice", "2", "--", "x"][..],
        &["--parent", "one", "--", "x"],
        &["--parent", "1", "--"],
        &["--parent", "1", "x"],
        &["--", "x"],
        &[],
    ] {
        assert!(read(args).is_err(), "{args:?}");
    }
}
