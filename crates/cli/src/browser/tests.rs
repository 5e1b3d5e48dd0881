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
