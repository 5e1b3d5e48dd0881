//! Connectors of every kind, as far as signing in goes. A new kind is a variant here, a module beside
//! [`super::oidc`], and nothing else.

use api::Error;
use api::wire::{SignInChoice, SsoAnswer};
use audit::record::LoginMethod;
use resource::cluster_auth_preference::ConnectorType;
use resource::{
    AttributeMapping, GithubConnector, Kind, OidcConnector, Resource, SamlConnector, Secrets, User,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::kept::Started;
use super::{Statement, github, oidc, saml};
use crate::connector::not_a_connector;
use crate::core::Core;

/// A connector.
#[derive(Debug)]
pub(super) enum Connector {
    Oidc(Box<OidcConnector>),
    Saml(Box<SamlConnector>),
    Github(Box<GithubConnector>),
}

/// Names a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reference {
    pub(super) kind: ConnectorKind,
    pub(super) name: String,
}

/// The kinds of connectors that people can sign in through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConnectorKind {
    Oidc,
    Saml,
    Github,
}

/// What a kind remembers while a browser is at the provider.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Progress {
    Oidc(oidc::Away),
    Saml(saml::Away),
    Github(github::Away),
}

/// Whose user somebody is: through which connector, and what its provider calls the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(rename = "id")]
    pub(crate) connector: String,
    #[serde(rename = "identity")]
    pub(crate) subject: String,
}

// === impl Connector ===

impl Connector {
    /// The connector of this name, or the cluster's choice. Where connectors of several kinds have the
    /// name, it is `KIND/NAME`.
    pub(super) async fn find(core: &Core, name: Option<&str>) -> Result<Self, Error> {
        let Some(text) = name else { return Self::chosen(core).await };
        let (kinds, name) = match text.split_once('/') {
            None => (ConnectorKind::ALL.to_vec(), text),
            Some((kind, name)) => (ConnectorKind::parse(kind).into_iter().collect(), name),
        };
        let mut found = Vec::new();
        for kind in kinds {
            found.extend(Self::get(core, kind, name).await?);
        }
        let several: Vec<String> =
            found.iter().map(|one| format!("{}/{}", one.kind(), one.name())).collect();
        match found.pop() {
            None => Err(unknown(core, text).await),
            Some(one) if found.is_empty() => Ok(one),
            Some(_) => {
                Err(Error::invalid(format!("there are several authentication connectors {name:?}"))
                    .hint(format!("say which: {}", several.join(", "))))
            }
        }
    }

    async fn get(core: &Core, kind: ConnectorKind, name: &str) -> Result<Option<Self>, Error> {
        core.records.find(kind.kind(), name).await?.map(Self::of).transpose()
    }

    /// The connector that a login was prepared with, as it is now.
    pub(super) async fn again(core: &Core, started: &Started) -> Result<Self, Error> {
        let Some(tried) = &started.tried else {
            let Reference { kind, name } = &started.connector;
            return match Self::get(core, *kind, name).await? {
                Some(connector) => Ok(connector),
                None => Err(unknown(core, name).await),
            };
        };
        let resource = Resource::from_json(tried.as_bytes()).map_err(Error::internal)?;
        Self::of(resource)
    }

    /// The connector in a resource.
    pub(super) fn of(resource: Resource) -> Result<Self, Error> {
        match resource {
            Resource::Oidc(connector) => Ok(Self::Oidc(Box::new(connector))),
            Resource::Saml(connector) => Ok(Self::Saml(Box::new(connector))),
            Resource::Github(connector) => Ok(Self::Github(Box::new(connector))),
            other => Err(not_a_connector(other.kind())),
        }
    }

    async fn chosen(core: &Core) -> Result<Self, Error> {
        let choice = choice(core);
        let Some(kind) = ConnectorKind::parse(&choice.kind) else {
            return Err(Error::invalid("this cluster signs people in with a password")
                .hint("name a connector: tsh login --auth=NAME"));
        };
        if let Some(name) = &choice.connector {
            return match Self::get(core, kind, name).await? {
                Some(connector) => Ok(connector),
                None => Err(unknown(core, name).await),
            };
        }
        let (all, _cursor) = core.records.list(kind.kind()).await?;
        match all.into_iter().next() {
            Some(resource) => Self::of(resource),
            None => Err(Error::not_found("this cluster has no authentication connector").hint(
                format!("an administrator creates one: tctl sso configure {} --help", choice.kind),
            )),
        }
    }

    fn connector_kind(&self) -> ConnectorKind {
        match self {
            Self::Oidc(_) => ConnectorKind::Oidc,
            Self::Saml(_) => ConnectorKind::Saml,
            Self::Github(_) => ConnectorKind::Github,
        }
    }

    pub(super) fn reference(&self) -> Reference {
        Reference { kind: self.connector_kind(), name: self.name().to_owned() }
    }

    /// The kind, as documents have it.
    pub(super) fn kind(&self) -> Kind {
        self.connector_kind().kind()
    }

