//! Values that must not be seen by accident.

use std::fmt;

use zeroize::Zeroize;

/// What stands where a value is kept from whoever reads; written back, it keeps the value.
pub const MASK: &str = "********";

/// Holds a value that is wiped when dropped, shows nothing in `Debug` and cannot be serialised.
///
/// Comparison is for tests and change detection; it does not run in constant time and must not decide whether
/// somebody knows a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into keeping.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Each call of this is a place to look at in review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Whether what is secret in a resource is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Left out or masked.
    Redact,
    /// As it is.
    Include,
}
