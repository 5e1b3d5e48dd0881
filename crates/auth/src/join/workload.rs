//! Joining without a shared secret: a platform signs who a workload is, and the rules of a join token say
//! which workloads may join.
//!
//! Every platform takes the one way below. The signature counts by the keys that the issuer publishes, or
//! that the token resource holds; issuer and audience are exact; and the audience is this cluster, so that
//! what a workload showed to somebody else is of no use here.
//!
//! How often a signed token is good for joining is decided by how workloads get them. A workflow of GitHub
//! asks for one whenever it needs it, so each is taken once. A job of GitLab has one for as long as it
//! runs, and a pod reads the same file whenever it starts again: there a short life has to do.

use std::collections::BTreeMap;

use api::{Error, ErrorKind};
use pki::jwt::foreign::{self, Demands, ForeignKeys, ForeignToken, ForeignTokenError};
use resource::Secret;
use resource::token::{JoinClaim, JoinRule, Platform, WorkloadJoin};
use serde_json::{Map, Value};
use store::Key;
use time::{Duration, OffsetDateTime};

use crate::core::Core;
use crate::{keys, kubernetes};

/// How old a token of GitHub may be: it was made to be used at once.
const GITHUB_MAX_AGE: Duration = Duration::minutes(10);
/// How old a token of GitLab may be: it is made when the job begins.
const GITLAB_MAX_AGE: Duration = Duration::hours(24);
/// How long a pod's token may live: the kubelet renews it, so nobody needs one that lives longer.
const POD_MAX_LIFE: Duration = Duration::minutes(30);
/// The most rules that a refusal speaks of.
const MAX_NAMED: usize = 5;
/// The claims that are recorded beside those that rules look at.
const TOLD: [&str; 6] = ["iss", "sub", "jti", "run_id", "job_id", "pipeline_id"];

/// A workload that proved who it is.
pub(crate) struct Workload {
    /// What is recorded of it.
    pub(crate) claims: BTreeMap<String, String>,
    /// What its token is remembered by and until when, if it is good for one use.
    pub(super) once: Option<(Key, OffsetDateTime)>,
}

/// The workload that a signed token names, if the rules let it in. Of one that they do not let in, who it
/// is.
pub(super) async fn verify(
    core: &Core,
    join: &WorkloadJoin,
    id_token: &Secret<String>,
) -> Result<Workload, (Error, Option<Workload>)> {
    if join.platform == Platform::KubernetesInCluster {
        let claims = kubernetes::review(core, id_token).await.map_err(|error| (error, None))?;
        let workload = Workload { claims: told(join, &claims), once: None };
        return match judge(join, &claims) {
            Ok(()) => Ok(workload),
            Err(error) => Err((error, Some(workload))),
        };
    }
    let token = believed(core, join, id_token).await.map_err(|error| (error, None))?;
    let mut workload = Workload { claims: told(join, token.claims()), once: None };
    if let Err(error) = judge(join, token.claims()) {
        return Err((error, Some(workload)));
    }
    match once(join, &token) {
        Ok(once) => workload.once = once,
        Err(error) => return Err((not_accepted(&error), Some(workload))),
    }
    Ok(workload)
}

/// A token that is signed by whom it must be, for us, now.
async fn believed(
    core: &Core,
    join: &WorkloadJoin,
    id_token: &Secret<String>,
) -> Result<ForeignToken, Error> {
    let expected = join.platform.issuer();
    // Before anybody is asked for keys: strangers do not make us ask for the sake of nothing.
    let said = foreign::unverified_issuer(id_token.expose())
        .ok_or_else(|| not_accepted(&ForeignTokenError::Malformed))?;
    if expected.as_ref().is_some_and(|expected| *expected != said) {
        return Err(not_accepted(&ForeignTokenError::Unexpected { claim: "iss" }));
    }
    let verified = match (&join.static_jwks, &expected) {
        (Some(keys), _) => ForeignKeys::from_json(keys.as_bytes())
            .map_err(Error::internal)?
            .verify(id_token.expose()),
        (None, Some(issuer)) => {
            let _place = core.providers.place()?;
            let address = core.providers.keys_of(issuer).await?;
            core.providers.verify(&address, id_token.expose()).await?
        }
        (None, None) => return Err(Error::internal("a join token without keys and issuer")),
    };
    let token = verified.map_err(|error| not_accepted(&error))?;
    let max_age = match join.platform {
        Platform::Github { .. } => Some(GITHUB_MAX_AGE),
        Platform::Gitlab { .. } => Some(GITLAB_MAX_AGE),
        Platform::Kubernetes { .. } | Platform::KubernetesInCluster => None,
    };
    let now = core.clock.now();
    // Where the keys are all that is known of the issuer, they are the issuer.
    let issuer = expected.as_deref().unwrap_or(&said);
    let demands = Demands { issuer, audience: &core.cluster, now, max_age };
    token.check(&demands).map_err(|error| match error {
        ForeignTokenError::Unexpected { claim: "aud" } => not_accepted(&error)
            .hint(format!("its audience must be the name of the cluster: {:?}", core.cluster)),
        error => not_accepted(&error),
    })?;
    if matches!(join.platform, Platform::Kubernetes { .. }) {
        check_pod(&token)?;
    }
    Ok(token)
}

