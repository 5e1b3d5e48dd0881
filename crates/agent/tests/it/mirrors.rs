//! Headers that repeat arguments, where a list of the server's has said which do.

use api::Body;
use http::Response;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::http_server::{HttpServer, Seen, text};
use crate::passing::{JSON, legacy, message, register, result};
use crate::passing_modern::stateless;
use crate::web::{Web, modern};

/// A list with a tool that marks an argument.
fn marking(seen: &Seen, others: fn(&Seen) -> Response<Body>) -> Response<Body> {
    let message = message(seen);
    if message["method"] != "tools/list" {
        return others(seen);
    }
    let schema = json!({"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"}, "text": {"type": "string"}}});
    let tools = json!([{"name": "query", "inputSchema": schema}]);
    text(200, JSON, result(&message["id"], &json!({"resultType": "complete", "tools": tools})))
}

#[tokio::test]
async fn say_what_the_arguments_say_whatever_the_server_speaks() {
    for others in [legacy, stateless] {
        let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
        let server = HttpServer::new(move |seen| marking(seen, others)).await;
        register(&cluster, "up", &server).await;
        let web = Web::new(&cluster, "dev", "up").modern("tools/call", Some("query"));
        let call = async |arguments: Value, headers: &[(&'static str, &str)]| {
            let params = json!({"name": "query", "arguments": arguments});
            let message = modern(json!(1), "tools/call", params).to_string();
            let web = headers.iter().fold(web.clone(), |web, (name, value)| web.with(name, value));
            let reply = web.post(&message).await;
            (reply.status.as_u16(), reply.json().await["error"]["code"].clone())
        };
        let fine = (200, Value::Null);
        let eu = json!({"region": "eu", "text": "us"});
        assert_eq!(call(eu.clone(), &[]).await, fine, "nobody knows of a mark yet");
        let list = modern(json!(1), "tools/list", json!({})).to_string();
        let lister = Web::new(&cluster, "dev", "up").modern("tools/list", None);
        assert!(lister.post(&list).await.json().await["result"]["tools"].is_array());
        let before = server.seen().len();
        let mismatch = (400, json!(-32020));
        assert_eq!(call(eu.clone(), &[]).await, mismatch, "none");
        assert_eq!(call(eu.clone(), &[("mcp-param-region", "us")]).await, mismatch, "another");
        assert_eq!(call(json!({}), &[("mcp-param-region", "eu")]).await, mismatch, "of nothing");
        let odd = [("mcp-param-region", "=?base64?!?=")];
        assert_eq!(call(eu.clone(), &odd).await, mismatch, "unreadable");
        assert_eq!(server.seen().len(), before, "none of that was sent");
        assert_eq!(cluster.records.of("TMCP006E").len(), 4);
        assert_eq!(call(eu.clone(), &[("mcp-param-region", "eu")]).await, fine);
        let encoded = [("mcp-param-region", "=?base64?ZXU=?="), ("mcp-param-other", "x")];
        assert_eq!(call(eu, &encoded).await, fine, "and one that nobody knows");
        assert_eq!(call(json!({"region": null}), &[]).await, fine);
    }
}
