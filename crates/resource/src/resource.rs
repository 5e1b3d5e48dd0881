//! A resource of any kind.

use serde_json::Value;

use crate::agent::Agent;
use crate::app::App;
use crate::app_auth_config::AppAuthConfig;
use crate::app_server::AppServer;
use crate::bot::Bot;
use crate::cert_authority::CertAuthority;
use crate::cluster_auth_preference::ClusterAuthPreference;
use crate::decode::{Problems, Reader, decode};
use crate::github::GithubConnector;
use crate::kind::Kind;
use crate::limits::Limits;
use crate::lock::Lock;
use crate::metadata::{Metadata, Revision};
use crate::node::Node;
use crate::oauth_grant::OauthGrant;
use crate::oidc::OidcConnector;
use crate::proxy::Proxy;
use crate::remote_cluster::RemoteCluster;
use crate::report::{Problem, Report};
use crate::role::Role;
use crate::saml::SamlConnector;
use crate::secret::Secrets;
use crate::source::Source;
use crate::token::{Token, TokenStatus};
use crate::trusted_cluster::TrustedCluster;
use crate::user::User;
use crate::yaml;

/// A resource of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Resource {
    /// See [`App`].
    App(App),
    /// See [`AppServer`].
    AppServer(AppServer),
    /// See [`Role`].
    Role(Role),
    /// See [`User`].
    User(User),
    /// See [`Token`].
    Token(Token),
    /// See [`Lock`].
    Lock(Lock),
    /// See [`CertAuthority`].
    CertAuthority(CertAuthority),
    /// See [`ClusterAuthPreference`].
    ClusterAuthPreference(ClusterAuthPreference),
    /// See [`Proxy`].
    Proxy(Proxy),
    /// See [`OidcConnector`].
    Oidc(OidcConnector),
    /// See [`SamlConnector`].
    Saml(SamlConnector),
    /// See [`GithubConnector`].
    Github(GithubConnector),
    /// See [`AppAuthConfig`].
    AppAuthConfig(AppAuthConfig),
    /// See [`Agent`].
    Agent(Agent),
    /// See [`Bot`].
    Bot(Bot),
    /// See [`TrustedCluster`].
    TrustedCluster(TrustedCluster),
    /// See [`RemoteCluster`].
    RemoteCluster(RemoteCluster),
    /// See [`OauthGrant`].
    OauthGrant(OauthGrant),
}

/// The same expression for the value of every kind.
macro_rules! each {
    ($resource:expr, $value:ident => $body:expr) => {
        match $resource {
            Resource::App($value) => $body,
            Resource::AppServer($value) => $body,
            Resource::Role($value) => $body,
            Resource::User($value) => $body,
            Resource::Token($value) => $body,
            Resource::Lock($value) => $body,
            Resource::CertAuthority($value) => $body,
            Resource::ClusterAuthPreference($value) => $body,
            Resource::Proxy($value) => $body,
            Resource::Oidc($value) => $body,
            Resource::Saml($value) => $body,
            Resource::Github($value) => $body,
            Resource::AppAuthConfig($value) => $body,
            Resource::Agent($value) => $body,
            Resource::Bot($value) => $body,
            Resource::TrustedCluster($value) => $body,
            Resource::RemoteCluster($value) => $body,
            Resource::OauthGrant($value) => $body,
        }
    };
}

macro_rules! conversions {
    ($($kind:ident: $type:ident),*) => {$(
        impl From<$type> for Resource {
            fn from(value: $type) -> Self {
                Self::$kind(value)
            }
        }

        impl TryFrom<Resource> for $type {
            type Error = WrongKind;

            fn try_from(resource: Resource) -> Result<Self, WrongKind> {
                match resource {
                    Resource::$kind(value) => Ok(value),
                    other => Err(WrongKind { expected: Kind::$kind, found: other.kind() }),
                }
            }
        }
    )*};
}

conversions!(
    App: App, AppServer: AppServer, Role: Role, User: User, Token: Token, Lock: Lock,
    CertAuthority: CertAuthority, ClusterAuthPreference: ClusterAuthPreference, Proxy: Proxy,
    Oidc: OidcConnector, Saml: SamlConnector, Github: GithubConnector, AppAuthConfig: AppAuthConfig, Agent: Agent,
    Bot: Bot, TrustedCluster: TrustedCluster, RemoteCluster: RemoteCluster,
    OauthGrant: OauthGrant
);

/// A resource is not of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a resource of kind {expected}, found {found}")]
pub struct WrongKind {
    /// The kind asked for.
    pub expected: Kind,
    /// The kind found.
    pub found: Kind,
}

