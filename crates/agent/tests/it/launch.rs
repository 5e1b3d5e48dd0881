//! Real processes: that servers are started as whom they should be, and that none is left behind.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use agent::launch::{Binary, Ended, Fault, Launcher, Outcome, Process, Program};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::processes::{Mark, wait_until};

const FIXTURE: &str = env!("CARGO_BIN_EXE_agent-fixture");

/// Ignores every signal that can be ignored, forks, daemonises, keeps its output open, never reads.
const STUBBORN: &str = r#"
    trap '' TERM INT HUP QUIT USR1 USR2 PIPE
    (setsid sh -c 'trap "" TERM INT HUP; (sleep 600 & sleep 600) & while :; do sleep 600; done' &)
    sh -c 'setsid setsid sleep 600 & setsid sleep 600 &'
    sleep 600 &
    echo ready
    while :; do sleep 600; done
"#;

fn launcher() -> Launcher {
    Launcher::new(FIXTURE.into()).unwrap()
}

fn program(command: &str, args: &[&str]) -> Program {
    Program {
        command: command.to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        user: None,
        env: Vec::new(),
        cwd: None,
    }
}

fn marked(mark: &Mark, command: &str, args: &[&str]) -> Program {
    Program { env: vec![mark.variable()], ..program(command, args) }
}

async fn start(program: Program) -> Process {
    launcher().start(program).await.unwrap()
}

/// The end of a server that ends by itself.
async fn end(program: Program) -> Ended {
    let mut process = start(program).await;
    process.stdout.read_to_end(&mut Vec::new()).await.unwrap();
    process.end().await
}

/// What a server that reads nothing writes.
async fn output(program: Program) -> String {
    let mut process = start(program).await;
    let mut text = String::new();
    process.stdout.read_to_string(&mut text).await.unwrap();
    assert_eq!(process.end().await.outcome, Outcome::Exited { code: 0 });
    text
}

async fn first_line(process: &mut Process) -> String {
    let mut line = String::new();
    let mut output = BufReader::new(&mut process.stdout);
    let read = output.read_line(&mut line);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("a line").unwrap();
    line
}

fn other_user() -> Option<User> {
    let found = Uid::effective().is_root().then(|| User::from_name("nobody").unwrap()).flatten();
    if found.is_none() {
        eprintln!("skipped: needs root and a user \"nobody\"");
    }
    found
}

#[tokio::test]
async fn a_server_has_our_pipes_and_ends_with_its_input() {
    let mark = Mark::new();
    let mut process = start(marked(&mark, "cat", &[])).await;
    process.stdin.as_mut().unwrap().write_all(b"over and out\n").await.unwrap();
    assert_eq!(first_line(&mut process).await, "over and out\n");
    let ended = process.end().await;
    assert_eq!(ended, Ended { outcome: Outcome::Exited { code: 0 }, last_words: None });
    assert_eq!(mark.alive(), [0_i32; 0]);
}

#[tokio::test]
async fn its_environment_is_clean() {
    let mut wanted = program("env", &[]);
    wanted.env = vec![("API_KEY".to_owned(), "k=1".to_owned())];
    let text = output(wanted).await;
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["API_KEY", "HOME", "LANG", "LOGNAME", "PATH", "SHELL", "USER"], "{text}");
    assert!(text.contains("API_KEY=k=1\n"));
}

#[tokio::test]
async fn variables_for_the_server_mean_nothing_to_its_keeper() {
    let mark = Mark::new();
    let mut wanted = marked(&mark, "sh", &["-c", "echo $LD_BIND_NOW; exec cat"]);
    wanted.env.push(("LD_BIND_NOW".to_owned(), "for the server".to_owned()));
    let mut process = start(wanted).await;
    assert_eq!(first_line(&mut process).await, "for the server\n");
    let environ = std::fs::read(format!("/proc/{}/environ", process.keeper_pid())).unwrap();
    let mut names = environ.split(|byte| *byte == 0);
    assert!(!names.any(|name| name.starts_with(b"LD_")));
    process.end().await;
}

