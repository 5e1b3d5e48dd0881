//! Why a response is not believed.

use crate::xml::XmlError;

/// Why a response is not believed. Each is for administrators: it repeats what the response says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not base64.
    #[error("the response is not base64")]
    Encoding,
    /// It is larger than any response.
    #[error("the response has more than {} bytes", crate::response::MAX_RESPONSE)]
    TooLarge,
    /// It is not XML of the kind that is read.
    #[error("the response is not XML that is accepted: {0}")]
    Xml(#[from] XmlError),
    /// It is not built as the standard has it.
    #[error("the response is not a SAML response: {0}")]
    Form(String),
    /// The provider says no.
    #[error("the provider answers {0}")]
    Status(String),
    /// Nobody signed it.
    #[error("neither the response nor its assertion is signed")]
    Unsigned,
    /// A signature does not hold.
    #[error("the signature of the {element} is not accepted: {reason}")]
    Signature {
        /// Which element it stands in.
        element: &'static str,
        /// Why.
        reason: String,
    },
    /// What is encrypted cannot be read.
    #[error("the encrypted assertion is not accepted: {0}")]
    Encryption(String),
    /// It is not for us, not from whom it should be, not an answer to what was asked, or not of this time.
    #[error("{what} of the {element} is {found:?}, not {wanted:?}")]
    Wrong {
        /// What is wrong.
        what: &'static str,
        /// Where.
        element: &'static str,
        /// What stands there.
        found: String,
        /// What should stand there.
        wanted: String,
    },
    /// It is over.
    #[error("the assertion was good until {0} ({1})")]
    Expired(String, &'static str),
    /// It is not good yet.
    #[error("the assertion is good from {0} on ({1})")]
    NotYet(String, &'static str),
    /// The person was to sign in anew, and did not.
    #[error("the person signed in at {0} (AuthnInstant), before the request that demands it anew")]
    Stale(String),
    /// Nobody asked for it.
    #[error("the response answers no request")]
    Unsolicited,
    /// It is taken as one that nobody asked for, and somebody did.
    #[error("the {0} answers a request (InResponseTo), which is not this browser's")]
    Solicited(&'static str),
}

impl Refused {
    pub(crate) fn form(what: impl Into<String>) -> Self {
        Self::Form(what.into())
    }
}
