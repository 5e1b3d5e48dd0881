//! What was appended is there after the process is killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{append, count, line, open, options};
use crate::journal::{Durability, Journal, Options};

/// Tells the child where to write; without it this test process is no child.
const DIRECTORY: &str = "AUDIT_CRASH_TEST_DIRECTORY";

/// Runs in a process of its own, until it is killed: says each line after it was appended. Nothing
/// is forced to disk meanwhile.
#[test]
fn crash_child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let hour = Durability::Interval(Duration::from_secs(3600));
    let options = Options { durability: hour, segment_bytes: 2000, ..options(directory.as_ref()) };
    let journal = Journal::open(options).unwrap();
    for n in 1.. {
        journal.append(&line(n), 1).unwrap();
        println!("appended {n}");
    }
}

#[test]
fn appended_lines_survive_a_kill() {
    for round in 0..3 {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::crash::crash_child", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut last = 0;
        for line in said {
            let Some((_, number)) = line.rsplit_once("appended ") else { continue };
            // The last word may be cut short by the kill.
            last = number.parse::<u64>().map_or(last, |number| number.max(last));
            if last == 300 + round * 50 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(last >= 300, "the child ended after {last}");

        let journal = open(directory.path());
        let kept = count(&journal);
        assert!(kept >= last, "{kept} lines are there, {last} were appended");
        append(&journal, kept + 1..=kept + 1);
    }
}
