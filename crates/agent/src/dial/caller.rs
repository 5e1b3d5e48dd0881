//! Whom a request to an upstream is made for.

use std::sync::Arc;

use http::HeaderValue;
use pki::{Identity, UserIdentity};
use resource::App;

use super::error::DialError;
use crate::assertion::{Assertion, Assertions};
use crate::evidence::Evidence;

/// A user of an app, and how to get a signed statement of who that is; or nobody.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Option<User>);

#[derive(Clone, Debug)]
struct User {
    identity: Arc<Identity>,
    evidence: Evidence,
    app: Arc<App>,
    assertions: Arc<Assertions>,
}

/// A signed statement, if there is one.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    statement: Option<Arc<Assertion>>,
    /// Why there is none.
    why: String,
}

// === impl Caller ===

impl Caller {
    pub(crate) fn new(
        identity: Arc<Identity>,
        evidence: Evidence,
        app: Arc<App>,
        assertions: Arc<Assertions>,
    ) -> Self {
        Self(Some(User { identity, evidence, app, assertions }))
    }

    /// Nobody: what is filled in for users is left out. See [`crate::health`], which alone asks so.
    pub(crate) const fn nobody() -> Self {
        Self(None)
    }

    /// Nothing for nobody.
    ///
    /// # Errors
    /// Only users have servers asked.
    pub(super) fn user(&self) -> Result<Option<&UserIdentity>, DialError> {
        let Some(User { identity, .. }) = &self.0 else { return Ok(None) };
        let nobody = || DialError::Request { reason: "it is no user's".to_owned() };
        identity.as_user().map(Some).ok_or_else(nobody)
    }

    /// Without a statement, requests go on that need none.
    pub(super) async fn tokens(&self) -> Tokens {
        let Some(User { evidence, app, assertions, .. }) = &self.0 else {
            return Tokens::default();
        };
        match assertions.get(evidence, app).await {
            Ok(statement) => Tokens { statement: Some(statement), why: String::new() },
            Err(error) => {
                tracing::debug!(%error, app = app.name(), "no statement of who the user is");
                Tokens { statement: None, why: error.to_string() }
            }
        }
    }
}

// === impl Tokens ===

impl Tokens {
    /// What stands for `{{internal.jwt}}` or `{{internal.id_token}}`.
    pub(super) fn named(&self, name: &str) -> Result<&HeaderValue, &str> {
        let statement = self.statement.as_ref().ok_or(self.why.as_str())?;
        match name {
            "id_token" => statement.id_token.as_ref().ok_or("the cluster has no public address"),
            _ => Ok(&statement.jwt),
        }
    }

    /// The statement itself.
    pub(super) fn jwt(&self) -> Option<&HeaderValue> {
        self.statement.as_ref().map(|statement| &statement.jwt)
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    impl Tokens {
        /// What the auth service might have signed.
        pub(in crate::dial) fn signed(jwt: &'static str, id_token: &'static str) -> Self {
            let statement = Assertion {
                jwt: HeaderValue::from_static(jwt),
                id_token: Some(HeaderValue::from_static(id_token)),
                valid_until: time::OffsetDateTime::UNIX_EPOCH,
                renew_at: time::OffsetDateTime::UNIX_EPOCH,
            };
            Self { statement: Some(Arc::new(statement)), why: String::new() }
        }
    }

    impl Caller {
        /// A user for whom nobody signs anything.
        pub(crate) fn alone(user: UserIdentity, app: Arc<App>) -> Self {
            let signer = Arc::new(Nobody);
            let assertions =
                Assertions::new(signer, runtime::Tasks::new(), runtime::Clock::system());
            let evidence = Evidence::new(Vec::new(), None);
            let identity = Arc::new(Identity::User(user));
            Self::new(identity, evidence, app, Arc::new(assertions))
        }
    }

    #[derive(Debug)]
    struct Nobody;

    impl crate::assertion::Signer for Nobody {
        fn sign(
            &self,
            _request: api::wire::AssertionRequest,
        ) -> futures_util::future::BoxFuture<'static, Result<api::wire::Assertion, api::Error>>
        {
            Box::pin(std::future::ready(Err(api::Error::unavailable("nobody signs"))))
        }
    }
}
