//! No more space: refused with a reason, nothing half written, and well again when there is space.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::process::Command;

use super::{append, count, line, open, options};
use crate::journal::tail::{Target, WriteError, write_or_undo};
use crate::journal::{Journal, Options};

/// Takes so many bytes and then fails, now and then with an interruption.
#[derive(Default)]
struct Disk {
    content: Vec<u8>,
    space: usize,
    calls: usize,
    stuck: bool,
}

impl Target for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(3) {
            return Err(ErrorKind::Interrupted.into());
        }
        let taken = bytes.len().min(self.space).min(7);
        if taken == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        self.content.extend_from_slice(&bytes[..taken]);
        self.space -= taken;
        Ok(taken)
    }

    fn truncate(&mut self, size: u64) -> io::Result<()> {
        if self.stuck {
            return Err(ErrorKind::StorageFull.into());
        }
        let size = usize::try_from(size).unwrap();
        self.space += self.content.len() - size;
        self.content.truncate(size);
        Ok(())
    }
}

#[test]
fn a_partial_write_is_taken_back() {
    let mut disk = Disk { space: 50, ..Disk::default() };
    assert!(write_or_undo(&mut disk, &line(1), 0).is_ok());
    assert!(write_or_undo(&mut disk, &line(2), 20).is_ok());
    let error = write_or_undo(&mut disk, &line(3), 40).unwrap_err();
    assert!(matches!(&error, WriteError::Undone(e) if e.kind() == ErrorKind::StorageFull));
    assert_eq!(disk.content, [line(1), line(2)].concat());
    disk.space += 10;
    assert!(write_or_undo(&mut disk, &line(3), 40).is_ok());
    assert_eq!(disk.content.len(), 60);
}

#[test]
fn a_partial_write_that_stays_is_told() {
    let mut disk = Disk { space: 10, stuck: true, ..Disk::default() };
    let error = write_or_undo(&mut disk, &line(1), 0).unwrap_err();
    assert!(matches!(&error, WriteError::Torn(e) if e.kind() == ErrorKind::StorageFull));
}

#[test]
fn a_full_device_is_told() {
    let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let error = write_or_undo(&mut &full, &line(1), 0).unwrap_err();
    let (WriteError::Undone(error) | WriteError::Torn(error)) = error;
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

#[test]
fn the_limit_holds_at_limit_and_one_past_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(Options { max_bytes: 240, ..options(directory.path()) }).unwrap();
    append(&journal, 1..=12);
    let error = journal.append(&line(13), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(error.to_string().contains("have reached the limit of 240 bytes"), "{error}");
    assert_eq!(count(&journal), 12);
    drop(journal);

    // Also for one that was full when it was opened; what is shipped makes room.
    let journal = Journal::open(Options { max_bytes: 240, ..options(directory.path()) }).unwrap();
    assert!(journal.append(&line(13), 1).is_err());
    journal.forget(5).unwrap();
    append(&journal, 13..=17);
    assert!(journal.append(&line(18), 1).is_err());
}

/// Tells the child where to write; without it this test process is no child.
const DIRECTORY: &str = "AUDIT_FULL_TEST_DIRECTORY";

/// Runs in a process that may not make files larger than some kilobytes.
#[test]
fn limited_child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let unlimited = Options { segment_bytes: u64::MAX, ..options(directory.as_ref()) };
    let journal = Journal::open(unlimited).unwrap();
    // Three bytes more than a power of two divides: the limit falls into a line.
    let odd = format!("{{\"x\":\"{}\"}}\n", "y".repeat(90));
    let written = (1_u64..).find(|_| journal.append(odd.as_bytes(), 1).is_err()).unwrap() - 1;
    assert!(written > 10, "{written}");
    assert_eq!(journal.last(), written);
    let error = journal.append(odd.as_bytes(), 1).unwrap_err();
    assert!(error.to_string().contains("could not be written to"), "{error}");
    let size = std::fs::metadata(&journal.segments()[0].path).unwrap().len();
    assert_eq!(size, written * u64::try_from(odd.len()).unwrap(), "something half written stayed");
    // A short line still finds its place: the journal is not broken.
    journal.append(b"{}\n", 1).unwrap();
    println!("wrote {}", written + 1);
}

#[test]
fn a_file_that_may_not_grow_keeps_whole_lines() {
    let directory = tempfile::tempdir().unwrap();
    // The signal that comes with the error is ignored, and that is inherited.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "journal::tests::full::limited_child", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said} {}", String::from_utf8_lossy(&child.stderr));
    let wrote = said.lines().find_map(|line| line.split_once("wrote ").map(|(_, n)| n.parse()));
    let wrote: u64 = wrote.expect("the child says how much it wrote").unwrap();
    assert_eq!(open(directory.path()).last(), wrote);
}
