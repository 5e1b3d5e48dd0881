//! Over stdio.

use serde_json::{Value, json};
use testkit::{Cluster, Peer, Real, Scratch, process, wait};

use super::attacks::{self, Attack};
use super::{Fooled, Reader, await_refusals};

/// Whom an attack fools when nothing is in between: otherwise a test of it says nothing.
#[test]
fn each_attack_fools_somebody_directly() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    for reader in Reader::ALL {
        let fooled = Fooled::new(&real, reader, scratch.path());
        for attack in attacks::all() {
            fooled.forget();
            let line = [attack.bytes.as_slice(), b"\n"].concat();
            let done = process::run(fooled.stdio().command(), &line, wait::PATIENCE);
            let wiped = fooled.wiped();
            let expected = attack.fools.contains(&reader);
            assert!(
                wiped == expected,
                "{reader:?}, {}: {}\n{}\n{}",
                attack.name,
                if wiped { "it was fooled" } else { "it was not fooled" },
                fooled.log(),
                done.stderr
            );
        }
    }
}

/// Sends an attack and then a ping; gives what came before the ping's answer.
#[track_caller]
fn answers(peer: &mut Peer, attack: &Attack, number: usize) -> Vec<Value> {
    peer.send(&attack.bytes);
    let ping = json!(format!("after-{number}"));
    peer.send(json!({"jsonrpc": "2.0", "id": ping, "method": "ping"}).to_string().as_bytes());
    let mut answers = Vec::new();
    loop {
        let line = peer.next_message();
        let answer: Value = serde_json::from_slice(&line).unwrap();
        if answer.get("id") == Some(&ping) {
            assert!(answer.get("result").is_some(), "{}: {answer}", attack.name);
            return answers;
        }
        answers.push(answer);
    }
}

#[test]
fn nothing_that_could_fool_a_stdio_server_reaches_it() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.tools_role("echoer", &["echo"]);
    let alice = cluster.identity("alice", &["echoer"]);
    for reader in Reader::ALL {
        let fooled = Fooled::new(&real, reader, cluster.scratch().path());
        cluster.app(reader.name(), &fooled.stdio());
        let way = cluster.way(&alice, reader.name());
        let (mut peer, _) = Peer::connect(&way, "2025-06-18", &json!({}));
        let mut refused = 0;
        for (number, attack) in attacks::all().iter().enumerate() {
            let answers = answers(&mut peer, attack, number);
            let [answer] = answers.as_slice() else {
                panic!("{reader:?}, {}: one answer was expected: {answers:?}", attack.name)
            };
            let code = answer.pointer("/error/code").and_then(Value::as_i64);
            assert_eq!(code, attack.code, "{reader:?}, {}: {answer}", attack.name);
            assert!(!fooled.wiped(), "{reader:?}, {}:\n{}", attack.name, fooled.log());
            refused += usize::from(attack.code.is_some());
        }
        // The conversation goes on, and the log is that server's.
        let echoed = peer.request("tools/call", &json!({"name": "echo"}));
        assert!(String::from_utf8_lossy(&echoed).contains("did echo"), "{echoed:?}");
        assert!(fooled.log().contains("did tools/call echo"), "{}", fooled.log());
        await_refusals(&cluster, reader.name(), refused);
    }
}
