use super::*;

fn problems(file: &str, text: &str) -> Vec<String> {
    check(file, text, &["/build/here".to_owned()])
}

#[track_caller]
fn refused(file: &str, text: &str, why: &str) {
    let found = problems(file, text);
    assert!(found.len() == 1 && found[0].contains(why), "{found:?}");
}

#[track_caller]
fn accepted(file: &str, text: &str) {
    assert_eq!(problems(file, text), Vec::<String>::new());
}

#[test]
fn files_are_short() {
    let lines = |count: usize| format!("//! Long.\n{}", "\n".repeat(count - 1));
    accepted("crates/a/src/a.rs", &lines(LONGEST_FILE));
    refused("crates/a/src/a.rs", &lines(LONGEST_FILE + 1), "501 lines");
    refused("crates/a/real/a.py", &lines(LONGEST_FILE + 1), "501 lines");
    accepted("crates/a/testdata/a.rs", &lines(LONGEST_FILE + 1));
    accepted("Cargo.lock", &lines(LONGEST_FILE + 1));
}

#[test]
fn modules_have_names_and_headers() {
    refused("crates/a/src/a/mod.rs", "//! A.", "not `mod.rs`");
    refused("crates/a/src/a.rs", "use std::fmt;", "does not begin with `//!`");
    accepted("crates/a/src/a/tests.rs", "use super::*;");
    accepted("crates/a/tests/it/b.rs", "use a::B;");
}

#[test]
fn nothing_is_left_for_later() {
    let later = ["fn f() { to", "do!() }"].concat();
    refused("crates/a/src/a/tests.rs", &later, "a/tests.rs:1: ");
    let ignored = ["#[", "ignore]"].concat();
    refused("crates/a/src/a/tests.rs", &ignored, "shows nothing");
}

#[test]
fn dependencies_come_from_registries() {
    let package = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n";
    accepted("a/Cargo.toml", &format!("{package}[dependencies]\nb = \"1\""));
    accepted("Cargo.toml", "[workspace]");
    let git = format!("{package}[target.'cfg(unix)'.dependencies]\nb = {{ git = \"https://b\" }}");
    refused("a/Cargo.toml", &git, "comes from git");
    refused("a/Cargo.toml", "[package]\nname = \"a\"", "inherit the workspace's lints");
    refused("Cargo.lock", "source = \"git+https://b#1\"", "not from crates.io");
    accepted("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"");
    let resolved = |host: &str| format!("  \"resolved\": \"{host}/a.tgz\",");
    accepted("x/package-lock.json", &resolved("https://registry.npmjs.org"));
    refused("x/package-lock.json", &resolved("https://mirror.example.com"), "mirror.example.com");
    accepted("x/requirements.txt", "# pinned\na==1.0\n");
    refused("x/requirements.txt", "a>=1.0", ":1: is not NAME==VERSION");
    refused("x/requirements.txt", "--index-url https://mirror.example.com/a==1", "is not NAME");
}

#[test]
fn files_know_nothing_of_the_machine() {
    refused("a.md", "one\nsee /build/here/x", "a.md:2: names a path of this machine");
    refused("a.md", "`/build/here`", "/build/here");
    accepted("a.md", "/build/hereafter /other/build/here");
}