/// What a token of Kubernetes must be besides: one of a running pod, and short.
fn check_pod(token: &ForeignToken) -> Result<(), Error> {
    let pod = token.claims().get("kubernetes.io").and_then(|said| said.pointer("/pod/name"));
    if pod.and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(Error::new(
            ErrorKind::Unauthenticated,
            "the token is not bound to a pod, so that it could be used anywhere",
        )
        .hint("give the pod a projected service account token"));
    }
    let time = |claim| {
        let time = token.time(claim).map_err(|error| not_accepted(&error))?;
        time.ok_or_else(|| not_accepted(&ForeignTokenError::Claim { claim }))
    };
    if time("exp")? - time("iat")? > POD_MAX_LIFE {
        return Err(Error::new(
            ErrorKind::Unauthenticated,
            format!("the token lives longer than {} minutes", POD_MAX_LIFE.whole_minutes()),
        )
        .hint("set expirationSeconds: 600 where the token is projected"));
    }
    Ok(())
}

/// Whether a rule lets a workload in. Whoever is refused learns which field was not right and not what
/// would be; the cause, which is recorded, says both.
fn judge(join: &WorkloadJoin, claims: &Map<String, Value>) -> Result<(), Error> {
    let mut fields = Vec::new();
    let mut reasons = Vec::new();
    for (index, rule) in join.allow.iter().enumerate() {
        let Some(wrong) = first_wrong(rule, claims) else { return Ok(()) };
        let number = index + 1;
        if index < MAX_NAMED {
            fields.push(format!("rule {number} wants another {}", wrong.field));
            let found = claims.get(wrong.claim).map_or("nothing".to_owned(), Value::to_string);
            reasons.push(format!("rule {number}: {} is {found}, not {}", wrong.field, wrong.want));
        }
    }
    let more = join.allow.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        fields.push(format!("and {more} more do not fit"));
    }
    Err(Error::denied(format!(
        "the rules of the join token do not let this workload in: {}",
        fields.join("; ")
    ))
    .because(reasons.join("; ")))
}

/// The first claim that is not what a rule wants. The fields that identify come first, so that of a rule
/// about somebody else nothing more is told.
fn first_wrong<'a>(rule: &'a JoinRule, claims: &Map<String, Value>) -> Option<&'a JoinClaim> {
    rule.claims
        .iter()
        .find(|wanted| !claims.get(wanted.claim).is_some_and(|found| wanted.want.fits(found)))
}

/// What is recorded of a workload: who signed, who it is, and what the rules look at.
fn told(join: &WorkloadJoin, claims: &Map<String, Value>) -> BTreeMap<String, String> {
    let looked_at = join.allow.iter().flat_map(|rule| &rule.claims).map(|claim| claim.claim);
    let mut names: Vec<&str> = TOLD.into_iter().chain(looked_at).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let text = match claims.get(name)? {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((name.to_owned(), text))
        })
        .collect()
}

/// What a token is remembered by that is good for one use.
fn once(
    join: &WorkloadJoin,
    token: &ForeignToken,
) -> Result<Option<(Key, OffsetDateTime)>, ForeignTokenError> {
    if !matches!(join.platform, Platform::Github { .. }) {
        return Ok(None);
    }
    let missing = |claim| ForeignTokenError::Claim { claim };
    let text = |claim: &'static str| {
        let text =
            token.claims().get(claim).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| missing(claim))
    };
    let key = keys::used_proof(text("iss")?, text("jti")?).map_err(|_error| missing("jti"))?;
    let end = token.time("exp")?.ok_or_else(|| missing("exp"))?;
    Ok(Some((key, end + foreign::LEEWAY)))
}

fn not_accepted(error: &ForeignTokenError) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("the workload's token is not accepted: {error}"))
}
