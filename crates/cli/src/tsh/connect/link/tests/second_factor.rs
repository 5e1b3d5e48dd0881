//! Servers that ask for a second factor at each session.

use super::*;

#[tokio::test]
async fn a_second_factor_is_shown_before_anything_is_said() {
    let needed = |exchange: Exchange| {
        let (name, value) =
            (api::stream_headers::NEEDED, api::stream_headers::NEEDED_SECOND_FACTOR);
        let response = http::Response::builder().header(name, value);
        exchange.answer.send(response.body(api::empty()).unwrap()).unwrap();
        exchange.request.into_body()
    };
    let over = run(true, async |mut user, mut cluster, told| {
        // Nothing was shown: the client is told so, and nothing of what it said has left.
        user.say(INITIALIZE).await;
        let unsaid = needed(cluster.next().await);
        user.is_told_of(
            json!(0),
            &["[MCP_SECOND_FACTOR_REQUIRED]", "everything", "--mfa-mode=otp"],
        )
        .await;
        assert!(unsaid.collect().await.map_or(true, |said| said.to_bytes().is_empty()));
        // With what was shown it is sent, once.
        user.say(INITIALIZE).await;
        let first = cluster.next().await;
        told.say(Ok(cluster.way(b"with a second factor")));
        let unsaid = needed(first);
        let mut far = Far::new(cluster.next().await);
        far.hears(INITIALIZE).await;
        far.say(hello("1")).await;
        assert_eq!(user.hear().await["result"]["serverInfo"]["version"], "1");
        assert!(unsaid.collect().await.map_or(true, |said| said.to_bytes().is_empty()));
        user.say(INITIALIZED).await;
        far.hears(INITIALIZED).await;
        // What one showed is not enough any more: it is not shown again and again.
        user.say(LIST).await;
        far.hears(LIST).await;
        far.end("second-factor", "no more").await;
        user.is_told("list", &["[MCP_SECOND_FACTOR_REQUIRED]", "no more"]).await;
        user.say(CALL).await;
        let _unsaid = needed(cluster.next().await);
        user.is_told("call", &["[MCP_SECOND_FACTOR_REQUIRED]", "everything"]).await;
    });
    assert_eq!(over.await, Over::ByClient);
}
