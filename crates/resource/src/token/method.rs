//! How joining is proven: by knowing the token, or by what a workload's platform signs of it.

mod field;

use serde_json::Value;

use crate::connector::{check_provider_url, filled, provider_url};
use crate::decode::{Reader, Table};
use crate::node::NodeValue;
use crate::object::Object;
use crate::report::quoted;

pub use self::field::{JoinClaim, JoinRule, MAX_RULES, Want};

/// GitHub's own issuer of tokens for workflows.
const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// GitLab's own domain.
const GITLAB_DOMAIN: &str = "gitlab.com";

/// The names of join methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JoinMethodName {
    /// Whoever knows the token joins.
    Token,
    /// Workflows of GitHub Actions.
    Github,
    /// Jobs of GitLab CI.
    Gitlab,
    /// Pods by their service accounts.
    Kubernetes,
}

/// How joining is proven.
#[derive(Debug, Clone, PartialEq)]
pub enum JoinMethod {
    /// By knowing the token, whose name is a secret.
    Token,
    /// By a token that a platform signed for a workload. The join token's name is no secret.
    Workload(Box<WorkloadJoin>),
}

/// Whose tokens are believed, and what they must say.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadJoin {
    /// The platform.
    pub platform: Platform,
    /// A JSON Web Key Set instead of the one that the issuer publishes.
    pub static_jwks: Option<String>,
    /// What is let in: whatever fits one of these. Never empty.
    pub allow: Vec<JoinRule>,
}

/// What a workload runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platform {
    /// GitHub Actions.
    Github {
        /// The host of a GitHub Enterprise Server.
        enterprise_server_host: Option<String>,
        /// The slug by which an enterprise has an issuer of its own.
        enterprise_slug: Option<String>,
    },
    /// GitLab CI.
    Gitlab {
        /// The host of an instance that is not gitlab.com.
        domain: Option<String>,
    },
    /// Kubernetes.
    Kubernetes {
        /// Who signs; none where the keys are written down and are all there is to know of it.
        issuer: Option<String>,
    },
    /// Kubernetes, where the auth service runs in the same cluster: its API is asked whose a token is.
    KubernetesInCluster,
}

// === impl JoinMethodName ===

impl JoinMethodName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Token, Self::Github, Self::Gitlab, Self::Kubernetes];

    /// The spelling in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Reads a spelling of documents; nothing stands for [`JoinMethodName::Token`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Token);
        }
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

impl std::fmt::Display for JoinMethodName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl JoinMethod ===

impl JoinMethod {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> JoinMethodName {
        match self {
            Self::Token => JoinMethodName::Token,
            Self::Workload(workload) => workload.platform.method(),
        }
    }

    /// Whether the name of a token with this method is all that it takes to join.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Token)
    }

    /// Reads `join_method` and the section of that name.
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let name = match table.field("join_method") {
            None => Some(JoinMethodName::Token),
            Some(reader) => read_name(reader),
        };
        let sections = [
            (JoinMethodName::Github, table.field("github")),
            (JoinMethodName::Gitlab, table.field("gitlab")),
            (JoinMethodName::Kubernetes, table.field("kubernetes")),
        ];
        let name = name?;
        let mut own = None;
        for (method, section) in sections {
            match section {
                Some(section) if method == name => own = Some(section),
                Some(section) => {
                    section.refuse::<()>(format!(
                        "this is for join_method: {method}, and the token says {name}"
                    ));
                }
                None => {}
            }
        }
        let read = match name {
            JoinMethodName::Token => return Some(Self::Token),
            JoinMethodName::Github => github,
            JoinMethodName::Gitlab => gitlab,
            JoinMethodName::Kubernetes => kubernetes,
        };
        let Some(section) = own else {
            return table.missing_with_help(
                name.as_str(),
                "missing: without it nobody could join",
                "write down under allow: who may",
            );
        };
        section.table(read).map(Box::new).map(Self::Workload)
    }

    pub(super) fn put(&self, spec: &mut Object) {
        spec.put("join_method", self.name().as_str());
        if let Self::Workload(workload) = self {
            spec.put_object(self.name().as_str(), workload.to_object());
        }
    }
}

