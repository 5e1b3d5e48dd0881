//! Replays the saved corpus: nothing fails that ever failed, and no input takes more than its bounds.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test harness: what is not as expected ends the test"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fuzz::{TARGETS, Target, bound};
use nix::time::{ClockId, clock_gettime};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

fn replay(name: &str) {
    let target = Target::find(name).unwrap();
    let folder = corpus().join(name);
    let files = names(&folder);
    assert!(files.len() >= 10, "hardly anything in {}", folder.display());
    for file in files {
        let path = folder.join(&file);
        let input = std::fs::read(&path).unwrap();
        assert!(input.len() <= bound::INPUT_BYTES, "{} is not run", path.display());
        // Shown when it fails.
        println!("{}", path.display());
        let begun = now();
        let asked = allocation_counter::measure(|| target.run(&input));
        let taken = now() - begun;
        assert!(taken <= bound::CPU, "{file}: {taken:?} on the processor");
        assert!(asked.bytes_total <= bound::ALLOCATED_BYTES, "{file}: {asked:?}");
        assert!(asked.bytes_max <= bound::HELD_BYTES, "{file}: {asked:?}");
    }
}

#[test]
fn every_target_has_a_corpus_and_words() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(&corpus()), targets);
    let words = names(&corpus().join("../words"));
    assert_eq!(words, targets.iter().map(|name| format!("{name}.dict")).collect());
}

#[test]
fn template() {
    replay("template");
}

#[test]
fn expression() {
    replay("expression");
}

#[test]
fn clause() {
    replay("clause");
}

#[test]
fn regex() {
    replay("regex");
}

#[test]
fn role() {
    replay("role");
}

#[test]
fn documents() {
    replay("documents");
}

#[test]
fn envelope() {
    replay("envelope");
}

#[test]
fn list() {
    replay("list");
}

#[test]
fn bridge() {
    replay("bridge");
}

#[test]
fn events() {
    replay("events");
}

#[test]
fn headers() {
    replay("headers");
}

#[test]
fn framing() {
    replay("framing");
}

#[test]
fn saml() {
    replay("saml");
}

#[test]
fn probe() {
    replay("probe");
}
