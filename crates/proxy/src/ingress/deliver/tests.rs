//! Agents that say what they hold and what they do not, in the words of headers.

use crate::ingress::Wanted;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderValue, Request};
use tunnel::{Attachment, Handler};

use super::*;
use crate::connection::Peer;

/// An agent that answers everything in one way, and says its name and how long the message was.
#[derive(Debug)]
struct Agent {
    name: &'static str,
    says: Option<(&'static str, &'static str)>,
}

impl Handler for Agent {
    fn call(&self, request: Request<Body>) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        let (name, says) = (self.name, self.says);
        Box::pin(async move {
            let read = api::collect(request.into_body(), 1_000).await.unwrap();
            let mut response = Response::new(api::full(format!("{name} {}", read.len())));
            if let Some((header, value)) = says {
                response.headers_mut().insert(header, HeaderValue::from_static(value));
            }
            response
        })
    }
}

/// The answer to a message that is sent to these agents in this order.
async fn answer(
    agents: &[(&'static str, Option<(&'static str, &'static str)>)],
    content: Content,
) -> Option<String> {
    let registry = Registry::default();
    let attached: Vec<Attachment> = agents
        .iter()
        .map(|(name, says)| {
            registry.attach((*name).to_owned(), Arc::new(Agent { name, says: *says }))
        })
        .collect();
    let hosts = agents.iter().map(|(name, _)| (*name).to_owned()).collect();
    let forwarded = message("tools/call");
    let response = deliver(&registry, hosts, content, forwarded).await.ok().unwrap()?;
    assert!(
        !response.headers().contains_key(HELD_BY)
            && !response.headers().contains_key(APP_NOT_SERVED)
    );
    let read = api::collect(response.into_body(), 1_000).await.unwrap();
    drop(attached);
    Some(String::from_utf8(read.to_vec()).unwrap())
}

/// What is sent for a request of this method.
fn message(method: &str) -> Forwarded {
    let request = Request::post("/mcp/apps/files")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method);
    let head = request.body(()).unwrap().into_parts().0;
    let peer = Peer::new("192.0.2.1:4711".parse().unwrap(), Vec::new());
    Forwarded::new(&head, Wanted::App("files"), peer.address, &peer.evidence).unwrap()
}

fn held() -> Content {
    Content::Held { bytes: "hello".into(), _room: None }
}

#[tokio::test]
async fn what_is_held_elsewhere_goes_there_whole() {
    let elsewhere = Some((HELD_BY, "c"));
    assert_eq!(answer(&[("a", elsewhere), ("b", None), ("c", None)], held()).await.unwrap(), "c 5");
    // Who was named does not know either, or names one that was asked before.
    let back = Some((HELD_BY, "a"));
    assert_eq!(answer(&[("a", elsewhere), ("c", back)], held()).await.unwrap(), "c 5");
    let gone = Some((APP_NOT_SERVED, "true"));
    assert_eq!(answer(&[("a", elsewhere), ("c", gone)], held()).await.unwrap(), "a 5");
}

#[tokio::test]
async fn nobody_is_asked_who_could_not_have_been_asked_first() {
    for named in ["d", "", "a", "b, c"] {
        let agents = [("a", Some((HELD_BY, named))), ("b", None)];
        assert_eq!(answer(&agents, held()).await.unwrap(), "a 5", "{named}");
    }
    // Bytes that come once are not sent twice.
    let agents = [("a", Some((HELD_BY, "b"))), ("b", None)];
    let once = Content::Stream(Some(api::full("hello")));
    assert_eq!(answer(&agents, once).await.unwrap(), "a 5");
}

#[tokio::test]
async fn an_agent_that_does_not_serve_it_any_more_is_passed_over() {
    let gone = Some((APP_NOT_SERVED, "true"));
    assert_eq!(answer(&[("a", gone), ("b", None)], held()).await.unwrap(), "b 5");
    assert_eq!(answer(&[("a", gone), ("b", gone)], held()).await, None);
    assert_eq!(answer(&[], held()).await, None);
}

/// What becomes of a message to an agent that is silent from the beginning, and after it to one that is not.
async fn past_silence(method: &str, content: Content) -> Result<String, StatusCode> {
    let (registry, tasks) = (Registry::default(), runtime::Tasks::new());
    let (near, _far) = tokio::io::duplex(1 << 20);
    let (own, of_tunnel) = (registry.clone(), tasks.clone());
    tasks.spawn_until_cancelled("test.tunnel", async move {
        _ = own.run_tunnel("silent".to_owned(), near, &of_tunnel, std::future::pending()).await;
    });
    while !registry.is_connected("silent") {
        tokio::task::yield_now().await;
    }
    let attached = registry.attach("b".to_owned(), Arc::new(Agent { name: "b", says: None }));
    let hosts = VecDeque::from(["silent".to_owned(), "b".to_owned()]);
    let outcome = deliver(&registry, hosts, content, message(method)).await;
    drop(attached);
    tasks.cancel();
    match outcome {
        Ok(response) => {
            let read = api::collect(response.unwrap().into_body(), 1_000).await.unwrap();
            Ok(String::from_utf8(read.to_vec()).unwrap())
        }
        Err(refusal) => Err(refusal.into_response().status()),
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_asks_is_asked_of_another_when_an_agent_falls_silent_and_nothing_else_is() {
    let begin = tokio::time::Instant::now();
    assert_eq!(past_silence("tools/list", held()).await.unwrap(), "b 5");
    assert!(begin.elapsed().as_millis() <= 1_100, "{:?}", begin.elapsed());
    // It may have been carried out.
    assert_eq!(past_silence("tools/call", held()).await, Err(StatusCode::BAD_GATEWAY));
    let once = Content::Stream(Some(api::full("hello")));
    assert_eq!(past_silence("tools/list", once).await, Err(StatusCode::BAD_GATEWAY));
}
