use nix::unistd::{Pid, getppid};

use super::{Stat, parse, stat};

#[test]
fn a_name_cannot_forge_the_other_fields() {
    let line = b"42 (a) S 1 1 1 (b) R 7 8 9 0 -1";
    assert_eq!(parse(line), Some(Stat { pid: 42, parent: 7, session: 9 }));
}

#[test]
fn this_process_is_found() {
    let own = stat(Pid::this().as_raw()).unwrap();
    assert_eq!(own.parent, getppid().as_raw());
}

#[test]
fn nonsense_is_nothing() {
    for line in ["", "42", "42 (a)", "42 (a) S", "42 (a) S x y z", ") 42 ("] {
        assert_eq!(parse(line.as_bytes()), None, "{line}");
    }
}
