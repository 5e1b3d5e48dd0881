//! Where results may be brought, and by what secret.

use super::*;

#[test]
fn results_go_to_the_callers_own_machine() {
    for fine in [
        "http://127.0.0.1:4711/x",
        "http://127.9.9.9:1/",
        "http://[::1]:4711/x",
        "http://localhost:4711/x",
    ] {
        assert_eq!(check_callback(fine).unwrap(), fine);
    }
    for bad in [
        "",
        "x",
        "https://127.0.0.1:4711/x",
        "http://127.0.0.1/x",
        "http://10.0.0.1:1/",
        "http://[::2]:1/",
        "http://localhost.evil.example:1/",
        "http://user@127.0.0.1:1/",
        "http://127.0.0.1:1/?a=b",
        "http://127.0.0.1:1/#f",
        "http://127.0.0.1.evil.example:1/",
        "javascript:x",
        "http:/127.0.0.1",
    ] {
        check_callback(bad).expect_err(bad);
    }
    let long = |bytes: usize| format!("http://127.0.0.1:1/{}", "x".repeat(bytes - 19));
    check_callback(&long(MAX_CALLBACK)).unwrap();
    check_callback(&long(MAX_CALLBACK + 1)).unwrap_err();
}

#[test]
fn a_challenge_is_a_hash_and_texts_are_bounded() {
    check_challenge(&digest("a secret")).unwrap();
    for bad in ["", "a secret", digest("x").split_at(1).1, "====", &format!("{}A", digest("x"))] {
        check_challenge(bad).expect_err(bad);
    }
    bounded(&"x".repeat(MAX_TOKEN)).unwrap();
    bounded(&"x".repeat(MAX_TOKEN + 1)).unwrap_err();
}
