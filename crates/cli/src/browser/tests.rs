//! What a browser may bring, and what it may not.

use super::*;

fn asked(method: Method, target: &str) -> (StatusCode, Option<String>) {
    let (send, mut codes) = mpsc::channel(1);
    let request = Request::builder().method(method).uri(target).body(()).unwrap();
    let response = answer(&request, "/secret", &send);
    for name in [CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS, REFERRER_POLICY, CACHE_CONTROL] {
        assert!(response.headers().contains_key(&name), "{name}");
    }
    (response.status(), codes.try_recv().ok())
}

#[test]
fn a_code_is_taken_where_it_was_asked_for() {
    assert_eq!(
        asked(Method::GET, "/secret?code=a-B_9"),
        (StatusCode::OK, Some("a-B_9".to_owned()))
    );
    for target in [
        "/?code=a",
        "/other?code=a",
        "/secret",
        "/secret?code=",
        "/secret?code=a%20b",
        "/secret/x?code=a",
        "/secret?mode=a",
    ] {
        assert_eq!(asked(Method::GET, target), (StatusCode::NOT_FOUND, None), "{target}");
    }
    assert_eq!(asked(Method::POST, "/secret?code=a").1, None);
    let long = |chars: usize| asked(Method::GET, &format!("/secret?code={}", "a".repeat(chars))).1;
    assert!(long(MAX_CODE).is_some() && long(MAX_CODE + 1).is_none());
}

#[tokio::test]
async fn the_secret_never_leaves_and_its_hash_does() {
    let waiting = Waiting::open().await.unwrap();
    let callback = waiting.callback();
    assert!(
        callback.starts_with("http://127.0.0.1:") && !callback.contains(waiting.verifier.expose())
    );
    assert_eq!(URL_SAFE_NO_PAD.decode(waiting.challenge()).unwrap().len(), 32);
    assert_ne!(Waiting::open().await.unwrap().path, waiting.path);
}

#[test]
fn only_a_page_is_a_link() {
    for (text, read) in [
        ("https://p.example.com:3080/web/x?a=b#c", "https://p.example.com:3080/web/x?a=b#c"),
        ("HTTPS://P.example.com", "https://p.example.com/"),
        // As it is given away it ends no argument, quotes nothing and steers no terminal.
        ("https://p/a b\u{1b}[2J\u{9b}\u{202e}\"", "https://p/a%20b%1B[2J%C2%9B%E2%80%AE%22"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("http://127.9.9.9/", "http://127.9.9.9/"),
        ("http://localhost/", "http://localhost/"),
        ("http://[::1]:80/", "http://[::1]/"),
    ] {
        assert_eq!(Link::parse(text).unwrap().to_string(), read);
    }
    let long = |bytes: usize| {
        let start = "https://p/";
        Link::parse(&format!("{start}{}", "x".repeat(bytes - start.len())))
    };
    assert!(long(MAX_LINK).is_ok() && long(MAX_LINK + 1).is_err());
}

/// Nothing is launched but a [`Link`].
#[test]
fn what_is_no_page_is_not_opened() {
    for text in [
        "",
        "-aCalculator",
        "--help",
        "/etc/passwd",
        "x.desktop",
        "//host/share",
        "file:///home/u/x.desktop",
        "FILE:///x",
        "smb://host/share",
        "vscode://ms-vscode-remote/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "ssh://host",
        "ms-msdt:/id",
        "https:",
        "http://proxy.example.com/",
        "http://10.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://[::ffff:7f00:1]/",
        "https://idp.example.com@evil.example/",
        "https://a:b@evil.example/",
    ] {
        let refused = Link::parse(text).unwrap_err();
        assert!(refused.message.contains("no link to a page"), "{text:?}: {refused}");
    }
}
