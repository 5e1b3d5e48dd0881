use super::*;

#[track_caller]
fn ok(text: &str, expected: &str) {
    assert_eq!(local_part(text).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(local_part(text), Err(expected), "{text}");
}

#[test]
fn plain_addresses() {
    ok("bob@example.com", "bob");
    ok("first.last@example.com", "first.last");
    ok("bob+tag@example.com", "bob+tag");
    ok("bob@localhost", "bob");
    ok("jürgen@exämple.com", "jürgen");
    ok(" bob@example.com ", "bob");
    ok("bob@ example.com", "bob");
    ok("a!#$%&'*+-/=?^_`{|}~b@x", "a!#$%&'*+-/=?^_`{|}~b");
}

#[test]
fn display_names_comments_and_groups() {
    ok("Bob <bob@example.com>", "bob");
    ok("<bob@example.com>", "bob");
    ok("\"Bob, the builder\" <bob@example.com>", "bob");
    ok("Bob Q. Public <bob@example.com>", "bob");
    ok("bob@example.com (Bob (the) Builder)", "bob");
    ok("Bob (comment) Builder <bob@example.com>", "bob");
    ok("=?utf-8?q?J=C3=B6rg?= <joerg@example.com>", "joerg");
    ok("Team: bob@example.com;", "bob");
}

#[test]
fn quoted_local_parts() {
    ok("\"john doe\"@example.com", "john doe");
    ok("\"a\\\"b\"@example.com", "a\"b");
    ok("\"a@b\"@example.com", "a");
    refused("\"\"@example.com", "missing '@' or angle-addr");
    refused("\"open@example.com", "missing word in phrase");
}

#[test]
fn domain_literals() {
    ok("bob@[127.0.0.1]", "bob");
    ok("bob@[::1]", "bob");
    refused("<bob@[nonsense]>", "invalid IP address in domain-literal");
    refused("<bob@[127.0.0.1>", "unclosed domain-literal");
}

#[test]
fn refusals() {
    refused("", "no address");
    refused("   ", "no address");
    refused("bob", "missing '@' or angle-addr");
    refused("Full Name", "no angle-addr");
    refused("bob@", "missing '@' or angle-addr");
    refused("<bob@>", "invalid string");
    refused("@example.com", "missing word in phrase");
    refused("bob@example.com, eve@example.com", "expected a single address");
    refused("bob@example.com eve", "expected a single address");
    refused("<.bob@example.com>", "leading dot in atom");
    refused("<bo..b@example.com>", "double dot in atom");
    refused("<bob.@example.com>", "trailing dot in atom");
    refused("Bob <bob@example.com", "unclosed angle-addr");
    refused("bob@example.com (open", "misformatted parenthetical comment");
    refused("Team: ;", "empty group");
    refused("Team: a@x, b@x;", "group with multiple addresses");
    refused("Team: a@x b@x;", "expected comma");
    refused("=?koi8-r?q?x?= <bob@example.com>", "missing word in phrase");
    refused("<bob@@example.com>", "invalid string");
    refused("bob@exam ple.com", "expected a single address");
    refused("b\u{7f}b@example.com", "missing '@' or angle-addr");
}
