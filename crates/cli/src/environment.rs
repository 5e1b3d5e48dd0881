//! The environment variables that the tools read, in one table. The second spelling is the one that
//! documents written for Teleport use.

/// A variable and its other spelling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    ours: &'static str,
    theirs: &'static str,
}

/// Where `tsh` keeps profiles.
pub(crate) const HOME: Variable = Variable { ours: "TESSERA_HOME", theirs: "TELEPORT_HOME" };
/// The proxy, `host[:port]`.
pub(crate) const PROXY: Variable = Variable { ours: "TESSERA_PROXY", theirs: "TELEPORT_PROXY" };
/// The user.
pub(crate) const USER: Variable = Variable { ours: "TESSERA_USER", theirs: "TELEPORT_USER" };
/// An identity file.
pub(crate) const IDENTITY_FILE: Variable =
    Variable { ours: "TESSERA_IDENTITY_FILE", theirs: "TELEPORT_IDENTITY_FILE" };
/// The auth service, `host:port`.
pub(crate) const AUTH_SERVER: Variable =
    Variable { ours: "TESSERA_AUTH_SERVER", theirs: "TELEPORT_AUTH_SERVER" };
/// The configuration file of the services on this machine.
pub(crate) const CONFIG_FILE: Variable =
    Variable { ours: "TESSERA_CONFIG_FILE", theirs: "TELEPORT_CONFIG_FILE" };
/// What `tctl edit` opens files with.
pub(crate) const EDITOR: Variable = Variable { ours: "TESSERA_EDITOR", theirs: "TELEPORT_EDITOR" };
/// Details in the log of `tsh mcp connect`.
pub(crate) const DEBUG: Variable = Variable { ours: "TESSERA_DEBUG", theirs: "TELEPORT_DEBUG" };
/// The AI client's configuration file.
pub(crate) const MCP_CLIENT_CONFIG: Variable =
    Variable { ours: "TESSERA_MCP_CLIENT_CONFIG", theirs: "TELEPORT_MCP_CLIENT_CONFIG" };
/// How JSON is written into it.
pub(crate) const MCP_CONFIG_JSON_FORMAT: Variable =
    Variable { ours: "TESSERA_MCP_CONFIG_JSON_FORMAT", theirs: "TELEPORT_MCP_CONFIG_JSON_FORMAT" };

// === impl Variable ===

impl Variable {
    /// The value, if it is set and not empty.
    pub(crate) fn read(self) -> Option<String> {
        [self.ours, self.theirs]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Our name for it.
    pub(crate) fn name(self) -> &'static str {
        self.ours
    }
}