/// Another method would make a token of a name that its author did not think of as a secret.
fn read_name(reader: Reader<'_>) -> Option<JoinMethodName> {
    let text = reader.text()?;
    JoinMethodName::parse(text).or_else(|| {
        reader.refuse_with_help(
            format!("the join method {} is not supported", quoted(text)),
            "expected one of token, github, gitlab, kubernetes",
        )
    })
}

// === impl WorkloadJoin ===

impl WorkloadJoin {
    fn to_object(&self) -> Object {
        let mut object = Object::default();
        match &self.platform {
            Platform::Github { enterprise_server_host, enterprise_slug } => {
                object
                    .put_some("enterprise_server_host", enterprise_server_host.as_deref())
                    .put_some("enterprise_slug", enterprise_slug.as_deref())
                    .put_some("static_jwks", self.static_jwks.as_deref());
            }
            Platform::Gitlab { domain } => {
                object
                    .put_some("domain", domain.as_deref())
                    .put_some("static_jwks", self.static_jwks.as_deref());
            }
            Platform::KubernetesInCluster => {
                object.put("type", "in_cluster");
            }
            Platform::Kubernetes { issuer: Some(issuer) } => {
                let mut oidc = Object::default();
                oidc.put("issuer", issuer.as_str());
                object.put("type", "oidc").put_object("oidc", oidc);
            }
            Platform::Kubernetes { issuer: None } => {
                let mut keys = Object::default();
                keys.put_some("jwks", self.static_jwks.as_deref());
                object.put("type", "static_jwks").put_object("static_jwks", keys);
            }
        }
        let rules: Vec<Value> = self.allow.iter().map(JoinRule::to_value).collect();
        object.put("allow", rules);
        object
    }
}

// === impl Platform ===

impl Platform {
    /// Who signs, exactly as its tokens say; none where the keys alone say it.
    #[must_use]
    pub fn issuer(&self) -> Option<String> {
        match self {
            Self::Github { enterprise_server_host: Some(host), .. } => {
                Some(format!("https://{host}/_services/token"))
            }
            Self::Github { enterprise_slug: Some(slug), .. } => {
                Some(format!("{GITHUB_ISSUER}/{slug}"))
            }
            Self::Github { .. } => Some(GITHUB_ISSUER.to_owned()),
            Self::Gitlab { domain } => {
                Some(format!("https://{}", domain.as_deref().unwrap_or(GITLAB_DOMAIN)))
            }
            Self::Kubernetes { issuer } => issuer.clone(),
            Self::KubernetesInCluster => None,
        }
    }

    /// The join method of its workloads.
    #[must_use]
    pub fn method(&self) -> JoinMethodName {
        match self {
            Self::Github { .. } => JoinMethodName::Github,
            Self::Gitlab { .. } => JoinMethodName::Gitlab,
            Self::Kubernetes { .. } | Self::KubernetesInCluster => JoinMethodName::Kubernetes,
        }
    }
}

fn github(table: &mut Table<'_>) -> Option<WorkloadJoin> {
    let host = optional(table, "enterprise_server_host", host);
    let slug = optional(table, "enterprise_slug", slug);
    let static_jwks = optional(table, "static_jwks", static_keys);
    let allow = field::rules(table, field::GITHUB);
    let (host, slug) = (host?, slug?);
    if host.is_some() && slug.is_some() {
        return table.reader().refuse(
            "enterprise_server_host and enterprise_slug exclude each other: a server has one issuer",
        );
    }
    let platform = Platform::Github { enterprise_server_host: host, enterprise_slug: slug };
    Some(WorkloadJoin { platform, static_jwks: static_jwks?, allow: allow? })
}

