//! The drop: gives up every right but those of the host user, checks that they are gone, and becomes
//! the server.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{
    self, Gid, Uid, getgroups, getppid, getresgid, getresuid, setgroups, setresgid, setresuid,
    setsid,
};

use crate::args::{DropArgs, ENV_PREFIX};
use crate::fault::Fault;
use crate::host_user::{HostUser, Rights};
use crate::proc;

/// Where commands are looked up when the agent has no `PATH` of its own.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_LANG: &str = "C.UTF-8";
/// Input, output, errors.
const STANDARD_STREAMS: i32 = 3;

/// The entry point of the drop; `args` are those after [`crate::DROP`]. Returns only when
/// the server could not be executed.
#[must_use]
pub fn main_drop(args: Vec<OsString>) -> ExitCode {
    let Ok(args) = DropArgs::read(args) else { return ExitCode::FAILURE };
    // Opened anew, so that it closes when the server is executed.
    let Ok(mut status) = File::options().write(true).open(format!("/proc/self/fd/{}", args.status))
    else {
        return ExitCode::FAILURE;
    };
    let fault = match become_server(&args, &status) {
        Ok(never) => match never {},
        Err(fault) => fault,
    };
    if let Ok(said) = serde_json::to_vec(&fault) {
        // The keeper is gone if this fails.
        _ = status.write_all(&said);
    }
    ExitCode::FAILURE
}

fn become_server(args: &DropArgs, status: &File) -> Result<std::convert::Infallible, Fault> {
    mind_the_keeper(args)?;
    // While there is the right to: accounts may be kept where only root may read. What is opened for
    // it is closed with the rest.
    let user = HostUser::find(args.user.as_deref())?;
    close_inherited(status)?;
    setsid().map_err(refused("start a session"))?;
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    if let Some(rights) = &user.rights {
        drop_rights(rights)?;
        check_rights(rights)?;
    }
    prctl::set_no_new_privs().map_err(refused("renounce new privileges"))?;
    // Again, after the change of user, which resets it.
    mind_the_keeper(args)?;
    let home = enter_home(&user.home)?;
    if let Some(cwd) = &args.cwd {
        env::set_current_dir(cwd).map_err(|error| Fault::of_directory(cwd, &error))?;
    }
    let error = Command::new(&args.command)
        .args(&args.args)
        .env_clear()
        .envs(environment(&user, home))
        .exec();
    Err(Fault::of_exec(&args.command, &error))
}

/// From here on the end of the keeper is the end of this process, whatever it waits for.
fn mind_the_keeper(args: &DropArgs) -> Result<(), Fault> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(refused("watch the keeper"))?;
    if getppid().as_raw() == args.parent {
        Ok(())
    } else {
        Err(Fault::refused("start an MCP server", "its keeper is gone"))
    }
}

/// Closes whatever came along but the standard streams: sockets, stores and logs of the agent are
/// none of the server's business.
fn close_inherited(status: &File) -> Result<(), Fault> {
    let unlistable = |error| Fault::refused("list open files", error);
    let open: Vec<i32> = fs::read_dir("/proc/self/fd")
        .map_err(unlistable)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd >= STANDARD_STREAMS && *fd != status.as_raw_fd())
        .collect();
    for fd in open {
        match unistd::close(fd) {
            // The listing's own descriptor is closed already.
            Ok(()) | Err(Errno::EBADF) => {}
            Err(errno) => return Err(Fault::refused("close inherited files", errno.desc())),
        }
    }
    Ok(())
}

/// Groups first, then the group, then the user: each step needs the rights that the next one gives up.
fn drop_rights(rights: &Rights) -> Result<(), Fault> {
    let groups: Vec<Gid> = rights.groups.iter().copied().map(Gid::from_raw).collect();
    let (uid, gid) = (Uid::from_raw(rights.uid), Gid::from_raw(rights.gid));
    setgroups(&groups).map_err(refused("set supplementary groups"))?;
    setresgid(gid, gid, gid).map_err(refused("set the group"))?;
    setresuid(uid, uid, uid).map_err(refused("set the user"))
}

/// Believes nothing: asks the kernel for what is left, and tries to get back.
fn check_rights(rights: &Rights) -> Result<(), Fault> {
    let step = "drop its rights";
    let (uid, gid) = (Uid::from_raw(rights.uid), Gid::from_raw(rights.gid));
    let uids = getresuid().map_err(refused(step))?;
    let gids = getresgid().map_err(refused(step))?;
    let mut groups: Vec<u32> =
        getgroups().map_err(refused(step))?.into_iter().map(Gid::as_raw).collect();
    let mut wanted = rights.groups.clone();
    for list in [&mut groups, &mut wanted] {
        list.sort_unstable();
        list.dedup();
    }
    let as_wanted = [uids.real, uids.effective, uids.saved].iter().all(|id| *id == uid)
        && [gids.real, gids.effective, gids.saved].iter().all(|id| *id == gid)
        && groups == wanted;
    if !as_wanted {
        return Err(Fault::refused(step, "the kernel kept some of them"));
    }
    if uid.is_root() {
        return Ok(());
    }
    let root = Uid::from_raw(0);
    if setresuid(root, root, root).is_ok() || unistd::seteuid(root).is_ok() {
        return Err(Fault::refused(step, "root could be regained"));
    }
    let own = unistd::getpid().as_raw();
    let none_left = ["CapEff:", "CapPrm:", "CapAmb:"].iter().all(|name| {
        proc::field(own, name).is_some_and(|mask| mask.bytes().all(|digit| digit == b'0'))
    });
    if none_left { Ok(()) } else { Err(Fault::refused(step, "capabilities are left")) }
}

/// Goes to the home directory; an account without a usable one works in the root directory.
fn enter_home(home: &OsStr) -> Result<&OsStr, Fault> {
    let root = OsStr::new("/");
    let home = if Path::new(home).is_absolute() { home } else { root };
    if env::set_current_dir(home).is_ok() {
        return Ok(home);
    }
    env::set_current_dir(root)
        .map_err(|error| Fault::refused("enter the root directory", error))?;
    Ok(home)
}

/// The clean environment, with what the app adds to it.
fn environment(user: &HostUser, home: &OsStr) -> Vec<(OsString, OsString)> {
    let mut variables: Vec<(OsString, OsString)> = vec![
        ("HOME".into(), home.to_owned()),
        ("USER".into(), user.name.clone().into()),
        ("LOGNAME".into(), user.name.clone().into()),
        ("SHELL".into(), user.shell.clone()),
        ("PATH".into(), search_path(env::var_os("PATH"))),
        ("LANG".into(), env::var_os("LANG").unwrap_or_else(|| DEFAULT_LANG.into())),
    ];
    variables.extend(env::vars_os().filter_map(|(name, value)| {
        let name = name.as_bytes().strip_prefix(ENV_PREFIX.as_bytes())?;
        Some((OsStr::from_bytes(name).to_owned(), value))
    }));
    variables
}

/// The directories to look commands up in. Relative ones would mean the server's own directory.
#[must_use]
pub fn search_path(own: Option<OsString>) -> OsString {
    let own = own.unwrap_or_default();
    let absolute = env::split_paths(&own).filter(|directory| directory.is_absolute());
    match env::join_paths(absolute) {
        Ok(path) if !path.is_empty() => path,
        _ => DEFAULT_PATH.into(),
    }
}

fn refused(step: &'static str) -> impl Fn(Errno) -> Fault {
    move |errno| Fault::refused(step, errno.desc())
}
