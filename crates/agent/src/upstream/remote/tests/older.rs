//! Servers of the first revision: a stream of events, and messages posted beside it.

use super::*;

#[tokio::test]
async fn a_server_of_the_first_revision_is_found_and_spoken_to() {
    let streams = Arc::new(Mutex::new(None));
    let held = streams.clone();
    let server = HttpServer::slow(move |seen| {
        let held = held.clone();
        async move {
            match (seen.method.clone(), seen.path.as_str()) {
                (Method::GET, "/mcp") => {
                    let (mut sender, answer) = stream();
                    sender
                        .send_data("event: endpoint\ndata: /messages?s=1\n\n".into())
                        .await
                        .unwrap();
                    *held.lock() = Some(sender);
                    answer
                }
                (Method::POST, "/messages?s=1") => {
                    let mut sender = held.lock().take().unwrap();
                    let id = serde_json::from_slice::<Value>(&seen.body).unwrap()["id"].clone();
                    if !id.is_null() {
                        let answer = format!("event: message\ndata: {}\n\n", result(&id));
                        sender.send_data(answer.into()).await.unwrap();
                    }
                    *held.lock() = Some(sender);
                    text(202, "text/plain", "Accepted")
                }
                _ => text(405, "text/html", "<p>no</p>"),
            }
        }
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.begin().await;
    talk.say(&call(7, "echo"));
    assert_eq!(talk.hear().await["id"], 7);
    assert_eq!(talk.served.target().speech(), Some(Speech::Sse));
    let paths: Vec<String> = server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/mcp", "/mcp", "/messages?s=1", "/messages?s=1", "/messages?s=1"]);
    // The stream is the session.
    drop(streams.lock().take());
    assert!(talk.end().await.unwrap().contains("ended its stream"));
}

#[tokio::test]
async fn what_is_of_no_revision_is_told_as_it_was_first_refused() {
    let server = HttpServer::new(|_| text(404, "text/html", "<p>no such page</p>")).await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.say(&initialize());
    let heard = talk.hear().await;
    let said = heard["error"]["message"].as_str().unwrap();
    assert!(said.contains("no MCP server at the app's address"), "{said}");
    assert_eq!(heard["id"], 1);
}

#[tokio::test]
async fn messages_are_posted_to_no_other_server() {
    let trap = HttpServer::new(|_| text(202, "text/plain", "")).await;
    let there = format!("event: endpoint\ndata: http://{}/messages\n\n", trap.address);
    let server = HttpServer::new(move |_| events(there.clone())).await;
    let mut talk = Talk::with(&server, Dialect::Sse);
    talk.say(&initialize());
    assert!(talk.end().await.unwrap().contains("to another server"));
    assert_eq!(trap.seen().len(), 0);
}
