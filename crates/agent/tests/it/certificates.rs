//! Sessions and the certificates of one login that say different things.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::web::Web;

/// A cluster, and two programs of one login at one server: one that may use `echo`, one that may not.
async fn two_of_one_login() -> (Cluster, Web, Web) {
    let cluster = Cluster::start(&[("dev", json!(["*"])), ("reader", json!(["progress"]))]).await;
    let all = Web::new(&cluster, "dev", "files");
    let mut identity = cluster.identity("dev");
    identity.roles = vec!["reader".to_owned()];
    let mut few = all.clone();
    few.evidence = cluster.evidence(&identity);
    (cluster, all, few)
}

fn code(answer: &Value) -> &Value {
    &answer["error"]["code"]
}

#[tokio::test]
async fn who_may_do_less_does_not_get_the_session_of_who_may_do_more() {
    let (cluster, all, few) = two_of_one_login().await;
    let called = all.modern_call(json!(1), "echo").await.json().await;
    assert!(called["result"].is_object(), "{called}");
    let refused = few.modern_call(json!(2), "echo").await.json().await;
    assert_eq!(code(&refused), -32602, "{refused}");
    // And the other way round: nobody loses what they have.
    let called = all.modern_call(json!(4), "echo").await.json().await;
    assert!(called["result"].is_object(), "{called}");
    assert_eq!(cluster.agent.connections(), 2);
}

#[tokio::test]
async fn a_session_is_for_certificates_that_say_what_it_was_begun_with() {
    let (cluster, all, few) = two_of_one_login().await;
    let all = all.start().await;
    assert!(all.call(1, "echo").await.json().await["result"].is_object());
    let mut taken = all.clone();
    taken.evidence.clone_from(&few.evidence);
    assert_eq!(taken.call(2, "echo").await.status, 404, "begun with another certificate");
    assert_eq!(cluster.records.of("TMCP006E").len(), 0, "it is nobody else's");
    let begun = few.start().await;
    assert_eq!(code(&begun.call(4, "echo").await.json().await), -32602);
}
