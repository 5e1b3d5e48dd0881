use super::*;
use crate::{Scratch, census};

fn shell(script: &str) -> Command {
    let mut shell = command("sh");
    shell.args(["-c", script]);
    shell
}

#[test]
fn runs_to_the_end_and_keeps_both_outputs() {
    let done = run(shell("cat; echo talk >&2; exit 3"), b"data", wait::PATIENCE);
    assert_eq!(done.status.code(), Some(3));
    assert_eq!((done.stdout.as_slice(), done.stderr.as_str()), (&b"data"[..], "talk\n"));
}

#[test]
fn a_dropped_process_takes_its_group_with_it() {
    let scratch = Scratch::new();
    let mark = scratch.join("mark");
    let mark = mark.to_str().unwrap();
    let script =
        "trap '' TERM INT HUP; sh -c 'trap \"\" TERM; echo two; sleep 300; :' \"$0\" & wait";
    let mut command = shell(script);
    command.arg(mark);
    let mut process = service(command);
    process.wait_for_output("two", wait::PATIENCE);
    // A shell that is about to start a program is there twice for a moment.
    wait::until("the two shells", wait::PATIENCE, || match census::with_argument(mark) {
        both if both.len() == 2 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    drop(process);
    wait::until("the group's end", wait::PATIENCE, || match census::with_argument(mark) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    });
}

#[test]
#[should_panic(expected = "ended (exit status: 4) without \"ready\"; it wrote:\nno\n")]
fn a_service_that_ends_before_it_is_ready_is_told_at_once() {
    service(shell("echo no; exit 4")).wait_for_output("ready", wait::PATIENCE);
}

#[test]
fn a_process_dies_with_the_thread_that_started_it() {
    let started = thread::spawn(|| {
        let mut process = service(shell("echo up; sleep 300"));
        process.wait_for_output("up", wait::PATIENCE);
        process
    });
    let mut process = started.join().unwrap();
    let status = process.wait(wait::PATIENCE);
    assert!(!status.success());
}

#[test]
#[should_panic(expected = "could not be started")]
fn a_program_that_is_missing_is_named() {
    drop(Process::start(Command::new("/nonexistent/program")));
}
