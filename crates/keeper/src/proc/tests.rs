use nix::unistd::{Pid, getppid};

use super::{Stat, all, children, parse, some_children, stat};

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

#[test]
fn the_kernels_list_of_children_is_that_of_all_processes() {
    let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let own = Pid::this().as_raw();
    assert!(all().iter().any(|stat| stat.pid == pid && stat.parent == own));
    for children in [children(), some_children()] {
        assert!(children.iter().any(|stat| stat.pid == pid && stat.parent == own));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(some_children().iter().all(|stat| stat.pid != pid));
}
