//! What is remembered, for how long, and what is asked again.

use super::*;

fn table() -> Mutex<HashMap<String, Kept<u32>>> {
    Mutex::default()
}

fn lost() -> Result<Arc<u32>, Error> {
    Err(Error::unavailable("nobody answers"))
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_fresh_for_a_while_and_usable_for_longer() {
    let kept = table();
    assert!(fresh(&kept, "a").is_none() && settle(&kept, "a", lost()).is_err());
    settle(&kept, "a", Ok(Arc::new(1))).unwrap();
    tokio::time::advance(FRESH - Duration::from_secs(1)).await;
    assert_eq!(fresh(&kept, "a").as_deref(), Some(&1));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(fresh(&kept, "a").is_none());
    // A provider that does not answer is believed by what it said last, and not for ever.
    assert_eq!(*settle(&kept, "a", lost()).unwrap(), 1);
    tokio::time::advance(USABLE - FRESH).await;
    assert!(settle(&kept, "a", lost()).is_err());
}

#[tokio::test(start_paused = true)]
async fn keys_are_asked_for_again_now_and_then() {
    let kept = table();
    settle(&kept, "a", Ok(Arc::new(1))).unwrap();
    assert!(!may_ask_again(&kept, "a"));
    tokio::time::advance(AGAIN).await;
    assert!(may_ask_again(&kept, "a"));
    assert!(!may_ask_again(&kept, "a"), "the first who asks is enough");
}

#[tokio::test(start_paused = true)]
async fn so_many_are_remembered() {
    let kept = table();
    for number in 0..=MAX_KEPT {
        settle(&kept, &number.to_string(), Ok(Arc::new(1))).unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(kept.lock().len(), MAX_KEPT);
    assert!(fresh(&kept, "0").is_none() && fresh(&kept, "1").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_is_not_asked_by_everybody() {
    let kept = table();
    settle(&kept, "a", Ok(Arc::new(1))).unwrap();
    tokio::time::advance(FRESH).await;
    assert!(fresh(&kept, "a").is_none());
    settle(&kept, "a", lost()).unwrap();
    assert_eq!(fresh(&kept, "a").as_deref(), Some(&1));
    tokio::time::advance(AGAIN).await;
    assert!(fresh(&kept, "a").is_none());
    tokio::time::advance(USABLE - FRESH - AGAIN - Duration::from_secs(1)).await;
    settle(&kept, "a", lost()).unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(fresh(&kept, "a").is_none(), "it is not believed for longer because it is silent");
}

#[test]
fn a_provider_elsewhere_names_nothing_in_the_clear() {
    check_endpoint("https://idp.example", "https://keys.example/jwks").unwrap();
    check_endpoint("http://127.0.0.1:9", "http://127.0.0.1:9/jwks").unwrap();
    check_endpoint("http://127.0.0.1:9", "https://keys.example/jwks").unwrap();
    for bad in ["http://127.0.0.1:9/jwks", "http://localhost/x", "http://[::1]:1/", "ftp://x/"] {
        check_endpoint("https://idp.example", bad).expect_err(bad);
    }
}

#[tokio::test]
async fn keys_that_are_withdrawn_do_not_count() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/jwks", listener.local_addr().unwrap());
    let key = r#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let known = ForeignKeys::from_json(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).unwrap();
    let providers = Providers::new();
    settle(&providers.keys, &address, Ok(Arc::new(known))).unwrap();
    let serve = async {
        let (mut stream, _peer) = listener.accept().await.unwrap();
        let mut asked = [0; 1024];
        assert_ne!(stream.read(&mut asked).await.unwrap(), 0);
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}";
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(providers.ask_keys(&address), serve);
    outcome.unwrap_err();
    assert!(fresh(&providers.keys, &address).is_none());
}
