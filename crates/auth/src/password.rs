//! Passwords: which ones are accepted, how they are kept, how one is checked.
//!
//! A hash costs memory and time on purpose, so hashing runs on threads for blocking work, few at
//! once; whoever comes when too many wait is told to come again.

mod common;

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use password_hash::Error as PasswordError;
use password_hash::phc::PasswordHash;
use resource::Secret;
use runtime::Tasks;
use tokio::sync::Semaphore;

/// The shortest password, in characters.
pub(crate) const MIN_CHARS: usize = 12;
/// The longest password. Argon2 takes more; nobody types more.
pub(crate) const MAX_BYTES: usize = 1024;

/// 19 MiB, two passes, one lane: the first of the parameter sets that OWASP recommends for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at once. Four take 76 MiB and keep four cores busy for some 20 ms.
const WORKERS: usize = 4;
/// Hashes that run or wait: the last one waits for about half a second on two cores.
const MAX_WAITING: usize = 64;

/// Makes and checks password hashes. Clones share the workers.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    tasks: Tasks,
    entrance: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    /// What the password of a user who does not exist is checked against, so that such a check
    /// takes as long as any other.
    nobody: Arc<str>,
}

/// A password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    /// Too many others wait.
    #[error("too many passwords are being checked, at most {MAX_WAITING} may wait")]
    Busy,
    /// The work ended without a result.
    #[error("the password hash was not computed: {0}")]
    Failed(String),
}

// === impl Passwords ===

impl Passwords {
    /// Starts with the hash that stands for users who do not exist.
    pub(crate) fn new(tasks: Tasks) -> Result<Self, HashError> {
        let nobody = hash_now(&hex::encode(rand::random::<[u8; 16]>()))?;
        Ok(Self {
            tasks,
            entrance: Arc::new(Semaphore::new(MAX_WAITING)),
            workers: Arc::new(Semaphore::new(WORKERS)),
            nobody: nobody.into(),
        })
    }

    /// The hash to keep for a password.
    pub(crate) async fn hash(&self, password: Secret<String>) -> Result<String, HashError> {
        self.work(move || hash_now(password.expose())).await?
    }

    /// Whether `password` is the one that `hash` was made of. Without a hash the answer is no, after
    /// the same work.
    pub(crate) async fn verify(
        &self,
        hash: Option<String>,
        password: Secret<String>,
    ) -> Result<bool, HashError> {
        let nobody = self.nobody.clone();
        self.work(move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(&nobody);
            verify_now(hash, password.expose()).map(|matches| matches && known)
        })
        .await?
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let failed = |error: &dyn std::fmt::Display| HashError::Failed(error.to_string());
        let _waiting = self.entrance.try_acquire().map_err(|_full| HashError::Busy)?;
        let _worker = self.workers.acquire().await.map_err(|closed| failed(&closed))?;
        self.tasks.spawn_blocking("auth.password", work).await.map_err(|end| failed(&end))
    }
}

/// Whether a user may choose this password; the error is a sentence for the user.
pub(crate) fn check(user: &str, password: &str) -> Result<(), String> {
    if password.chars().count() < MIN_CHARS {
        return Err(format!("the password must have at least {MIN_CHARS} characters"));
    }
    if password.len() > MAX_BYTES {
        return Err(format!("the password must have at most {MAX_BYTES} bytes"));
    }
    let folded = password.to_lowercase();
    let user = user.to_lowercase();
    if common::is_common(&folded) {
        return Err("the password is one of those that are tried first; choose another".to_owned());
    }
    if user.chars().count() >= 4 && is_repetition(&folded, &user) {
        return Err("the password must not be made of the user's name".to_owned());
    }
    Ok(())
}

/// Whether `text` is `part` written over and over, the last time perhaps cut short.
fn is_repetition(text: &str, part: &str) -> bool {
    text.chars().zip(part.chars().cycle()).all(|(a, b)| a == b)
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| HashError::Failed(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<String, HashError> {
    argon2()?
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| HashError::Failed(error.to_string()))
}

fn verify_now(hash: &str, password: &str) -> Result<bool, HashError> {
    let hash = PasswordHash::new(hash).map_err(|error| HashError::Failed(error.to_string()))?;
    match argon2()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(PasswordError::PasswordInvalid) => Ok(false),
        Err(error) => Err(HashError::Failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
