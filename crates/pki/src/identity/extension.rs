//! The identity as a certificate extension: versioned JSON in a `UTF8String`.
//!
//! The extension is not critical (RFC 5280 section 4.2): verifiers that do not know it must still
//! be able to check the rest. Ours refuse a certificate without it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use x509_parser::asn1_rs::{FromDer, Utf8String};
use x509_parser::certificate::X509Certificate;

use super::{
    AppElsewhere, BoundApp, Identity, SecondFactors, Service, ServiceIdentity, UserIdentity,
    UserKind, Visit,
};

/// The object identifier of the extension.
///
/// An arc made from a random GUID (8f5f3113-5c90-4662-9e7c-bbf32d769cf5) under the root that exists
/// for that purpose, so that it needs no registration and cannot collide.
const OID: &[u64] =
    &[1, 2, 840, 113_556, 1, 8000, 2554, 36703, 12563, 23696, 18018, 40572, 12_317_485, 7_773_429];

/// The largest identity, in bytes of its JSON: 16 KiB is some 300 roles and trait values of 50
/// bytes, and still fits one TLS record and, in base64, one request header.
pub const MAX_IDENTITY_BYTES: usize = 16 * 1024;

/// Tag and length of a DER string of up to 65,535 bytes take at most this much.
const DER_HEADER: usize = 4;

const VERSION: u32 = 1;

/// Why a certificate does not say who its holder is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No identity at all: not a certificate of a cluster.
    #[error("the certificate carries no identity")]
    Missing,
    /// More than one identity.
    #[error("the certificate carries more than one identity")]
    Duplicate,
    /// More than [`MAX_IDENTITY_BYTES`].
    #[error(
        "the identity takes {bytes} bytes, and {MAX_IDENTITY_BYTES} are allowed: \
         it needs fewer roles or traits"
    )]
    TooLarge {
        /// What it takes.
        bytes: usize,
    },
    /// Not readable.
    #[error("the identity in the certificate cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// Written by a newer release.
    #[error("the identity has format version {version}, and this release reads {VERSION}")]
    Version {
        /// The version found.
        version: u32,
    },
}

/// What is written. Unknown fields are refused: one may restrict what the holder can do.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    cluster: String,
    /// Unix time in seconds.
    issued: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserWire>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<ServiceWire>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserWire {
    name: String,
    kind: UserKind,
    roles: Vec<String>,
    traits: BTreeMap<String, Vec<String>>,
    login_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mfa: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_mfa: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    /// The cluster that has the app, if it is another than the one where the certificate is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app_cluster: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    visit: Option<Visit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bot_instance_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    join_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oauth_grant: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceWire {
    host_id: String,
    node_name: String,
    services: BTreeSet<Service>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    join_token: Option<String>,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

pub(crate) fn encode(identity: &Identity) -> Result<rcgen::CustomExtension, IdentityError> {
    let wire = to_wire(identity);
    wire.user.as_ref().map_or(Ok(None), bound_app)?;
    let json = serde_json::to_string(&wire)
        .map_err(|e| IdentityError::Malformed { reason: e.to_string() })?;
    if json.len() > MAX_IDENTITY_BYTES {
        return Err(IdentityError::TooLarge { bytes: json.len() });
    }
    Ok(rcgen::CustomExtension::from_oid_content(OID, der_utf8_string(&json)))
}

/// Reads the identity of a certificate whose signature the caller checks.
pub(crate) fn decode(certificate: &X509Certificate<'_>) -> Result<Identity, IdentityError> {
    let mut found = certificate
        .extensions()
        .iter()
        .filter(|e| e.oid.iter().is_some_and(|parts| parts.eq(OID.iter().copied())));
    let extension = found.next().ok_or(IdentityError::Missing)?;
    if found.next().is_some() {
        return Err(IdentityError::Duplicate);
    }
    // Checked before anything reads it.
    if extension.value.len() > MAX_IDENTITY_BYTES + DER_HEADER {
        return Err(IdentityError::TooLarge { bytes: extension.value.len() });
    }
    let (rest, text) =
        Utf8String::from_der(extension.value).map_err(|_e| malformed("it is not a UTF8String"))?;
    if !rest.is_empty() {
        return Err(malformed("bytes follow it"));
    }
    let expires = certificate.validity().not_after.to_datetime();
    from_json(&text.string(), expires)
}

/// Parses a certificate and reads its identity.
pub(crate) fn read(der: &CertificateDer<'_>) -> Result<Identity, IdentityError> {
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|_e| malformed("the certificate is not valid DER"))?;
    decode(&certificate)
}

