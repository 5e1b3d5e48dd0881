//! Why somebody may not use an app.

use api::stream_headers::{NEEDED, NEEDED_SECOND_FACTOR};
use http::{HeaderMap, HeaderName, HeaderValue};
use pki::{UserIdentity, VerifyError};
use policy::{Denial, RoleMapError};

use crate::end::Reason;

/// Why somebody may not use an app, in words for that somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    /// What only records and logs say.
    pub(crate) detail: Option<String>,
}

/// So many roles are named to somebody whom none of them helps.
const ROLES_SHOWN: usize = 20;

// === impl Refusal ===

impl Refusal {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), detail: None }
    }

    pub(super) fn unauthenticated(error: &VerifyError) -> Self {
        let message = format!("the client certificate is not accepted: {error}; sign in again");
        Self::new(Reason::Unauthenticated, message)
    }

    pub(super) fn no_longer_believed(error: &VerifyError) -> Self {
        Self::new(
            Reason::Unauthenticated,
            format!("the client certificate is no longer accepted: {error}; sign in again"),
        )
    }

    pub(super) fn grant_over() -> Self {
        let message = "what was granted to this client is over, or the cluster takes such clients no \
                       more; sign in again";
        Self::new(Reason::Unauthenticated, message)
    }

    pub(super) fn not_a_user() -> Self {
        Self::new(Reason::Unauthenticated, "MCP servers are for users; this is a service")
    }

    pub(super) fn unknown_user(user: &str) -> Self {
        Self::new(Reason::AccessDenied, format!("access denied: there is no user {user:?}"))
    }

    pub(super) fn not_trusted(cluster: &str) -> Self {
        let message = format!("access denied: this cluster does not trust cluster {cluster:?}");
        Self::new(Reason::AccessDenied, message)
    }

    pub(super) fn no_visit() -> Self {
        let message = "access denied: the certificate is not for a visit to this cluster";
        Self::new(Reason::AccessDenied, message)
    }

    pub(super) fn namesake(clash: &api::Error) -> Self {
        Self::new(Reason::AccessDenied, format!("access denied: {}", clash.message()))
    }

    pub(super) fn unmapped(user: &UserIdentity, error: &RoleMapError) -> Self {
        let message =
            format!("access denied: the roles of {} could not be mapped here", remote(user));
        let detail = match error.to_string() {
            words if words.starts_with("failed to map roles") => words,
            words => format!("failed to map roles: {words}"),
        };
        Self { detail: Some(detail), ..Self::new(Reason::AccessDenied, message) }
    }

    pub(super) fn no_roles(user: &UserIdentity) -> Self {
        let roles = match &*user.roles {
            [] => "without roles".to_owned(),
            roles => {
                let named = roles.iter().take(ROLES_SHOWN).map(|role| format!("{role:?}"));
                let more = roles.len().saturating_sub(ROLES_SHOWN);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                format!("with roles {}{more}", named.collect::<Vec<_>>().join(", "))
            }
        };
        let message = format!(
            "access denied: no roles mapped for {}: came {roles}; an administrator of this cluster can add \
             one to the role_map of the trusted cluster",
            remote(user)
        );
        Self::new(Reason::AccessDenied, message)
    }

    pub(super) fn wrong_address() -> Self {
        let message =
            "access denied: the certificate is bound to another address; sign in from here";
        Self::new(Reason::AccessDenied, message)
    }

    pub(super) fn not_bound() -> Self {
        let message = "access denied: your roles want a certificate that is bound to your address, and this one is \
                       not; sign in again";
        Self::new(Reason::AccessDenied, message)
    }

    pub(super) fn bound_elsewhere() -> Self {
        let message = "access denied: the certificate is good for another MCP server only";
        Self::new(Reason::AccessDenied, message)
    }

    pub(super) fn for_a_list() -> Self {
        let message =
            "access denied: the certificate is good for listing MCP servers, and for using none";
        Self::new(Reason::AccessDenied, message)
    }

    pub(super) fn not_served(app: &str) -> Self {
        Self::new(Reason::AppRemoved, format!("the app {app:?} is not served any more"))
    }

    pub(super) fn locked(target: &str, message: &str) -> Self {
        let words = format!("lock targeting {target} is in force");
        let message = if message.is_empty() { words } else { format!("{words}: {message}") };
        Self::new(Reason::Locked, message)
    }

    pub(super) fn locks_unknown() -> Self {
        let message = "access denied: locks cannot be checked reliably now; try again later";
        Self::new(Reason::Locked, message)
    }

    pub(super) fn expired() -> Self {
        Self::new(Reason::Expired, "the client certificate has expired; sign in again")
    }

    pub(super) fn denied(denial: &Denial<'_>) -> Self {
        let detail = Some(denial.reasons().to_string());
        if denial.needs_second_factor() {
            let message = format!(
                "{}: `tsh mcp connect` and `tsh proxy mcp` ask for one and show it; a certificate alone, and a \
                 token, do not let in",
                denial.public_message()
            );
            return Self { reason: Reason::SecondFactorNeeded, message, detail };
        }
        Self { reason: Reason::AccessDenied, message: denial.public_message(), detail }
    }

    /// Tells programs by what the client would be let in.
    pub(crate) fn tell_needed(&self, headers: &mut HeaderMap) {
        if self.reason == Reason::SecondFactorNeeded {
            let needed = HeaderValue::from_static(NEEDED_SECOND_FACTOR);
            headers.insert(HeaderName::from_static(NEEDED), needed);
        }
    }
}

fn remote(user: &UserIdentity) -> String {
    format!("remote user {:?} of cluster {:?}", user.name, user.cluster)
}
