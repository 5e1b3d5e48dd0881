//! Which names are near enough.

use super::*;

const KNOWN: [&str; 6] = ["command", "args", "run_as_host_user", "tools", "uri", "public_addr"];

#[test]
fn the_nearest_name_is_found() {
    let cases = [
        ("comand", Some("command")),
        ("commands", Some("command")),
        ("arg", Some("args")),
        ("tool", Some("tools")),
        ("publicAddr", Some("public_addr")),
        ("run-as-host-user", Some("run_as_host_user")),
        ("run_as_user", None),
        ("url", Some("uri")),
        ("frobnicate", None),
        ("x", None),
        ("", None),
        ("command", None),
    ];
    for (name, expected) in cases {
        assert_eq!(nearest(name, KNOWN), expected, "{name}");
    }
}

#[test]
fn long_names_are_not_compared() {
    let long = "c".repeat(MAX_COMPARED);
    let known = "c".repeat(MAX_COMPARED - 1);
    assert_eq!(nearest(&long, [known.as_str()]), Some(known.as_str()));
    assert_eq!(nearest(&format!("{long}c"), [long.as_str()]), None);
}
