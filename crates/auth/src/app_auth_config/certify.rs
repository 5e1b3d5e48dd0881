//! What comes of a token that is accepted: a certificate whose key nobody has.

use api::Error;
use api::wire::{AppTokenIdentity, VisitEvidence};
use pki::{BoundApp, PrivateKey, PublicKey, UserIdentity};
use resource::{AppAuthConfig, Kind, User};
use time::OffsetDateTime;

use super::Asked;
use crate::certificate::{self, Ticket};
use crate::clusters;
use crate::core::Core;
use crate::cx::{self, Granted};
use crate::oauth;

/// A token that is accepted.
pub(super) struct Accepted {
    pub(super) by: By,
    pub(super) user: UserIdentity,
    /// PEM.
    certificate: String,
    /// Whether it must not be used when nobody can be asked what was locked meanwhile.
    strict: bool,
}

/// By what it is.
pub(super) struct By {
    pub(super) config: Option<String>,
    /// What people granted the client that shows a token of the cluster's own, and when that ends.
    pub(super) grant: Option<String>,
    token_ends: Option<OffsetDateTime>,
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
    let ticket = Ticket {
        client: asked.request.client_addr.as_deref(),
        until: Some(until),
        // The next token of this user continues what was begun with this one.
        login_id: Some(login_of(config, user)),
        ..Ticket::of(user, &key)
    };
    let drawn = certificate::draw_up(core, &ticket).await?;
    let by = By { config: Some(config.name().to_owned()), grant: None, token_ends: None };
    seal(core, &key, drawn, asked, by)
}

/// The same for whom a grant to a client names.
pub(super) async fn certify_granted(
    core: &Core,
    good: oauth::Good,
    asked: Asked<'_>,
) -> Result<Accepted, Error> {
    let oauth::Good { grant, user, token_ends } = good;
    let known = core.records.find(Kind::User, &user.name).await?;
    let ends = known.and_then(|known| known.metadata().expires);
    let expires = ends.map_or(user.expires, |end| end.min(user.expires));
    let drawn = UserIdentity { issued: core.clock.now(), expires, ..user };
    let (grant, token_ends) = (Some(grant.name().to_owned()), Some(token_ends.min(expires)));
    let key = PrivateKey::generate().map_err(Error::internal)?.public();
    seal(core, &key, drawn, asked, By { config: None, grant, token_ends })
}

/// A certificate for what is asked for, and for nothing else.
fn seal(
    core: &Core,
    key: &PublicKey,
    drawn: UserIdentity,
    asked: Asked<'_>,
    by: By,
) -> Result<Accepted, Error> {
    let app = Some(BoundApp::Here(asked.request.app.clone()));
    let Some(cluster) = asked.cluster else {
        let user = UserIdentity { app, ..drawn };
        let certificate = certificate::seal(core, key, &user)?.to_pem();
        return Ok(Accepted { by, user, certificate, strict: false });
    };
    // Which clusters there are is for those who are known here.
    clusters::require_remote(core, cluster)?;
    let client = asked.request.client_addr.as_deref().and_then(certificate::ip_of);
    let granted = cx::tools_of_visit(core, &drawn, client, (cluster, Some(&asked.request.app)))
        .map_err(certificate::of_somebody_else)?;
    refuse_unproven(core, &granted)?;
    let strict = granted.strict;
    // What it rests on is this cluster's business, and older clusters do not know of such things.
    let (visit, oauth_grant) = (Some(granted.visit(cluster)), None);
    let user = UserIdentity { app, visit, oauth_grant, ..drawn };
    let certificate = clusters::certify(core, key, &user, cluster)?.to_pem();
    Ok(Accepted { by, user, certificate, strict })
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
        Self {
            certificate: accepted.certificate,
            valid_until: accepted.user.expires,
            oauth_grant: accepted.by.grant,
            token_expires: accepted.by.token_ends,
        }
    }
}

impl From<Accepted> for VisitEvidence {
    fn from(accepted: Accepted) -> Self {
        let Accepted { certificate, strict, user, by } = accepted;
        Self {
            certificate,
            strict,
            valid_until: user.expires,
            oauth_grant: by.grant,
            token_expires: by.token_ends,
        }
    }
}
