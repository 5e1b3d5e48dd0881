use rustls::pki_types::CertificateDer;

use super::*;
use crate::connection::Peer;

#[test]
fn only_what_the_protocol_needs_travels() {
    let request = Request::post("/mcp/apps/files")
        .header("accept", "application/json")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .header("mcp-session-id", "a.b")
        .header("mcp-param-region", "eu")
        .header("last-event-id", "1-2")
        .header("traceparent", "00-a-b-01")
        .header("authorization", "Bearer secret")
        .header("cookie", "secret")
        .header("tessera-forward-x-api-key", "addressed to the server")
        .header("tessera-evidence", "forged")
        .header("tessera-client-addr", "192.0.2.9:1")
        .header("x-forwarded-for", "192.0.2.9")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let chain = vec![CertificateDer::from(vec![1, 2, 3]), CertificateDer::from(vec![4])];
    let peer = Peer::new("192.0.2.1:4711".parse().unwrap(), chain);
    let mut forwarded =
        Forwarded::new(&request.into_parts().0, Wanted::App("files"), peer.address, &peer.evidence)
            .unwrap();
    let first = forwarded.request(api::empty(), Attempt::OneOfMore);
    let request = forwarded.request(api::empty(), Attempt::Last);
    assert_eq!(first.headers(), request.headers());
    let mut names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "content-encoding",
            "content-type",
            "last-event-id",
            "mcp-param-region",
            "mcp-session-id",
            "tessera-client-addr",
            "tessera-evidence",
            "tessera-forward-x-api-key",
            "traceparent",
        ]
    );
    assert_eq!(request.headers()[EVIDENCE], "AQID,BA==");
    assert_eq!(request.headers()[CLIENT_ADDRESS], "192.0.2.1:4711");
    assert_eq!(request.uri().path(), "/v1/mcp/apps/files");
}

#[test]
fn only_what_names_a_list_of_the_modern_era_may_be_asked_twice() {
    let only_asks = |method: Method, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri("/mcp/apps/files");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        let peer = Peer::new("192.0.2.1:4711".parse().unwrap(), Vec::new());
        Forwarded::new(&head, Wanted::App("files"), peer.address, &peer.evidence)
            .unwrap()
            .only_asks()
    };
    let (modern, list) = (("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list"));
    assert!(only_asks(Method::POST, &[modern, list]));
    assert!(only_asks(Method::POST, &[modern, ("mcp-method", "server/discover")]));
    for method in ["tools/call", "resources/read", "prompts/get", "Tools/List", "tools/list ,x", ""]
    {
        assert!(!only_asks(Method::POST, &[modern, ("mcp-method", method)]), "{method}");
    }
    assert!(!only_asks(Method::GET, &[modern, list]));
    assert!(!only_asks(Method::POST, &[modern]));
    assert!(!only_asks(Method::POST, &[list]));
    assert!(!only_asks(Method::POST, &[("mcp-protocol-version", "2025-06-18"), list]));
    // Of headers that are there twice, an agent refuses the message.
    assert!(!only_asks(Method::POST, &[modern, list, ("mcp-method", "tools/call")]));
    assert!(!only_asks(Method::POST, &[modern, list, ("mcp-method", "tools/list")]));
}
