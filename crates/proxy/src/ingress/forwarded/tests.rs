use rustls::pki_types::CertificateDer;

use super::*;

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
    let forwarded =
        Forwarded::new(&request.into_parts().0, "files", &peer, &peer.evidence).unwrap();
    let request = forwarded.request(api::empty());
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
