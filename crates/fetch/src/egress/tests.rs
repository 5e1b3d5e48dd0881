//! What the rules let through, and every way around them that is known.

use super::*;

fn places(texts: &[&str]) -> Vec<Place> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn rules(allow: &[&str], deny: &[&str]) -> Egress {
    Egress { allow: places(allow), deny: places(deny) }
}

fn is_allowed(egress: &Egress, host: &str, address: &str) -> bool {
    egress.check(host, address.parse().unwrap()).is_ok()
}

#[test]
fn by_default_only_what_can_be_meant_ill_is_refused() {
    let egress = Egress::default();
    for fine in ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "8.8.8.8", "fd00::1", "2001:db8::1"]
    {
        assert!(is_allowed(&egress, "host", fine), "{fine}");
    }
    for bad in [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "febf::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
        // The same under other names.
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
    ] {
        assert!(!is_allowed(&egress, "host", bad), "{bad}");
    }
    for rule in NEVER {
        rule.parse::<Range>().unwrap();
    }
}

#[test]
fn deny_wins_over_allow() {
    let egress = rules(&["10.0.0.0/8", "*.example.com"], &["10.9.0.0/16", "bad.example.com"]);
    assert!(is_allowed(&egress, "10.1.2.3", "10.1.2.3"));
    assert!(!is_allowed(&egress, "10.9.2.3", "10.9.2.3"));
    assert!(!is_allowed(&egress, "::ffff:10.9.2.3", "::ffff:10.9.2.3"));
    assert!(is_allowed(&egress, "a.example.com", "8.8.8.8"));
    assert!(!is_allowed(&egress, "bad.example.com", "8.8.8.8"));
    assert!(!is_allowed(&egress, "BAD.example.com.", "8.8.8.8"));
    assert!(!is_allowed(&egress, "bad.example.com", "10.1.2.3"));
}

#[test]
fn what_is_not_allowed_is_refused_once_anything_is() {
    let egress = rules(&["mcp.example.com", "*.corp.example"], &[]);
    assert!(is_allowed(&egress, "MCP.example.com", "8.8.8.8"));
    assert!(is_allowed(&egress, "a.b.corp.example", "8.8.8.8"));
    for host in ["corp.example", "evilcorp.example", ".corp.example", "example.com", "8.8.8.8"] {
        assert!(!is_allowed(&egress, host, "8.8.8.8"), "{host}");
    }
    // A name that is allowed does not lead where nothing may lead.
    assert!(!is_allowed(&egress, "mcp.example.com", "169.254.169.254"));
}

#[test]
fn only_a_range_opens_what_is_never_connected_to() {
    assert!(is_allowed(&rules(&["169.254.7.0/24"], &[]), "x", "169.254.7.9"));
    assert!(!is_allowed(&rules(&["169.254.7.0/24"], &[]), "x", "169.254.8.9"));
    assert!(!is_allowed(&rules(&["x"], &[]), "x", "169.254.7.9"));
}

#[test]
fn ranges_of_either_version_hold_their_own() {
    let all = rules(&["0.0.0.0/0"], &[]);
    assert!(is_allowed(&all, "x", "1.2.3.4"));
    assert!(!is_allowed(&all, "x", "2001:db8::1"));
    let all = rules(&["::/0"], &[]);
    assert!(is_allowed(&all, "x", "2001:db8::1"));
    assert!(!is_allowed(&all, "x", "1.2.3.4"));
}

#[test]
fn mistakes_are_told() {
    for bad in [
        "",
        "*",
        "a b",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "::ffff:1.2.3.4",
        "x/8",
        "10.0.0",
        "http://x",
        "127.0.0.1:80",
        "10.0.0.0/",
        "fe80::1%eth0",
        "a..b",
        "0x7f000001",
    ] {
        assert!(bad.parse::<Place>().is_err(), "{bad}");
    }
    let error = "10.0.0.1/8".parse::<Place>().unwrap_err().to_string();
    assert!(error.contains("bits behind the length"), "{error}");
}

#[test]
fn refusals_name_the_rule() {
    let refused = |egress: Egress, host: &str, address: &str| {
        egress.check(host, address.parse().unwrap()).unwrap_err().to_string()
    };
    let said = refused(Egress::default(), "meta.example", "169.254.169.254");
    assert!(said.contains("meta.example (169.254.169.254)"), "{said}");
    assert!(said.contains("169.254.0.0/16"), "{said}");
    let said = refused(rules(&[], &["10.0.0.0/8"]), "10.0.0.1", "10.0.0.1");
    assert_eq!(said, "10.0.0.1 is denied by the egress rules of this agent (10.0.0.0/8)");
}
