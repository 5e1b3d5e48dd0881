//! The kinds of resources, their names, and the sentences that tell what became of one.

use std::fmt;

use crate::report::quoted;
use crate::suggest::nearest;

/// What sort of thing a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An MCP server.
    App,
    /// An agent's live record that it serves an app.
    AppServer,
    /// What its holders may reach.
    Role,
    /// A person or a program with roles.
    User,
    /// What a service shows to join the cluster.
    Token,
    /// Who or what is shut out.
    Lock,
    /// Keys that sign identities.
    CertAuthority,
    /// How people sign in.
    ClusterAuthPreference,
    /// A proxy's live record.
    Proxy,
    /// A connector to an OpenID Connect provider.
    Oidc,
    /// A connector to a SAML provider.
    Saml,
    /// A connector to GitHub.
    Github,
    /// Whose tokens let clients in to which apps.
    AppAuthConfig,
    /// An app service's live record of what it was told to serve.
    Agent,
    /// A program with roles of its own.
    Bot,
    /// A cluster whose users may come here.
    TrustedCluster,
    /// A cluster where users of this one may go.
    RemoteCluster,
    /// What a person granted a client without a certificate.
    OauthGrant,
}

/// The names of a kind.
struct Names {
    kind: Kind,
    /// In documents and references.
    name: &'static str,
    plural: &'static str,
    /// Other spellings in references.
    aliases: &'static [&'static str],
    /// In sentences.
    display: &'static str,
    /// The version that documents of the kind are printed with.
    version: &'static str,
}

const NAMES: [Names; 18] = [
    Names {
        kind: Kind::App,
        name: "app",
        plural: "apps",
        aliases: &["application", "applications"],
        display: "application",
        version: "v3",
    },
    Names {
        kind: Kind::AppServer,
        name: "app_server",
        plural: "app_servers",
        aliases: &["appserver", "appservers"],
        display: "application server",
        version: "v3",
    },
    Names {
        kind: Kind::Role,
        name: "role",
        plural: "roles",
        aliases: &[],
        display: "role",
        version: "v8",
    },
    Names {
        kind: Kind::User,
        name: "user",
        plural: "users",
        aliases: &[],
        display: "user",
        version: "v2",
    },
    Names {
        kind: Kind::Token,
        name: "token",
        plural: "tokens",
        aliases: &["provision_token", "provision_tokens", "join_token", "join_tokens"],
        display: "provision_token",
        version: "v2",
    },
    Names {
        kind: Kind::Lock,
        name: "lock",
        plural: "locks",
        aliases: &[],
        display: "lock",
        version: "v2",
    },
    Names {
        kind: Kind::CertAuthority,
        name: "cert_authority",
        plural: "cert_authorities",
        aliases: &["ca", "cas", "cert_authoritys"],
        display: "certificate authority",
        version: "v2",
    },
    Names {
        kind: Kind::ClusterAuthPreference,
        name: "cluster_auth_preference",
        plural: "cluster_auth_preferences",
        aliases: &["cap", "auth_preference", "cluster_authentication_preference"],
        display: "cluster auth preference",
        version: "v2",
    },
    Names {
        kind: Kind::Proxy,
        name: "proxy",
        plural: "proxies",
        aliases: &[],
        display: "proxy",
        version: "v2",
    },
    Names {
        kind: Kind::Oidc,
        name: "oidc",
        plural: "oidc_connectors",
        aliases: &["oidc_connector", "oidcs"],
        display: "authentication connector",
        version: "v3",
    },
    Names {
        kind: Kind::Saml,
        name: "saml",
        plural: "saml_connectors",
        aliases: &["saml_connector", "samls"],
        display: "authentication connector",
        version: "v2",
    },
    Names {
        kind: Kind::Github,
        name: "github",
        plural: "github_connectors",
        aliases: &["github_connector", "githubs"],
        display: "authentication connector",
        version: "v3",
    },
    Names {
        kind: Kind::AppAuthConfig,
        name: "app_auth_config",
        plural: "app_auth_configs",
        aliases: &["appauthconfig", "appauthconfigs"],
        display: "App auth config",
        version: "v1",
    },
    Names {
        kind: Kind::Agent,
        name: "agent",
        plural: "agents",
        aliases: &[],
        display: "agent",
        version: "v1",
    },
    Names {
        kind: Kind::Bot,
        name: "bot",
        plural: "bots",
        aliases: &[],
        display: "bot",
        version: "v1",
    },
    Names {
        kind: Kind::TrustedCluster,
        name: "trusted_cluster",
        plural: "trusted_clusters",
        aliases: &["tc", "cluster", "clusters"],
        display: "trusted cluster",
        version: "v2",
    },
    Names {
        kind: Kind::RemoteCluster,
        name: "remote_cluster",
        plural: "remote_clusters",
        aliases: &["rc", "rcs"],
        display: "remote cluster",
        version: "v3",
    },
    Names {
        kind: Kind::OauthGrant,
        name: "oauth_grant",
        plural: "oauth_grants",
        aliases: &[],
        display: "OAuth grant",
        version: "v1",
    },
];