fn from_json(json: &str, expires: OffsetDateTime) -> Result<Identity, IdentityError> {
    let unreadable = |e: serde_json::Error| malformed(&e.to_string());
    // The version first: what else a newer version holds cannot be told.
    let VersionOnly { version } = serde_json::from_str(json).map_err(unreadable)?;
    if version != VERSION {
        return Err(IdentityError::Version { version });
    }
    let wire: Wire = serde_json::from_str(json).map_err(unreadable)?;
    let issued = OffsetDateTime::from_unix_timestamp(wire.issued)
        .map_err(|_e| malformed("the time of issue is out of range"))?;
    match (wire.user, wire.service) {
        (Some(user), None) => {
            let app = bound_app(&user)?;
            let UserWire { name, kind, roles, traits, login_id, source_ip, visit, .. } = user;
            let mfa = SecondFactors { at_sign_in: user.mfa, for_session: user.session_mfa };
            let (bot_instance_id, join_token) = (user.bot_instance_id, user.join_token);
            let oauth_grant = user.oauth_grant;
            let cluster = wire.cluster;
            Ok(Identity::User(UserIdentity {
                name,
                kind,
                roles,
                traits,
                cluster,
                login_id,
                mfa,
                source_ip,
                app,
                visit,
                bot_instance_id,
                join_token,
                oauth_grant,
                issued,
                expires,
            }))
        }
        (None, Some(service)) => {
            let ServiceWire { host_id, node_name, services, join_token } = service;
            let cluster = wire.cluster;
            Ok(Identity::Service(ServiceIdentity {
                host_id,
                node_name,
                services,
                cluster,
                join_token,
                issued,
                expires,
            }))
        }
        _ => Err(malformed("it is neither exactly one user nor exactly one service")),
    }
}

fn bound_app(user: &UserWire) -> Result<Option<BoundApp>, IdentityError> {
    match (user.app.clone(), user.app_cluster.clone()) {
        (None, Some(_)) => Err(malformed("it names a cluster of an app, and no app")),
        // A session is with one app.
        (None, None) if user.session_mfa.is_some() => {
            Err(malformed("it names a second factor for a session, and no app"))
        }
        (None, None) => Ok(None),
        (Some(app), None) => Ok(Some(BoundApp::Here(app))),
        (Some(_), Some(_)) if user.visit.is_some() => {
            Err(malformed("it is for a visit, and for an app elsewhere"))
        }
        (Some(app), Some(cluster)) => Ok(Some(BoundApp::elsewhere(cluster, app))),
    }
}

fn to_wire(identity: &Identity) -> Wire {
    let (cluster, issued) = (identity.cluster().to_owned(), identity.issued().unix_timestamp());
    let (user, service) = match identity.clone() {
        Identity::User(u) => {
            let (bot_instance_id, join_token) = (u.bot_instance_id, u.join_token);
            let oauth_grant = u.oauth_grant;
            let UserIdentity { name, kind, roles, traits, login_id, source_ip, visit, .. } = u;
            let SecondFactors { at_sign_in: mfa, for_session: session_mfa } = u.mfa;
            let (app, app_cluster) = match u.app {
                None => (None, None),
                Some(BoundApp::Here(app)) => (Some(app), None),
                Some(BoundApp::Elsewhere(there)) => {
                    let AppElsewhere { cluster, app } = *there;
                    (Some(app), Some(cluster))
                }
            };
            let user = UserWire {
                name,
                kind,
                roles,
                traits,
                login_id,
                mfa,
                session_mfa,
                source_ip,
                app,
                app_cluster,
                visit,
                bot_instance_id,
                join_token,
                oauth_grant,
            };
            (Some(user), None)
        }
        Identity::Service(s) => {
            let ServiceIdentity { host_id, node_name, services, join_token, .. } = s;
            (None, Some(ServiceWire { host_id, node_name, services, join_token }))
        }
    };
    Wire { version: VERSION, cluster, issued, user, service }
}

/// X.690 section 8.1: tag 12, the length in the definite form, the bytes.
pub(crate) fn der_utf8_string(text: &str) -> Vec<u8> {
    let length = text.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|b| *b == 0).collect();
    let mut der = vec![0x0c];
    match significant.as_slice() {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        // At most eight bytes of length, so the count fits beside the flag.
        long => der.extend(
            std::iter::once(long.iter().fold(0x80, |count, _| count + 1))
                .chain(long.iter().copied()),
        ),
    }
    der.extend_from_slice(text.as_bytes());
    der
}

fn malformed(reason: &str) -> IdentityError {
    IdentityError::Malformed { reason: reason.to_owned() }
}
