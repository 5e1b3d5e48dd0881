//! SAML 2.0 as a service provider, as far as signing in goes: requests that are sent, and responses that
//! are believed or not. It knows nothing of users and roles.
//!
//! What is read of a response is what was signed, and nothing else. The signed bytes are made once
//! (exclusive canonicalization), their digest is compared, and then *those bytes* are read again: a
//! [`VerifiedAssertion`] holds what stands in them. Which element of a document a signature is about,
//! what stands beside it, how often an identifier is there and what other parsers make of it does not
//! matter then, which is what signature wrapping lives on. The same is done for what the signature itself
//! says (`SignedInfo`). So a mistake in the parser or in the canonicalization refuses a response, and lets
//! none through.
//!
//! Of XML only what responses need is read ([`xml`]): no document types, entities, processing instructions
//! or comments. Of XML signatures one form counts: enveloped, exclusive, over the element that it stands
//! in, by a key that was configured, with RSA or ECDSA and SHA-256 or better.
//!
//! Standards: SAML 2.0 core, bindings and profiles; XML Signature 1.1; Exclusive XML Canonicalization 1.0;
//! XML Encryption 1.1.

mod assertion;
mod canonical;
mod encryption;
mod error;
mod instant;
mod metadata;
mod names;
mod request;
mod response;
mod signature;
#[cfg(test)]
mod testing;
mod xml;

pub use crate::assertion::{Attribute, VerifiedAssertion};
pub use crate::error::Refused;
pub use crate::metadata::{IdentityProvider, MetadataError};
pub use crate::request::{AuthnRequest, RequestError};
pub use crate::response::{Demands, MAX_RESPONSE, verify};