impl Resource {
    /// What sort of thing it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::App(_) => Kind::App,
            Self::AppServer(_) => Kind::AppServer,
            Self::Role(_) => Kind::Role,
            Self::User(_) => Kind::User,
            Self::Token(_) => Kind::Token,
            Self::Lock(_) => Kind::Lock,
            Self::CertAuthority(_) => Kind::CertAuthority,
            Self::ClusterAuthPreference(_) => Kind::ClusterAuthPreference,
            Self::Proxy(_) => Kind::Proxy,
            Self::Oidc(_) => Kind::Oidc,
            Self::Saml(_) => Kind::Saml,
            Self::Github(_) => Kind::Github,
            Self::AppAuthConfig(_) => Kind::AppAuthConfig,
            Self::Agent(_) => Kind::Agent,
            Self::Bot(_) => Kind::Bot,
            Self::TrustedCluster(_) => Kind::TrustedCluster,
            Self::RemoteCluster(_) => Kind::RemoteCluster,
            Self::OauthGrant(_) => Kind::OauthGrant,
        }
    }

    /// Its name, unique within its kind. A token's name is its secret.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata().name
    }

    /// Name, labels and the rest.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        each!(self, value => &value.metadata)
    }

    /// Name, labels and the rest, to change.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        each!(self, value => &mut value.metadata)
    }

    /// The same resource as the stored version that `revision` names.
    #[must_use]
    pub fn with_revision(mut self, revision: Revision) -> Self {
        self.metadata_mut().revision = Some(revision);
        self
    }

    /// Forgets what was observed rather than written.
    pub fn clear_status(&mut self) {
        match self {
            Self::App(app) => app.status = None,
            Self::Token(token) => token.status = TokenStatus::default(),
            _ => {}
        }
    }

    /// Reads a resource from JSON, as stored or sent. `status` is part of it.
    ///
    /// # Errors
    /// With every mistake found. The report does not quote the text.
    pub fn from_json(json: &[u8]) -> Result<Self, Report> {
        let source = Source::from_bytes("resource", json)?;
        let report = |problems: Vec<Problem>| {
            Report::new(&source, problems.into_iter().map(Problem::hide_line).collect())
        };
        let limits = Limits::RESOURCE;
        if json.len() > limits.source_bytes {
            let message = format!("larger than {} bytes", limits.source_bytes);
            return Err(report(vec![Problem::new("", message)]));
        }
        let mut values = crate::json::Documents::new(source.text(), limits);
        let node = match values.next() {
            None => {
                return Err(report(vec![Problem::new("", "expected a resource, found nothing")]));
            }
            Some(read) => read.map_err(report)?,
        };
        if values.next().is_some() {
            return Err(report(vec![Problem::new("", "expected one resource, found more")]));
        }
        Self::from_node(&node).map_err(|problems| report(problems.list))
    }

    /// Reads a resource from a tree. `status` is part of it.
    ///
    /// # Errors
    /// With every mistake found.
    pub fn from_node(node: &Node) -> Result<Self, Problems> {
        decode(node, read_resource)
    }

    /// The resource as JSON.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Value {
        match self {
            Self::App(app) => app.to_json(),
            Self::AppServer(server) => server.to_json(),
            Self::Role(role) => role.to_json(),
            Self::User(user) => user.to_json(),
            Self::Token(token) => token.to_json(secrets),
            Self::Lock(lock) => lock.to_json(),
            Self::CertAuthority(authority) => authority.to_json(secrets),
            Self::ClusterAuthPreference(preference) => preference.to_json(),
            Self::Proxy(proxy) => proxy.to_json(),
            Self::Oidc(connector) => connector.to_json(secrets),
            Self::Saml(connector) => connector.to_json(secrets),
            Self::Github(connector) => connector.to_json(secrets),
            Self::AppAuthConfig(config) => config.to_json(),
            Self::Agent(agent) => agent.to_json(),
            Self::Bot(bot) => bot.to_json(),
            Self::TrustedCluster(cluster) => cluster.to_json(secrets),
            Self::RemoteCluster(cluster) => cluster.to_json(),
            Self::OauthGrant(grant) => grant.to_json(),
        }
    }

    /// The resource as a YAML document, without `---`.
    #[must_use]
    pub fn to_yaml(&self, secrets: Secrets) -> String {
        yaml::to_yaml(&self.to_json(secrets))
    }
}

/// Reads a resource of whichever kind the document says.
pub(crate) fn read_resource(reader: Reader<'_>) -> Option<Resource> {
    reader.table(|document| {
        let kind = read_kind(document);
        let Some(kind) = kind else {
            // Nothing else can be judged without it.
            for name in ["version", "sub_kind", "metadata", "spec", "status"] {
                document.ignore(name);
            }
            return None;
        };
        // Both are worked out, never believed.
        document.ignore("sub_kind");
        document.ignore("status");
        Some(match kind {
            Kind::App => App::read(document)?.into(),
            Kind::AppServer => AppServer::read(document)?.into(),
            Kind::Role => Role::read(document)?.into(),
            Kind::User => User::read(document)?.into(),
            Kind::Token => Token::read(document)?.into(),
            Kind::Lock => Lock::read(document)?.into(),
            Kind::CertAuthority => CertAuthority::read(document)?.into(),
            Kind::ClusterAuthPreference => ClusterAuthPreference::read(document)?.into(),
            Kind::Proxy => Proxy::read(document)?.into(),
            Kind::Oidc => OidcConnector::read(document)?.into(),
            Kind::Saml => SamlConnector::read(document)?.into(),
            Kind::Github => GithubConnector::read(document)?.into(),
            Kind::AppAuthConfig => AppAuthConfig::read(document)?.into(),
            Kind::Agent => Agent::read(document)?.into(),
            Kind::Bot => Bot::read(document)?.into(),
            Kind::TrustedCluster => TrustedCluster::read(document)?.into(),
            Kind::RemoteCluster => RemoteCluster::read(document)?.into(),
            Kind::OauthGrant => OauthGrant::read(document)?.into(),
        })
    })
}

fn read_kind(document: &mut crate::decode::Table<'_>) -> Option<Kind> {
    let Some(field) = document.field("kind") else {
        return document.missing_with_help(
            "kind",
            "missing",
            "a document begins with its kind, as in \"kind: app\"",
        );
    };
    let text = field.text()?;
    match Kind::parse(text) {
        Ok(kind) => Some(kind),
        Err(unknown) => {
            let message = format!(
                "creating resources of type {} is not supported",
                crate::report::quoted(text)
            );
            match unknown.nearest {
                Some(nearest) => {
                    field.refuse_with_help(message, format!("did you mean {nearest:?}?"))
                }
                None => field.refuse(message),
            }
        }
    }
}

#[cfg(test)]
mod tests;
