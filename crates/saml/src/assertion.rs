//! What an assertion says of somebody.

use time::OffsetDateTime;

/// An assertion that was verified. There is no other way to one than [`crate::verify`], and everything in it
/// stands in what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) name_id: String,
    pub(crate) name_id_format: String,
    pub(crate) is_transient: bool,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) good_until: OffsetDateTime,
    pub(crate) session_end: Option<OffsetDateTime>,
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its values, in their order.
    pub values: Vec<String>,
}

impl VerifiedAssertion {
    /// What the provider calls the assertion, once.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The provider.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the provider calls the person.
    #[must_use]
    pub fn name_id(&self) -> &str {
        &self.name_id
    }

    /// What kind of name that is; empty if it does not say.
    #[must_use]
    pub fn name_id_format(&self) -> &str {
        &self.name_id_format
    }

    /// Whether the provider calls the person something else each time.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.is_transient
    }

    /// What it says of the person; an attribute that is there twice, twice.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Until when the provider lets the person be signed in by it, if it says so.
    #[must_use]
    pub fn session_end(&self) -> Option<OffsetDateTime> {
        self.session_end
    }

    /// Until when somebody else could show it again.
    #[must_use]
    pub fn good_until(&self) -> OffsetDateTime {
        self.good_until
    }
}
