use super::*;

fn passes(origins: &[&str], public_addr: &str) -> bool {
    let mut headers = HeaderMap::new();
    for origin in origins {
        headers.append(ORIGIN, HeaderValue::from_str(origin).unwrap());
    }
    check(&headers, public_addr).is_ok()
}

#[test]
fn requests_of_no_page_and_of_our_own_pages_pass() {
    assert!(passes(&[], "proxy.example.com:443"));
    assert!(passes(&["https://proxy.example.com"], "proxy.example.com:443"));
    assert!(passes(&["https://Proxy.example.com:3080"], "proxy.example.com:3080"));
}

#[test]
fn requests_of_other_pages_do_not() {
    for origins in [
        &["https://evil.example"][..],
        &["null"],
        &[""],
        &["http://proxy.example.com"],
        &["https://proxy.example.com:444"],
        &["https://proxy.example.com.evil.example"],
        &["https://proxy.example.com", "https://proxy.example.com"],
        &["https://proxy.example.com https://evil.example"],
    ] {
        assert!(!passes(origins, "proxy.example.com:443"), "{origins:?}");
    }
}
