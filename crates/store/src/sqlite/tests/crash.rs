//! What was answered is there after the process is killed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;

use super::{key, open};
use crate::{Backend as _, Prefix};

/// Tells the child where to write; without it this test process is no child.
const DIRECTORY: &str = "STORE_CRASH_TEST_DIRECTORY";

/// Runs in a process of its own, until it is killed: says each write after it was answered.
#[tokio::test]
async fn crash_child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let store = open(&Path::new(&directory).join("store.db"));
    for n in 0_u64.. {
        store.create(&key(&n.to_string()), Bytes::from(n.to_string()), None).await.unwrap();
        println!("answered {n}");
    }
}

#[tokio::test]
async fn answered_writes_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::tests::crash::crash_child", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let answered = lines.filter_map(|line| {
        line.rsplit_once("answered ").map(|(_, number)| number.parse::<usize>().unwrap())
    });
    let mut last = 0;
    for number in answered {
        last = number;
        if number == 50 {
            child.kill().unwrap();
            // What is left in the pipe was answered before the kill.
        }
    }
    child.wait().unwrap();
    assert!(last >= 50, "the child ended after {last}");

    let store = open(&directory.path().join("store.db"));
    let kept = store.range(&Prefix::all()).await.unwrap().items.len();
    assert!(kept > last, "{kept} items are there, {last} was answered");
    store.put(&key("after"), Bytes::new(), None).await.unwrap();
}
