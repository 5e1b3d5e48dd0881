//! Where a workload finds its token.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

fn variables<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    move |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

#[tokio::test]
async fn who_does_not_run_there_is_told_what_is_missing() {
    let cases = [
        (JoinMethodName::Github, "id-token: write"),
        (JoinMethodName::Gitlab, "TBOT_GITLAB_JWT"),
        (JoinMethodName::Kubernetes, "KUBERNETES_TOKEN_PATH"),
    ];
    for (method, word) in cases {
        let set = [("TBOT_GITLAB_JWT", ""), ("KUBERNETES_TOKEN_PATH", "/nowhere/token")];
        let error = workload_token(method, "example", variables(&set)).await.unwrap_err();
        let said = format!("{} {:?}", error.message(), error.hints());
        assert!(said.contains(word), "{said}");
    }
    let none = workload_token(JoinMethodName::Token, "example", variables(&[])).await.unwrap();
    assert!(none.is_none());
}

#[tokio::test]
async fn github_is_asked_for_this_cluster() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/token?api-version=2.0", listener.local_addr().unwrap());
    let served = async move {
        let (mut stream, _peer) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let mut length = 0;
        while !request[..length].ends_with(b"\r\n\r\n") {
            length += stream.read(&mut request[length..]).await.unwrap();
        }
        let body = r#"{"value": "a.b.c", "count": 7}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request[..length].to_vec()).unwrap()
    };
    let set =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", &*address), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3")];
    let asking = workload_token(JoinMethodName::Github, "ex&mple", variables(&set));
    let (token, asked) = tokio::join!(asking, served);
    assert_eq!(token.unwrap().unwrap().expose(), "a.b.c");
    assert!(asked.starts_with("GET /token?api-version=2.0&audience=ex%26mple HTTP/1.1"), "{asked}");
    assert!(asked.contains("authorization: Bearer s3\r\n"), "{asked}");
}