/// A name that no kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind {
    /// What was written.
    pub name: String,
    /// What may have been meant.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown resource kind {}", quoted(&self.name))?;
        match self.nearest {
            Some(nearest) => write!(f, ", did you mean {nearest:?}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownKind {}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::App,
        Self::AppServer,
        Self::Role,
        Self::User,
        Self::Token,
        Self::Lock,
        Self::CertAuthority,
        Self::ClusterAuthPreference,
        Self::Proxy,
        Self::Oidc,
        Self::Saml,
        Self::Github,
        Self::AppAuthConfig,
        Self::Agent,
        Self::Bot,
        Self::TrustedCluster,
        Self::RemoteCluster,
        Self::OauthGrant,
    ];

    /// Reads a kind as it is written in references: singular, plural, or an alias.
    ///
    /// # Errors
    /// When no kind is called that; the nearest name is part of the error.
    pub fn parse(text: &str) -> Result<Self, UnknownKind> {
        let lower = text.to_ascii_lowercase();
        let found = NAMES.iter().find(|names| {
            names.name == lower || names.plural == lower || names.aliases.contains(&lower.as_str())
        });
        found.map(|names| names.kind).ok_or_else(|| {
            let known = NAMES.iter().flat_map(|names| [names.name, names.plural]);
            UnknownKind { name: text.to_owned(), nearest: nearest(text, known) }
        })
    }

    fn names(self) -> &'static Names {
        // The table is complete; a test walks it. The first entry stands in to avoid a panic.
        let [first, ..] = &NAMES;
        NAMES.iter().find(|names| names.kind == self).unwrap_or(first)
    }

    /// The name in documents and references.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.names().name
    }

    /// The name of several of them.
    #[must_use]
    pub fn plural(self) -> &'static str {
        self.names().plural
    }

    /// The name in sentences.
    #[must_use]
    pub fn display_name(self) -> &'static str {
        self.names().display
    }

    /// The version that documents of this kind have. Roles have one each of their own.
    #[must_use]
    pub fn version(self) -> &'static str {
        self.names().version
    }

    /// True when there is only one resource of this kind, whose name does not matter.
    #[must_use]
    pub fn is_singleton(self) -> bool {
        self == Self::ClusterAuthPreference
    }

    /// True when services write resources of this kind, and people read them and remove them at most.
    #[must_use]
    pub fn is_observed(self) -> bool {
        matches!(
            self,
            Self::AppServer | Self::Proxy | Self::Agent | Self::CertAuthority | Self::OauthGrant
        )
    }

    /// True when documents of this kind hold secrets.
    #[must_use]
    pub fn holds_secrets(self) -> bool {
        matches!(
            self,
            Self::Token
                | Self::CertAuthority
                | Self::Oidc
                | Self::Saml
                | Self::Github
                | Self::TrustedCluster
        )
    }

    /// True when people sign in through resources of this kind.
    #[must_use]
    pub fn is_connector(self) -> bool {
        matches!(self, Self::Oidc | Self::Saml | Self::Github)
    }

    /// True when the name of a resource of this kind is its secret.
    #[must_use]
    pub fn has_secret_name(self) -> bool {
        self == Self::Token
    }

    fn noun(self, name: &str) -> String {
        if self.is_singleton() {
            self.display_name().to_owned()
        } else {
            format!("{} {}", self.display_name(), quoted(name))
        }
    }

    /// `application "x" has been created`
    #[must_use]
    pub fn created(self, name: &str) -> String {
        let verb = if self == Self::AppServer { "upserted" } else { "created" };
        format!("{} has been {verb}", self.noun(name))
    }

    /// `application "x" has been updated`
    #[must_use]
    pub fn updated(self, name: &str) -> String {
        // These are always written whole, whether they were there or not.
        let verb =
            if matches!(self, Self::Token | Self::AppAuthConfig) { "created" } else { "updated" };
        format!("{} has been {verb}", self.noun(name))
    }

    /// `application "x" has been deleted`
    #[must_use]
    pub fn deleted(self, name: &str) -> String {
        let verb = if self.is_singleton() { "reset to defaults" } else { "deleted" };
        format!("{} has been {verb}", self.noun(name))
    }

    /// `application "x" already exists`
    #[must_use]
    pub fn already_exists(self, name: &str) -> String {
        format!("{} already exists", self.noun(name))
    }

    /// `application "x" not found`
    #[must_use]
    pub fn not_found(self, name: &str) -> String {
        format!("{} not found", self.noun(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