    pub(super) fn method(&self) -> LoginMethod {
        self.connector_kind().method()
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Oidc(connector) => connector.name(),
            Self::Saml(connector) => connector.name(),
            Self::Github(connector) => connector.name(),
        }
    }

    pub(super) fn display(&self) -> &str {
        match self {
            Self::Oidc(connector) => connector.display_name(),
            Self::Saml(connector) => connector.display_name(),
            Self::Github(connector) => connector.display_name(),
        }
    }

    pub(super) fn mappings(&self) -> &[AttributeMapping] {
        match self {
            Self::Oidc(connector) => &connector.spec.claims_to_roles,
            Self::Saml(connector) => &connector.spec.attributes_to_roles,
            Self::Github(connector) => &connector.spec.teams_to_roles,
        }
    }

    /// The field of a document with the mappings.
    pub(super) fn mapping_field(&self) -> &'static str {
        match self {
            Self::Oidc(_) => "claims_to_roles",
            Self::Saml(_) => "attributes_to_roles",
            Self::Github(_) => "teams_to_roles",
        }
    }

    /// The whole of it, with its secrets, for the time of a test.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Oidc(connector) => connector.to_json(Secrets::Include).to_string(),
            Self::Saml(connector) => connector.to_json(Secrets::Include).to_string(),
            Self::Github(connector) => connector.to_json(Secrets::Include).to_string(),
        }
    }

    /// Where a browser is sent, and what to remember.
    pub(super) async fn begin(
        &self,
        core: &Core,
        state: &str,
        proxy: Option<&str>,
    ) -> Result<(String, Progress), Error> {
        match self {
            Self::Oidc(connector) => oidc::begin(core, connector, state, proxy)
                .await
                .map(|(location, away)| (location, Progress::Oidc(away))),
            Self::Saml(connector) => saml::begin(core, connector, state)
                .await
                .map(|(location, away)| (location, Progress::Saml(away))),
            Self::Github(connector) => github::begin(connector, state, proxy)
                .map(|(location, away)| (location, Progress::Github(away))),
        }
    }

    /// Whether the provider sends people back with a form: a page of its own sends that, so that browsers
    /// bring no cookie that is for our own pages only.
    pub(super) fn returns_by_form(&self) -> bool {
        matches!(self, Self::Saml(_))
    }

    /// What the provider says of who comes back.
    pub(super) async fn complete(
        &self,
        core: &Core,
        progress: &Progress,
        answer: &SsoAnswer,
    ) -> Result<Statement, Error> {
        match (self, progress) {
            (Self::Oidc(connector), Progress::Oidc(away)) => {
                oidc::complete(core, connector, away, answer).await
            }
            (Self::Github(connector), Progress::Github(away)) => {
                github::complete(core, connector, away, answer).await
            }
            (Self::Saml(connector), Progress::Saml(away)) => {
                saml::complete(core, connector, away, answer).await
            }
            // What was begun is not what is there now.
            (Self::Oidc(_) | Self::Saml(_) | Self::Github(_), _) => Err(super::kept::dead()),
        }
    }

    /// Whose user somebody of this subject is.
    pub(super) fn origin(&self, subject: &str) -> Origin {
        Origin {
            kind: self.kind().as_str().to_owned(),
            connector: self.name().to_owned(),
            subject: subject.to_owned(),
        }
    }
}

// === impl ConnectorKind ===

impl ConnectorKind {
    const ALL: [Self; 3] = [Self::Oidc, Self::Saml, Self::Github];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.kind().as_str() == text)
    }

    fn kind(self) -> Kind {
        match self {
            Self::Oidc => Kind::Oidc,
            Self::Saml => Kind::Saml,
            Self::Github => Kind::Github,
        }
    }

    pub(super) fn method(self) -> LoginMethod {
        match self {
            Self::Oidc => LoginMethod::Oidc,
            Self::Saml => LoginMethod::Saml,
            Self::Github => LoginMethod::Github,
        }
    }
}

/// How people sign in when they do not say.
pub(crate) fn choice(core: &Core) -> SignInChoice {
    let preference = core.replica.snapshot().auth_preference.clone();
    let spec = preference.as_ref().map(|preference| &preference.spec);
    let kind = spec.and_then(|spec| spec.connector_type).unwrap_or(ConnectorType::Local);
    SignInChoice {
        kind: kind.as_str().to_owned(),
        connector: spec
            .and_then(|spec| spec.connector_name.clone())
            .filter(|name| !name.is_empty() && kind != ConnectorType::Local),
        needs_browser: core.sign_in_policy().needs_browser(),
    }
}

/// Through which connector a user came to be one; none for a local user.
pub(crate) fn origin_of(user: &User) -> Option<Origin> {
    let connector = user.spec.created_by.as_ref()?.connector.clone()?;
    // A connector that cannot be read is one all the same: nobody takes its user over.
    Some(serde_json::from_value(connector).unwrap_or_else(|_error| Origin {
        kind: "unknown".to_owned(),
        connector: String::new(),
        subject: String::new(),
    }))
}

// === impl Origin ===

impl Origin {
    pub(super) fn to_value(&self) -> serde_json::Value {
        json!({ "type": self.kind, "id": self.connector, "identity": self.subject })
    }
}

async fn unknown(core: &Core, name: &str) -> Error {
    let error = Error::not_found(format!("there is no authentication connector {name:?}"));
    let mut names = Vec::new();
    for kind in ConnectorKind::ALL {
        let known = core.records.list(kind.kind()).await;
        let known = known.map(|(all, _cursor)| all).unwrap_or_default();
        names.extend(known.iter().map(|connector| connector.name().to_owned()));
    }
    if names.is_empty() { error } else { error.hint(format!("there is: {}", names.join(", "))) }
}
