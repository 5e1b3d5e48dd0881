//! What comes of a token that is accepted: a certificate whose key nobody has.

use api::Error;
use api::wire::{AppTokenIdentity, VisitEvidence};
use pki::{BoundApp, PrivateKey, UserIdentity};
use resource::{AppAuthConfig, User};
use time::OffsetDateTime;

use super::Asked;
use crate::certificate::{self, Ticket};
use crate::clusters;
use crate::core::Core;
use crate::cx::{self, Granted};

/// A token that is accepted.
pub(super) struct Accepted {
    pub(super) config: String,
    pub(super) user: UserIdentity,
    /// PEM.
    certificate: String,
    /// Whether it must not be used when nobody can be asked what was locked meanwhile.
    strict: bool,
}

/// Certifies a user for what is asked for, and for nothing else.
pub(super) async fn certify(
    core: &Core,
    config: &AppAuthConfig,
    user: &User,
    asked: Asked<'_>,
    until: OffsetDateTime,
) -> Result<Accepted, Error> {
    let key = PrivateKey::generate().map_err(Error::internal)?.public();
    let client = asked.request.client_addr.as_deref();
    let ticket = Ticket {
        client,
        until: Some(until),
        // The next token of this user continues what was begun with this one.
        login_id: Some(login_of(config, user)),
        ..Ticket::of(user, &key)
    };
    let drawn = certificate::draw_up(core, &ticket).await?;
    let app = Some(BoundApp::Here(asked.request.app.clone()));
    let config = config.name().to_owned();
    let Some(cluster) = asked.cluster else {
        let user = UserIdentity { app, ..drawn };
        let certificate = certificate::seal(core, &key, &user)?.to_pem();
        return Ok(Accepted { config, user, certificate, strict: false });
    };
    // Which clusters there are is for those who are known here.
    clusters::require_remote(core, cluster)?;
    let client = client.and_then(certificate::ip_of);
    let granted = cx::tools_of_visit(core, &drawn, client, (cluster, Some(&asked.request.app)))
        .map_err(certificate::of_somebody_else)?;
    refuse_unproven(core, &granted)?;
    let strict = granted.strict;
    let user = UserIdentity { app, visit: Some(granted.visit(cluster)), ..drawn };
    let certificate = clusters::certify(core, &key, &user, cluster)?.to_pem();
    Ok(Accepted { config, user, certificate, strict })
}

/// For an app of this cluster its agents ask for what no token proves. In another cluster nobody asks for what this
/// one wants, and which of the user's roles have a part in an app there is not known here.
fn refuse_unproven(core: &Core, granted: &Granted) -> Result<(), Error> {
    if granted.wants_mfa {
        return Err(Error::denied(
            "a second factor is wanted for MCP servers (require_session_mfa), and a token proves none: use \
             `tsh mcp connect`",
        ));
    }
    let preference = core.replica.snapshot().auth_preference.clone();
    if preference.is_some_and(|preference| preference.spec.require_client_proof == Some(true)) {
        return Err(Error::denied(
            "this cluster wants clients to prove that they hold their certificate's key, which nobody can \
             who shows a token: use `tsh mcp connect`",
        ));
    }
    Ok(())
}

/// Names the use of tokens of one issuer by one user.
fn login_of(config: &AppAuthConfig, user: &User) -> String {
    let made = user.spec.created_by.as_ref().and_then(|by| by.time);
    let made = made.map(|time| time.unix_timestamp().to_be_bytes()).unwrap_or_default();
    let parts: [&[u8]; 4] = [b"app token", config.name().as_bytes(), user.name().as_bytes(), &made];
    let digest = pki::digest_of(&parts);
    hex::encode(digest.get(..16).unwrap_or(&digest))
}

// === impl Accepted ===

impl From<Accepted> for AppTokenIdentity {
    fn from(accepted: Accepted) -> Self {
        Self { certificate: accepted.certificate, valid_until: accepted.user.expires }
    }
}

impl From<Accepted> for VisitEvidence {
    fn from(accepted: Accepted) -> Self {
        let Accepted { certificate, strict, user, .. } = accepted;
        Self { certificate, strict, valid_until: user.expires }
    }
}
