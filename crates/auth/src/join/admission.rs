//! Whether what somebody shows is good to join by: the one way in, for services and whoever else joins.

use api::{Error, ErrorKind};
use resource::token::JoinMethod;
use resource::{Kind, Resource, Secret, Token};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::workload::{self, Workload};
use crate::core::Core;
use crate::locks;

/// What somebody shows who wants to join.
pub(crate) struct Shown {
    /// The name of a join token.
    pub(crate) token: Secret<String>,
    /// What the platform signed that it runs on.
    pub(crate) id_token: Option<Secret<String>>,
}

/// A join token that was shown and is good, with all the proof that it asks for. What it is good for is
/// still to be looked at.
pub(crate) struct Admission {
    pub(crate) token: Token,
    pub(crate) workload: Option<Workload>,
}

/// Why somebody does not join, and what is known of who it was.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) token: Option<Token>,
    pub(crate) workload: Option<Workload>,
}

/// The token that is shown, if it is one and its proof is right.
pub(crate) async fn admit(core: &Core, shown: &Shown) -> Result<Admission, Refusal> {
    let Some(token) = find(core, &shown.token).await? else {
        return Err(Error::new(
            ErrorKind::Unauthenticated,
            "the join token is not valid: it is unknown, or has expired",
        )
        .hint("`tctl tokens add --type=app` on the auth host makes a new one")
        .into());
    };
    let refused = |error: Error| Refusal { error, token: Some(token.clone()), workload: None };
    let snapshot = core.replica.snapshot();
    locks::refuse_join(&snapshot, core.clock.now(), token.public_name()).map_err(refused)?;
    // The token says what proof it needs. Whoever shows it has no say in that.
    match (&token.spec.join_method, &shown.id_token) {
        (JoinMethod::Token, None) => Ok(Admission { token, workload: None }),
        (JoinMethod::Token, Some(_)) => Err(refused(Error::denied(
            "the join token is for join method token: set join_params.method to that",
        ))),
        (method @ JoinMethod::Workload(_), None) => Err(refused(Error::new(
            ErrorKind::Unauthenticated,
            format!(
                "knowing this join token is not enough: it is for join method {}",
                method.name()
            ),
        ))),
        (JoinMethod::Workload(join), Some(id_token)) => {
            match workload::verify(core, join, id_token).await {
                Ok(workload) => Ok(Admission { token, workload: Some(workload) }),
                Err((error, workload)) => Err(Refusal { workload, ..refused(error) }),
            }
        }
    }
}

// === impl Admission ===

impl Admission {
    /// Refuses after all.
    pub(crate) fn refuse(self, error: Error) -> Refusal {
        Refusal { error, token: Some(self.token), workload: self.workload }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, token: None, workload: None }
    }
}

/// Looks at every token, in a time that does not depend on how much of the secret is right.
async fn find(core: &Core, secret: &Secret<String>) -> Result<Option<Token>, Error> {
    let shown = Sha256::digest(secret.expose().as_bytes());
    let (tokens, _cursor) = core.records.list(Kind::Token).await?;
    let mut found = None;
    for token in tokens {
        let Resource::Token(token) = token else { continue };
        let kept = Sha256::digest(token.metadata.name.as_bytes());
        if bool::from(kept.as_slice().ct_eq(shown.as_slice())) {
            found = Some(token);
        }
    }
    let now = core.clock.now();
    Ok(found.filter(|token| token.metadata.expires.is_none_or(|end| now < end)))
}
