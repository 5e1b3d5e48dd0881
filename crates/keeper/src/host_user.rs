//! Accounts of the host: whom a server runs as.

use std::ffi::{CString, OsString};

use nix::unistd::{self, Uid, User};

use crate::fault::Fault;

/// An account to run a server as.
#[derive(Clone, Debug)]
pub struct HostUser {
    pub(crate) name: String,
    pub(crate) home: OsString,
    pub(crate) shell: OsString,
    /// What to take on; absent when this process has exactly the account's rights already, or can
    /// have no others.
    pub(crate) rights: Option<Rights>,
}

/// What a process may do, as the kernel sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

// === impl HostUser ===

impl HostUser {
    /// Finds the account to run as, as seen by this process.
    ///
    /// Root becomes whoever is named, itself included; anybody else can be nobody but itself.
    ///
    /// # Errors
    /// There is no such account, or this process cannot become it.
    pub fn find(name: Option<&str>) -> Result<Self, Fault> {
        let own = Uid::effective();
        let user = match name {
            Some(name) => by_name(name)?,
            None => by_uid(own)?,
        };
        if !own.is_root() && user.uid != own {
            let own = by_uid(own)?.name;
            return Err(Fault::NotRoot { user: user.name, own });
        }
        let rights = if own.is_root() { Some(rights(&user)?) } else { None };
        Ok(Self {
            name: user.name,
            home: user.dir.into_os_string(),
            shell: user.shell.into_os_string(),
            rights,
        })
    }
}

fn by_name(name: &str) -> Result<User, Fault> {
    User::from_name(name)
        .map_err(|errno| Fault::refused("look up a host user", errno.desc()))?
        .ok_or_else(|| Fault::NoSuchUser { user: name.to_owned() })
}

fn by_uid(uid: Uid) -> Result<User, Fault> {
    User::from_uid(uid)
        .map_err(|errno| Fault::refused("look up a host user", errno.desc()))?
        .ok_or_else(|| Fault::NoSuchUser { user: uid.to_string() })
}

/// The account's groups as a login would give them.
fn rights(user: &User) -> Result<Rights, Fault> {
    let refused = |reason: &str| Fault::refused("look up the groups of a host user", reason);
    let name = CString::new(user.name.as_str()).map_err(|error| refused(&error.to_string()))?;
    let groups = unistd::getgrouplist(&name, user.gid).map_err(|errno| refused(errno.desc()))?;
    Ok(Rights {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        groups: groups.into_iter().map(unistd::Gid::as_raw).collect(),
    })
}