fn gitlab(table: &mut Table<'_>) -> Option<WorkloadJoin> {
    let domain = optional(table, "domain", host);
    let static_jwks = optional(table, "static_jwks", static_keys);
    let allow = field::rules(table, field::GITLAB);
    let platform = Platform::Gitlab { domain: domain? };
    Some(WorkloadJoin { platform, static_jwks: static_jwks?, allow: allow? })
}

/// By what tokens of Kubernetes are believed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    InCluster,
    Keys,
    Issuer,
}

fn kubernetes(table: &mut Table<'_>) -> Option<WorkloadJoin> {
    let kinds =
        [("in_cluster", Trust::InCluster), ("static_jwks", Trust::Keys), ("oidc", Trust::Issuer)];
    let kind = match table.field("type") {
        None => Some(Trust::InCluster),
        Some(reader) => reader.choice("type", &kinds),
    };
    let keys = table.field("static_jwks");
    let oidc = table.field("oidc");
    let allow = field::rules(table, field::KUBERNETES);
    let kind = kind?;
    if kind == Trust::InCluster {
        if let Some(section) = keys.or(oidc) {
            return section.refuse("the token is of type: in_cluster, for which the API is asked");
        }
        let platform = Platform::KubernetesInCluster;
        return Some(WorkloadJoin { platform, static_jwks: None, allow: allow? });
    }
    let (platform, static_jwks) = if kind == Trust::Issuer {
        if let Some(keys) = keys {
            return keys.refuse("this is for type: static_jwks");
        }
        let Some(oidc) = oidc else { return table.missing("oidc", "missing: who signs") };
        let issuer = oidc.table(|table| {
            // Addresses of this machine may be in the clear, others may not, whatever this says.
            let insecure = table.get_or_default::<bool>("insecure_allow_http_issuer");
            let issuer = table.required("issuer")?;
            match provider_url(issuer) {
                None if insecure => issuer.refuse("tokens are believed over https:// only"),
                issuer => issuer,
            }
        });
        (Platform::Kubernetes { issuer: Some(issuer?) }, None)
    } else {
        if let Some(oidc) = oidc {
            return oidc.refuse("this is for type: oidc");
        }
        let Some(keys) = keys else {
            return table.missing_with_help(
                "static_jwks",
                "missing: the keys of the cluster",
                "`kubectl get --raw /openid/v1/jwks` prints what to write under jwks:",
            );
        };
        let keys = keys.table(|table| table.required("jwks").and_then(static_keys));
        (Platform::Kubernetes { issuer: None }, Some(keys?))
    };
    Some(WorkloadJoin { platform, static_jwks, allow: allow? })
}

/// A field that may be absent, or empty, which says the same.
#[expect(clippy::option_option, reason = "absent and mistaken are two things")]
fn optional(
    table: &mut Table<'_>,
    name: &'static str,
    read: fn(Reader<'_>) -> Option<String>,
) -> Option<Option<String>> {
    let Some(reader) = table.field(name) else { return Some(None) };
    if reader.node().as_scalar().is_some() && reader.text()?.is_empty() {
        return Some(None);
    }
    read(reader).map(Some)
}

/// A host, and perhaps its port: no scheme, no path.
fn host(reader: Reader<'_>) -> Option<String> {
    let text = filled(reader)?;
    let has_more =
        text.contains(['/', '?', '#', '@', '\\']) || text.chars().any(char::is_whitespace);
    if has_more || check_provider_url(&format!("https://{text}")).is_err() {
        return reader.refuse_with_help(
            format!("{} is no host", quoted(&text)),
            "write it without https:// and without a path",
        );
    }
    Some(text)
}

/// One step of a path.
fn slug(reader: Reader<'_>) -> Option<String> {
    let text = filled(reader)?;
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Some(text);
    }
    reader.refuse("a slug has letters, digits, dashes and underscores only")
}

/// A key set as text, or as the object that it is. What it holds is checked by who knows keys.
fn static_keys(reader: Reader<'_>) -> Option<String> {
    match &reader.node().value {
        NodeValue::Scalar(_) => filled(reader),
        _ => Some(reader.node().to_json().to_string()),
    }
}
