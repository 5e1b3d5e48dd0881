use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::{DropArgs, KeeperArgs};

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
        user: Some("mcp".to_owned()),
        cwd: Some("/srv".into()),
        command: "npx".into(),
        args: vec!["--user".into(), "root".into()],
    }
}

#[test]
fn arguments_are_read_as_they_were_written() {
    assert_eq!(KeeperArgs::read(keeper().write()), Ok(keeper()));
    assert_eq!(DropArgs::read(dropping().write()), Ok(dropping()));
    let same = DropArgs { user: None, ..dropping() };
    assert_eq!(DropArgs::read(same.write()), Ok(same));
}

#[test]
fn the_servers_arguments_are_not_read_as_ours() {
    let args = DropArgs::read(dropping().write()).unwrap();
    assert_eq!(args.user.as_deref(), Some("mcp"));
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
