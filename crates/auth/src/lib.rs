//! The auth service: keeps the cluster's resources, certifies identities, collects the audit log.
//!
//! Everything that happens here is an operation of the auth API. A request is authenticated
//! ([`caller`], [`cx`]), admitted to its endpoint, carried out under the rights of its caller, and
//! told to the audit log before it takes effect. What exists is the `resource` crate's business,
//! who may is the `policy` crate's, how things are kept the `store`'s.

mod address;
mod app;
mod app_auth_config;
mod app_server;
mod assertion;
mod attempts;
mod audit_api;
mod audit_log;
mod authorities;
mod bot;
mod caller;
mod catalog;
mod ceremony;
mod certificate;
mod clusters;
mod confidence;
mod connector;
mod core;
mod credentials;
mod cx;
mod device;
mod events;
mod factors;
mod fault;
mod gate;
mod heartbeat;
mod http;
mod invite;
mod join;
mod keys;
mod kubernetes;
mod leases;
mod lock;
mod locks;
mod logins;
mod memo;
mod mfa;
mod oauth;
pub mod openapi;
mod operate;
mod password;
mod preference;
mod providers;
mod records;
mod recovery;
mod removed_devices;
mod resources;
mod rights;
mod role;
mod roles;
mod rotation;
mod selection;
mod service;
mod session_mfa;
mod sign_in;
mod source;
mod sso;
mod token;
mod tools;
mod totp;
mod unserved;
mod user;
mod verb;
mod watch;
mod webauthn;

pub use crate::http::local::{SOCKET_NAME, SocketError, bind as bind_local};
pub use crate::join::ServiceRequest;
pub use crate::kubernetes::KubernetesApi;
pub use crate::service::{Auth, AuthConfig, Census};
