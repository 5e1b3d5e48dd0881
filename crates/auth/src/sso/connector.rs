//! Connectors of every kind, as far as signing in goes. A new kind is a variant here, a module beside
//! [`super::oidc`], and nothing else.

use api::Error;
use api::wire::{SignInChoice, SsoAnswer};
use audit::record::LoginMethod;
use resource::cluster_auth_preference::ConnectorType;
use resource::{AttributeMapping, Kind, OidcConnector, Resource, Secrets, User};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::kept::Started;
use super::{Statement, oidc};
use crate::core::Core;

/// A connector.
#[derive(Debug)]
pub(super) enum Connector {
    Oidc(Box<OidcConnector>),
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
}

/// What a kind remembers while a browser is at the provider.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Progress {
    Oidc(oidc::Away),
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
    /// The connector of this name, or the cluster's choice.
    pub(super) async fn find(core: &Core, name: Option<&str>) -> Result<Self, Error> {
        let Some(name) = name else { return Self::chosen(core).await };
        match core.records.find(Kind::Oidc, name).await? {
            Some(Resource::Oidc(connector)) => Ok(Self::Oidc(Box::new(connector))),
            _ => Err(unknown(core, name).await),
        }
    }

    /// The connector that a login was prepared with, as it is now.
    pub(super) async fn again(core: &Core, started: &Started) -> Result<Self, Error> {
        let Some(tried) = &started.tried else {
            return Self::find(core, Some(&started.connector.name)).await;
        };
        let resource = Resource::from_json(tried.as_bytes()).map_err(Error::internal)?;
        Self::of(resource)
    }

    /// The connector in a resource.
    pub(super) fn of(resource: Resource) -> Result<Self, Error> {
        match resource {
            Resource::Oidc(connector) => Ok(Self::Oidc(Box::new(connector))),
            other => Err(Error::invalid(format!(
                "expected an authentication connector (kind: oidc), found {}",
                other.kind()
            ))),
        }
    }

    async fn chosen(core: &Core) -> Result<Self, Error> {
        let choice = choice(core);
        if choice.kind != ConnectorType::Oidc.as_str() {
            return Err(Error::invalid("this cluster signs people in with a password")
                .hint("name a connector: tsh login --auth=NAME"));
        }
        if let Some(name) = &choice.connector {
            return Box::pin(Self::find(core, Some(name))).await;
        }
        let (all, _cursor) = core.records.list(Kind::Oidc).await?;
        match all.into_iter().next() {
            Some(resource) => Self::of(resource),
            None => Err(Error::not_found("this cluster has no authentication connector")
                .hint("an administrator creates one: tctl sso configure oidc --help")),
        }
    }

    pub(super) fn reference(&self) -> Reference {
        let kind = match self {
            Self::Oidc(_) => ConnectorKind::Oidc,
        };
        Reference { kind, name: self.name().to_owned() }
    }

    /// The kind, as documents have it.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Oidc(_) => Kind::Oidc,
        }
    }

    pub(super) fn method(&self) -> LoginMethod {
        self.reference().kind.method()
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Oidc(connector) => connector.name(),
        }
    }

    pub(super) fn display(&self) -> &str {
        match self {
            Self::Oidc(connector) => connector.display_name(),
        }
    }

    pub(super) fn mappings(&self) -> &[AttributeMapping] {
        match self {
            Self::Oidc(connector) => &connector.spec.claims_to_roles,
        }
    }

    /// The whole of it, with its secrets, for the time of a test.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Oidc(connector) => connector.to_json(Secrets::Include).to_string(),
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
        }
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
    pub(super) fn method(self) -> LoginMethod {
        match self {
            Self::Oidc => LoginMethod::Oidc,
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
    let known = core.records.list(Kind::Oidc).await.map(|(all, _cursor)| all).unwrap_or_default();
    let names: Vec<&str> = known.iter().map(Resource::name).collect();
    if names.is_empty() { error } else { error.hint(format!("there is: {}", names.join(", "))) }
}
