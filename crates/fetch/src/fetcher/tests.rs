//! What is fetched, and what is not.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// A server that answers one request with these bytes; it gives what it was sent.
async fn answering(answer: Vec<u8>) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/path?q=1", listener.local_addr().unwrap()).parse().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a stand-in server of one test, awaited by it")]
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let read = stream.read(&mut asked).await.unwrap();
        asked.truncate(read);
        // The client may have seen enough.
        _ = stream.write_all(&answer).await;
        String::from_utf8(asked).unwrap()
    });
    (url, served)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend(body);
    answer
}

fn fetcher() -> Fetcher {
    Fetcher::new(Egress::default())
}

#[tokio::test]
async fn a_document_is_fetched_and_a_form_is_sent() {
    let (url, served) = answering(answer("200 OK", b"{}")).await;
    let fetched = fetcher().get(&url, HeaderMap::new()).await.unwrap();
    assert_eq!((fetched.status, &fetched.body[..]), (StatusCode::OK, &b"{}"[..]));
    let asked = served.await.unwrap();
    assert!(asked.starts_with("GET /path?q=1 HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.contains(&format!(
            "host: {}",
            &url[url::Position::BeforeHost..url::Position::AfterPort]
        )),
        "{asked}"
    );

    let (url, served) = answering(answer("400 Bad Request", b"no")).await;
    let fetched = fetcher().post_form(&url, HeaderMap::new(), "code=1".to_owned()).await.unwrap();
    assert_eq!(fetched.status, StatusCode::BAD_REQUEST);
    let asked = served.await.unwrap();
    assert!(
        asked.contains("x-www-form-urlencoded") && asked.ends_with("\r\n\r\ncode=1"),
        "{asked}"
    );
}

#[tokio::test]
async fn redirections_are_not_followed() {
    let (url, _served) = answering(answer("302 Found\r\nlocation: http://127.0.0.1:1/", b"")).await;
    let error = fetcher().get(&url, HeaderMap::new()).await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect { .. }), "{error}");
}

#[tokio::test]
async fn answers_are_read_up_to_the_bound() {
    let (url, _served) = answering(answer("200 OK", &vec![b'x'; MAX_BODY])).await;
    assert_eq!(fetcher().get(&url, HeaderMap::new()).await.unwrap().body.len(), MAX_BODY);
    let (url, _served) = answering(answer("200 OK", &vec![b'x'; MAX_BODY + 1])).await;
    let error = fetcher().get(&url, HeaderMap::new()).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let error = fetcher().get(&url, HeaderMap::new()).await.unwrap_err();
    assert!(matches!(error, FetchError::Timeout { .. } | FetchError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn addresses_that_can_only_be_meant_ill_are_not_asked() {
    for text in [
        "https://169.254.169.254/latest",
        "https://[fe80::1]/",
        "http://192.0.2.1/",
        "http://[::ffff:10.0.0.1]/",
    ] {
        let error = fetcher().get(&text.parse().unwrap(), HeaderMap::new()).await.unwrap_err();
        assert!(matches!(error, FetchError::Address { .. }), "{text}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    let (url, _served) =
        answering(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()).await;
    let error = fetcher().get(&url, HeaderMap::new()).await.unwrap_err();
    assert!(matches!(error, FetchError::Connect { .. }), "{error}");
}
