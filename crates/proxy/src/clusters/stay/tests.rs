use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;

use super::*;

fn denied() -> Over {
    Over { reason: "access-denied", message: "a lock".to_owned() }
}

/// A request whose client goes on sending.
fn sending() -> (http_body_util::channel::Sender<Bytes, api::BoxError>, Body) {
    let (send, body) = Channel::new(1);
    (send, api::boxed(body))
}

#[tokio::test]
async fn what_is_sent_ends_with_the_visit_though_nobody_reads_the_answer() {
    let tasks = Tasks::new();
    let (end, over) = oneshot::channel();
    let (mut send, body) = sending();
    let over = async { over.await.unwrap() };
    let (stay, mut upload) = Stay::until(over, &tasks, body);
    let (_answering, answer) = sending();
    let answer = stay.watch(Response::new(answer));
    send.send_data(Bytes::from_static(b"call")).await.unwrap();
    assert_eq!(upload.frame().await.unwrap().unwrap().into_data().unwrap(), "call");
    end.send(denied()).unwrap();
    // Not once is the answer looked at.
    assert!(upload.frame().await.unwrap().is_err());
    assert!(upload.frame().await.is_none());
    drop(answer);
    assert_eq!(tasks.shutdown(Duration::from_secs(5)).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_ends_with_the_visit_of_whatever_length_it_is() {
    let tasks = Tasks::new();
    for known in [true, false] {
        let (end, over) = oneshot::channel();
        let (stay, _upload) = Stay::until(async { over.await.unwrap() }, &tasks, api::empty());
        let body = if known { api::full("all of it") } else { sending().1 };
        let mut body = stay.watch(Response::new(body)).into_body();
        assert_eq!(body.size_hint().exact().is_some(), known);
        end.send(denied()).unwrap();
        // The task tells it.
        while tasks.running().iter().any(|name| name == "proxy.visit") {
            tokio::task::yield_now().await;
        }
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn lines_are_told_why_they_end() {
    let tasks = Tasks::new();
    let (stay, _upload) = Stay::until(std::future::ready(denied()), &tasks, api::empty());
    let (_answering, answer) = sending();
    let mut response = Response::new(answer);
    let lines = HeaderValue::from_static(mcp::framing::STDIO_CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, lines);
    let mut body = stay.watch(response).into_body();
    let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers[END_REASON], "access-denied");
    assert_eq!(trailers[END_MESSAGE], "a%20lock");
}

#[tokio::test]
async fn who_leaves_is_not_watched_any_more() {
    let tasks = Tasks::new();
    let (mut send, body) = sending();
    let (stay, mut upload) = Stay::until(std::future::pending(), &tasks, body);
    send.send_data(Bytes::from_static(b"call")).await.unwrap();
    drop(stay);
    // What was read of it is not sent either.
    assert!(tasks.shutdown(Duration::from_secs(5)).await.is_empty());
    assert!(upload.frame().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_waited_for_as_long_as_nothing_changes() {
    let waited = async |change: Option<Duration>, is_about_it: bool| {
        let (tell, changes) = watch::channel(0);
        let (_trust, trust) = watch::channel(0);
        let begun = Instant::now();
        let change = change.map(|after| begun + after);
        let holds = || !is_about_it || change.is_none_or(|change| Instant::now() < change);
        let happens = async {
            if let Some(change) = change {
                sleep_until(change).await;
                tell.send_replace(1);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = out_of_patience(holds, (changes, trust)) => {}
            () = happens => {}
        }
        begun.elapsed().as_secs()
    };
    assert_eq!(waited(None, true).await, 30);
    assert_eq!(waited(Some(Duration::from_secs(7)), false).await, 30, "it is about somebody else");
    // Who was locked while the question was under way is not waited for.
    assert_eq!(waited(Some(Duration::from_secs(7)), true).await, 9);
    assert_eq!(waited(Some(Duration::ZERO), true).await, 2);
}
