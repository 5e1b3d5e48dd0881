//! Clients that hold no certificate have a person sign in, and use one app in the person's name (OAuth 2.1, as MCP's
//! authorization has it).
//!
//! 1. A client is known by a document at an address of its own, or registers itself ([`client`]).
//! 2. It sends a browser here ([`authorization`]). The person signs in as for anything else ([`crate::sso`]): what
//!    comes of it is what the certificate of a sign-in would say.
//! 3. The person is asked, in the browser that began ([`consent`]). Yes makes a grant, and a code.
//! 4. The client gets tokens for the code, and further ones by the refresh token, each of which is good once
//!    ([`mod@tokens`]).
//! 5. A proxy that is shown an access token asks here ([`evidence`]): what is given is a certificate that names the
//!    grant, and agents let it in while the grant is there.
//!
//! Codes and tokens are sealed by a key that the auth services of the cluster share ([`seal`]): what was not made here is
//! not looked up, and what was made here and is shown a second time is known for that and ends the grant ([`grant`]).

mod authorization;
mod client;
mod consent;
mod document;
mod evidence;
mod grant;
mod redirect;
mod seal;
mod tokens;

use std::sync::Arc;

use api::wire::{OauthError, OauthRefusal};
use api::{Error, ErrorKind, oauth_description};
use audit::Outcome;
use audit::record::{OauthEvent, OauthStep};
use resource::{ClusterAuthPreference, OauthKnownBy};
use time::Duration;

pub(crate) use self::authorization::{Authorization, start};
pub(crate) use self::client::register;
pub(crate) use self::consent::{answer, read, signed_in};
pub(crate) use self::document::Documents;
pub(crate) use self::evidence::{Good, Shown, check, token_of};
pub(crate) use self::grant::{end_all_of, forget, removed};
pub(crate) use self::seal::renew as renew_seal;
pub(crate) use self::tokens::{revoke, tokens};
use crate::core::Core;

/// How long a code waits for the client.
pub(crate) const CODE_LIFE: Duration = Duration::seconds(60);
/// How long an access token lets requests in.
pub(crate) const ACCESS_LIFE: Duration = Duration::minutes(10);
/// How long a person may take to answer the consent page.
const CONSENT_LIFE: Duration = Duration::minutes(10);
/// What one user may have granted at a time: the oldest ends for another.
pub(crate) const MAX_GRANTS: usize = 32;

/// The longest id of a client.
const MAX_CLIENT_ID: usize = 2048;
/// The longest redirect URI.
const MAX_REDIRECT_URI: usize = 512;
/// The longest text that a client sends along to have it back.
const MAX_STATE: usize = 1024;
/// The longest text that is compared or looked up.
const MAX_TEXT: usize = 128;
/// The longest name of a client.
const MAX_NAME: usize = 64;

fn preference(core: &Core) -> Option<Arc<ClusterAuthPreference>> {
    core.replica.snapshot().auth_preference.clone()
}

fn is_allowed(core: &Core, known_by: OauthKnownBy) -> bool {
    known_by.is_allowed(preference(core).as_deref().map(|preference| &preference.spec))
}

/// Refuses everything while the cluster has not allowed it.
fn require(core: &Core, known_by: OauthKnownBy) -> Result<(), Error> {
    if is_allowed(core, known_by) {
        return Ok(());
    }
    Err(match known_by {
        OauthKnownBy::Document => Error::denied("this cluster lets no clients in by OAuth")
            .hint("an administrator allows it: allow_oauth of cluster_auth_preference"),
        OauthKnownBy::Registration => Error::denied("clients do not register themselves here")
            .hint(
                "an administrator allows it: allow_oauth_registration of cluster_auth_preference",
            ),
    })
}

/// A refusal in OAuth's way, in the characters that RFC 6749 has for it.
fn refusal(error: OauthError, why: &str) -> OauthRefusal {
    OauthRefusal { error, error_description: oauth_description(why) }
}

/// A parameter without a value is none (RFC 6749, section 3.1).
fn leave_out_empty<const N: usize>(parameters: [&mut Option<String>; N]) {
    for parameter in parameters {
        parameter.take_if(|text| text.is_empty());
    }
}

/// A refusal of somebody who is known, or a fault.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unauthenticated | ErrorKind::NotFound)
}

/// An event without what only some of them have.
const fn event(step: OauthStep, outcome: Outcome<'_>) -> OauthEvent<'_> {
    OauthEvent {
        step,
        user: None,
        client_id: None,
        client_name: None,
        app_name: None,
        target_cluster: None,
        oauth_grant: None,
        outcome,
        reason: None,
        expires: None,
        remote_addr: None,
    }
}
