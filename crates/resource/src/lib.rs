//! What exists: the resources of a cluster, and how they are read, checked and printed.
//!
//! This is the only crate that knows YAML. Documents become trees of nodes that remember where they were
//! written ([`node`]), and everything is decoded from those trees ([`decode`]), so that a mistake is reported with
//! file, line, column, field path, what was expected and the nearest known name, and all mistakes at once
//! ([`report`]). It does not decide: what roles mean is the policy engine's business.

pub mod agent;
pub mod app;
pub mod app_auth_config;
pub mod app_server;
pub mod bot;
pub mod cert_authority;
pub mod cluster_auth_preference;
pub mod connector;
pub mod decode;
pub mod documents;
pub mod duration;
pub mod github;
mod json;
pub mod kind;
pub mod label;
pub mod limits;
pub mod lock;
pub mod metadata;
pub mod node;
pub mod oauth_grant;
mod object;
pub mod oidc;
pub mod plain;
pub mod proxy;
pub mod remote_cluster;
pub mod report;
mod resource;
pub mod role;
pub mod saml;
pub mod secret;
pub mod source;
pub mod suggest;
pub mod timestamp;
pub mod token;
pub mod trusted_cluster;
pub mod user;
pub mod yaml;

pub use agent::Agent;
pub use app::{App, AppSpec, McpSpec, Transport};
pub use app_auth_config::AppAuthConfig;
pub use app_server::{AppServer, AppServerSpec, LastError, ServerState};
pub use bot::Bot;
pub use cert_authority::{AuthorityType, CaKey, CertAuthority};
pub use cluster_auth_preference::ClusterAuthPreference;
pub use connector::AttributeMapping;
pub use decode::{FromNode, Reader, Table, decode_config};
pub use documents::{Check, Documents, FieldProblem, Parsed, documents, parse_documents};
pub use github::GithubConnector;
pub use kind::{Kind, UnknownKind};
pub use label::{LabelSelector, Labels, Traits, canonical_label_key};
pub use limits::Limits;
pub use lock::{Lock, LockSubject, LockTarget};
pub use metadata::{Metadata, Revision};
pub use node::{Node, Position, Span};
pub use oauth_grant::{OauthGrant, OauthGrantClient, OauthGrantSpec, OauthKnownBy};
pub use oidc::OidcConnector;
pub use proxy::Proxy;
pub use remote_cluster::{ClusterConnection, RemoteCluster, RemoteClusterStatus};
pub use report::{Problem, Report};
pub use resource::{Resource, WrongKind};
pub use role::{
    Conditions, LockMode, McpConditions, MfaRequirement, Role, RoleOptions, RoleSpec, RoleVersion,
    Rule,
};
pub use saml::SamlConnector;
pub use secret::{Secret, Secrets};
pub use source::Source;
pub use token::{JoinRole, Token};
pub use trusted_cluster::{RoleMapping, TrustedCluster, TrustedClusterSpec, TrustedClusterStatus};
pub use user::{User, UserSpec};
