//! What is remembered, for how long, and what is asked again.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

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

/// Answers one request with a document.
async fn serve(listener: &TcpListener, document: &str) {
    let (mut stream, _peer) = listener.accept().await.unwrap();
    let mut asked = [0; 1024];
    assert_ne!(stream.read(&mut asked).await.unwrap(), 0);
    let length = document.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{document}");
    stream.write_all(answer.as_bytes()).await.unwrap();
}

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

fn entity(name: &str, sso: &str, key: &str) -> String {
    format!(
        "<EntityDescriptor xmlns=\"{METADATA}\" entityID=\"{name}\"><IDPSSODescriptor>{key}\
         <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"{sso}\"/></IDPSSODescriptor></EntityDescriptor>"
    )
}

fn key() -> String {
    let key = pki::RsaKey::generate().unwrap();
    let made = key.certify("idp", time::OffsetDateTime::UNIX_EPOCH).unwrap().to_pem();
    let made: String = made.lines().filter(|line| !line.starts_with('-')).collect();
    format!(
        "<KeyDescriptor><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
         <X509Certificate>{made}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
    )
}

#[tokio::test]
async fn a_saml_provider_that_withdraws_its_keys_is_not_believed_by_its_last() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/metadata", listener.local_addr().unwrap());
    let sso = "http://127.0.0.1:9/sso";
    let (good, bare) = (entity("urn:idp", sso, &key()), entity("urn:idp", sso, ""));
    let other = entity("urn:somebody", sso, &key());
    for (document, counts) in [(bare.as_str(), false), (&other, false), ("<x/>", true), ("", true)]
    {
        let providers = Providers::new();
        let ask = |wish| providers.entity(&address, Some("urn:idp"), wish);
        let (known, ()) = tokio::join!(ask(Wish::Known), serve(&listener, &good));
        assert_eq!(known.unwrap().entity_id, "urn:idp");
        assert!(ask(Wish::Newer).await.is_ok(), "it was asked for just now");
        for kept in providers.entities.lock().values_mut() {
            kept.asked -= AGAIN;
        }
        let (newer, ()) = tokio::join!(ask(Wish::Newer), serve(&listener, document));
        assert_eq!(newer.is_ok(), counts, "{document}");
    }
}

#[test]
fn a_saml_provider_elsewhere_names_no_page_in_the_clear() {
    let key = key();
    let read = |from: &str, sso: &str| {
        read_entity(from, entity("urn:idp", sso, &key).as_bytes(), None).map(drop)
    };
    read("https://idp.example/metadata", "https://login.example/sso").unwrap();
    read("http://127.0.0.1:9/metadata", "http://127.0.0.1:9/sso").unwrap();
    for bad in ["http://127.0.0.1:9/sso", "http://login.example/sso", "javascript:alert(1)", "x"] {
        let refused = read("https://idp.example/metadata", bad).expect_err(bad);
        assert!(matches!(refused, EntityError::Endpoint { .. }), "{bad}: {refused}");
    }
}

#[tokio::test]
async fn keys_that_are_withdrawn_do_not_count() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/jwks", listener.local_addr().unwrap());
    let key = r#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let known = ForeignKeys::from_json(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).unwrap();
    let providers = Providers::new();
    settle(&providers.keys, &address, Ok(Arc::new(known))).unwrap();
    let answered = serve(&listener, "{\"keys\":[]}");
    let (outcome, ()) = tokio::join!(providers.ask_keys(&address), answered);
    outcome.unwrap_err();
    assert!(fresh(&providers.keys, &address).is_none());
}

#[tokio::test]
async fn so_many_strangers_have_somebody_asked() {
    let providers = Providers::new();
    let places: Vec<_> = (0..MAX_STRANGERS).map(|_| providers.place().unwrap()).collect();
    assert_eq!(providers.place().unwrap_err().kind(), ErrorKind::RateLimited);
    drop(places);
    drop(providers.place().unwrap());
}
