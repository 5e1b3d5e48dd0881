use std::net::Ipv4Addr;

use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

async fn body(answer: Response<Full<Bytes>>) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_process_is_ready_when_it_is_said_to_be() {
    let diagnostics = Diagnostics::new(Sources::default());
    let status = |path: &str| diagnostics.answer(&Method::GET, path).status();
    assert_eq!(status("/healthz"), 200);
    assert_eq!(status("/readyz"), 503);
    diagnostics.set_ready(true);
    assert_eq!(status("/readyz"), 200);
    diagnostics.set_ready(false);
    assert_eq!(status("/readyz"), 503);
    assert_eq!(status("/"), 404);
    assert_eq!(status("/metrics/"), 404);
    assert_eq!(diagnostics.answer(&Method::POST, "/metrics").status(), 405);
}

#[tokio::test]
async fn a_process_without_services_tells_of_itself() {
    let diagnostics = Diagnostics::new(Sources::default());
    let answer = diagnostics.answer(&Method::GET, "/metrics");
    assert_eq!(answer.headers()[CONTENT_TYPE], OPEN_METRICS);
    let text = body(answer).await;
    assert!(text.contains("\ntessera_build_info{version=\""), "{text}");
    assert!(text.contains("\nprocess_cpu_seconds_total "), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn memory_and_descriptors_are_those_of_the_process() {
    let look = system::System::look();
    let resident = look.resident_bytes.unwrap();
    assert!(resident > 1 << 20 && resident <= look.virtual_bytes.unwrap());
    assert!(look.open_fds.unwrap() >= 3 && look.open_fds <= look.max_fds);
    assert!(look.threads.unwrap() >= 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_holds_a_place() {
    let tasks = Tasks::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let diagnostics = Diagnostics::new(Sources::default());
    tasks.spawn("test.diag", diagnostics.serve(listener, tasks.clone()));
    // Some say nothing, some do not end, some would like to ask again and again.
    let mut held = Vec::new();
    for place in 0..MAX_CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let words: &[u8] = match place % 3 {
            0 => b"",
            1 => b"GET /healthz HTTP/1.1\r\nx: ",
            _ => b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n",
        };
        stream.write_all(words).await.unwrap();
        held.push(stream);
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    for mut stream in held {
        let mut rest = Vec::new();
        // Closed, cleanly or not.
        _ = stream.read_to_end(&mut rest).await;
    }
    tasks.cancel();
}