#[tokio::test]
async fn a_server_gets_nothing_of_the_agents_files() {
    let leaked = std::fs::File::open("/dev/null").unwrap();
    nix::fcntl::fcntl(&leaked, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    // The fourth is the listing's own.
    let text = output(program("sh", &["-c", "exec ls /proc/self/fd"])).await;
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn root_drops_to_the_host_user_fully() {
    let Some(user) = other_user() else { return };
    let mut wanted = program("sh", &["-c", "pwd; id -u; id -g; id -G; cat /proc/self/status"]);
    wanted.user = Some(user.name.clone());
    let text = output(wanted).await;
    let mut lines = text.lines();
    // An account without a usable home directory works in the root directory.
    let home = if user.dir.exists() { user.dir.as_path() } else { "/".as_ref() };
    assert_eq!(lines.next(), home.to_str());
    assert_eq!(lines.next(), Some(user.uid.to_string().as_str()));
    assert_eq!(lines.next(), Some(user.gid.to_string().as_str()));
    let groups = Command::new("id").args(["-G", &user.name]).output().unwrap().stdout;
    assert_eq!(lines.next(), Some(String::from_utf8(groups).unwrap().trim_end()));
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    let (uid, gid) = (user.uid, user.gid);
    assert_eq!(field("Uid:"), format!("{uid}\t{uid}\t{uid}\t{uid}"));
    assert_eq!(field("Gid:"), format!("{gid}\t{gid}\t{gid}\t{gid}"));
    for mask in ["CapEff:", "CapPrm:", "CapAmb:"] {
        assert_eq!(field(mask), "0000000000000000");
    }
    assert_eq!(field("NoNewPrivs:"), "1");
}

#[tokio::test]
async fn a_dropped_server_cannot_read_what_only_root_may() {
    let Some(user) = other_user() else { return };
    let secret = tempfile::NamedTempFile::new().unwrap();
    let path = secret.path().to_str().unwrap();
    let ended = end(Program { user: Some(user.name), ..program("cat", &[path]) }).await;
    assert_eq!(ended.outcome, Outcome::Exited { code: 1 });
    assert!(ended.last_words.unwrap().contains("Permission denied"));
    let ended = end(program("cat", &[path])).await;
    assert_eq!(ended.outcome, Outcome::Exited { code: 0 });
}

#[test]
fn who_is_not_root_can_become_nobody_else() {
    let Some(user) = other_user() else { return };
    let keeper = |wanted: &str| {
        let output = Command::new(FIXTURE)
            .args(["__keeper", "--parent", &Pid::this().to_string(), "--user", wanted])
            .args(["--", "true"])
            .uid(user.uid.as_raw())
            .gid(user.gid.as_raw())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let line = keeper("root");
    assert!(line.contains("\"not_root\"") && line.contains("\"own\":\"nobody\""), "{line}");
    let line = keeper(&user.name);
    assert!(line.contains("\"exited\",\"code\":0"), "{line}");
}

#[tokio::test]
async fn why_there_is_no_server_is_told() {
    let fault = async |program: Program| match end(program.clone()).await.outcome {
        Outcome::NotStarted { fault } => {
            // Beforehand it is told in other words why a file cannot be executed.
            let told = Launcher::check(&program).err();
            if !matches!(
                (&told, &fault),
                (Some(Fault::NotExecutable { .. }), Fault::NotExecutable { .. })
            ) {
                assert_eq!(told.as_ref(), Some(&fault));
            }
            fault
        }
        other => panic!("{other:?}"),
    };
    let nobody = Program { user: Some("no-such-user-here".to_owned()), ..program("true", &[]) };
    assert_eq!(fault(nobody).await, Fault::NoSuchUser { user: "no-such-user-here".to_owned() });
    for command in ["no-such-command-here", "/no/such/command"] {
        let fault = fault(program(command, &[])).await;
        assert_eq!(fault, Fault::CommandNotFound { command: command.to_owned() });
    }
    let fault = fault(program("/etc/passwd", &[])).await;
    assert!(matches!(fault, Fault::NotExecutable { .. }), "{fault:?}");
    assert_eq!(Launcher::check(&program("true", &[])), Ok(()));
}

#[tokio::test]
async fn a_server_cannot_forge_its_end() {
    let forged = r#"printf '{"tessera_keeper":{"outcome":"exited","code":0}}' >&2; exit 7"#;
    let ended = end(program("sh", &["-c", forged])).await;
    assert_eq!(ended.outcome, Outcome::Exited { code: 7 });
}

#[tokio::test]
async fn a_server_that_minds_sigterm_may_tidy_up() {
    let mark = Mark::new();
    let polite = "trap 'echo tidy >&2; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    let mut process = start(marked(&mark, "sh", &["-c", polite])).await;
    assert_eq!(first_line(&mut process).await, "ready\n");
    let ended = process.end().await;
    assert_eq!(ended.outcome, Outcome::Exited { code: 5 });
    assert_eq!(ended.last_words.as_deref(), Some("tidy"));
    assert_eq!(mark.alive(), [0_i32; 0]);
}

#[tokio::test]
async fn a_stubborn_server_is_killed_whole() {
    let mark = Mark::new();
    let mut process = start(marked(&mark, "sh", &["-c", STUBBORN])).await;
    assert_eq!(first_line(&mut process).await, "ready\n");
    assert!(mark.alive().len() > 4, "{:?}", mark.alive());
    let ended = process.end().await;
    assert_eq!(ended.outcome, Outcome::Signalled { signal: "SIGKILL".to_owned() });
    assert_eq!(mark.alive(), [0_i32; 0]);
}

#[tokio::test]
async fn what_a_server_leaves_behind_is_killed_with_it() {
    let mark = Mark::new();
    let script = "setsid sh -c 'trap \"\" TERM; sleep 600' & echo left >&2; exit 3";
    let mut process = start(marked(&mark, "sh", &["-c", script])).await;
    // The daemon holds the output: its end is the daemon's end.
    let mut rest = Vec::new();
    process.stdout.read_to_end(&mut rest).await.unwrap();
    let ended = process.end().await;
    assert_eq!(ended.outcome, Outcome::Exited { code: 3 });
    assert_eq!(ended.last_words.as_deref(), Some("left"));
    assert_eq!(mark.alive(), [0_i32; 0]);
}

#[tokio::test]
async fn a_killed_keeper_leaves_nothing() {
    let mark = Mark::new();
    let mut process = start(marked(&mark, "sh", &["-c", STUBBORN])).await;
    assert_eq!(first_line(&mut process).await, "ready\n");
    kill(Pid::from_raw(process.keeper_pid()), Signal::SIGKILL).unwrap();
    assert_eq!(process.end().await.outcome, Outcome::Unknown);
    assert_eq!(mark.alive(), [0_i32; 0]);
}

#[tokio::test]
async fn the_kernel_kills_the_server_of_a_killed_keeper() {
    let mark = Mark::new();
    let (name, value) = mark.variable();
    // A keeper of this process, which sweeps up nothing.
    let mut keeper = Command::new(FIXTURE)
        .args(["__keeper", "--parent", &Pid::this().to_string(), "--"])
        .args(["sh", "-c", "trap '' TERM HUP; while :; do sleep 0.05; done"])
        .env(format!("TESSERA_SERVER_ENV_{name}"), value)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the server is up", || mark.alive().len() > 1).await;
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    wait_until("it is dead", || mark.alive().is_empty()).await;
}

#[tokio::test]
async fn a_forgotten_process_is_ended_too() {
    let mark = Mark::new();
    let mut process = start(marked(&mark, "sh", &["-c", STUBBORN])).await;
    assert_eq!(first_line(&mut process).await, "ready\n");
    drop(process);
    wait_until("all are dead", || mark.alive().is_empty()).await;
}

#[tokio::test]
async fn a_killed_agent_leaves_nothing() {
    let mark = Mark::new();
    let (name, value) = mark.variable();
    let mut agent = Command::new(FIXTURE)
        .args(["hold", "sh", "-c", STUBBORN])
        .env(name, value)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the server is up", || mark.alive().len() > 6).await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    wait_until("all are dead", || mark.alive().is_empty()).await;
}

#[tokio::test]
async fn many_starts_and_ends_leave_no_process_and_no_descriptor() {
    let mark = Mark::new();
    let launcher = launcher();
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    launcher.start(program("true", &[])).await.unwrap().end().await;
    let before = open_files();
    for _ in 0..30 {
        let process = launcher.start(marked(&mark, "cat", &[])).await.unwrap();
        process.end().await;
    }
    assert_eq!(mark.alive(), [0_i32; 0]);
    wait_until("all files are closed", || open_files() <= before).await;
}

#[tokio::test]
async fn a_keeper_in_memory_leaves_nothing_either() {
    let mark = Mark::new();
    let keepers = Binary::in_memory(&std::fs::read(FIXTURE).unwrap()).unwrap();
    let launcher = Launcher::new(keepers).unwrap();
    let mut process = launcher.start(marked(&mark, "sh", &["-c", STUBBORN])).await.unwrap();
    assert_eq!(first_line(&mut process).await, "ready\n");
    let keeper = format!("/proc/{}/exe", process.keeper_pid());
    let made_of = std::fs::read_link(keeper).unwrap();
    assert_eq!(made_of.to_str(), Some("/memfd:mcp-keeper (deleted)"));
    let ended = process.end().await;
    assert_eq!(ended.outcome, Outcome::Signalled { signal: "SIGKILL".to_owned() });
    assert_eq!(mark.alive(), [0_i32; 0]);
    // What the agent keeps open for it is none of the server's.
    let files = program("sh", &["-c", "exec ls /proc/self/fd"]);
    let mut process = launcher.start(files).await.unwrap();
    let mut text = String::new();
    process.stdout.read_to_string(&mut text).await.unwrap();
    assert_eq!(process.end().await.outcome, Outcome::Exited { code: 0 });
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_killed_keeper_in_memory_leaves_nothing() {
    let mark = Mark::new();
    let keepers = Binary::in_memory(&std::fs::read(FIXTURE).unwrap()).unwrap();
    let launcher = Launcher::new(keepers).unwrap();
    let mut process = launcher.start(marked(&mark, "sh", &["-c", STUBBORN])).await.unwrap();
    assert_eq!(first_line(&mut process).await, "ready\n");
    kill(Pid::from_raw(process.keeper_pid()), Signal::SIGKILL).unwrap();
    assert_eq!(process.end().await.outcome, Outcome::Unknown);
    assert_eq!(mark.alive(), [0_i32; 0]);
}

#[tokio::test]
async fn no_more_run_than_may_however_many_are_started_at_once() {
    let launcher = Launcher::bounded(FIXTURE.into(), 2).unwrap();
    let started = (0..6).map(|_| launcher.start(program("cat", &[])));
    let started = futures_util::future::join_all(started).await;
    let (running, refused): (Vec<_>, Vec<_>) = started.into_iter().partition(Result::is_ok);
    assert_eq!(running.len(), 2);
    assert!(refused.iter().all(|fault| matches!(fault, Err(Fault::TooMany { limit: 2 }))));
    for process in running {
        process.unwrap().end().await;
    }
    let again = launcher.start(program("cat", &[])).await;
    again.expect("there is room again").end().await;
}
