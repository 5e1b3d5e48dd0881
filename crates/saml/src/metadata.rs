//! What providers say of themselves (SAML 2.0 metadata). It is believed because of where it comes from: a
//! document that an administrator gave, or an address over TLS.

use pki::{ForeignKey, ForeignKeyError};
use time::OffsetDateTime;

use crate::instant::{instant, shown};
use crate::names::{DSIG, METADATA, REDIRECT};
use crate::signature::base64;
use crate::xml::{Comments, Element, XmlError, parse};

/// Keys of one provider.
const MAX_KEYS: usize = 16;

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its name.
    pub entity_id: String,
    /// Its page for requests in an address.
    pub sso: String,
    /// The keys by which it signs.
    pub keys: Vec<ForeignKey>,
    /// When all of this ends, if it says so (`validUntil`).
    pub valid_until: Option<OffsetDateTime>,
}

/// Why metadata cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not XML of the kind that is read.
    #[error("the metadata is not XML that is accepted: {0}")]
    Xml(#[from] XmlError),
    /// Not metadata.
    #[error("the metadata is not that of a provider: {0}")]
    Form(String),
    /// It does not describe the provider that is meant.
    #[error("the metadata describes {found}, not {wanted:?}")]
    Other {
        /// Whom it describes.
        found: String,
        /// Whom it should.
        wanted: String,
    },
    /// It is over.
    #[error("the metadata was good until {0} (validUntil)")]
    Expired(String),
    /// It has no key by which anything could be verified.
    #[error("the metadata has no signing key that is accepted{0}")]
    NoKey(String),
}

impl IdentityProvider {
    /// Reads metadata; of several providers, the one of this name.
    ///
    /// # Errors
    /// It is none, or not of that provider.
    pub fn from_metadata(text: &str, entity_id: Option<&str>) -> Result<Self, MetadataError> {
        let root = parse(text, Comments::Skip)?;
        let mut all = Vec::new();
        providers(&root, None, &mut all)?;
        let names = || {
            let names = all.iter().filter_map(|(one, _)| one.attribute("entityID"));
            names.map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
        };
        let (found, end) = match (entity_id, all.as_slice()) {
            (_, []) => return Err(MetadataError::Form("no IDPSSODescriptor is in it".to_owned())),
            (None, [one]) => *one,
            (None, _) => {
                let words = format!("it describes several ({}): name one as issuer", names());
                return Err(MetadataError::Form(words));
            }
            (Some(wanted), all) => {
                let mut those =
                    all.iter().filter(|(one, _)| one.attribute("entityID") == Some(wanted));
                match (those.next(), those.next()) {
                    (Some(one), None) => *one,
                    (Some(_), Some(_)) => {
                        let words = format!("it describes {wanted:?} twice");
                        return Err(MetadataError::Form(words));
                    }
                    (None, _) => {
                        let wanted = wanted.to_owned();
                        return Err(MetadataError::Other { found: names(), wanted });
                    }
                }
            }
        };
        let entity_id = found.attribute("entityID").unwrap_or_default();
        if entity_id.is_empty() {
            return Err(MetadataError::Form("it has no entityID".to_owned()));
        }
        let descriptor = found.one(METADATA, "IDPSSODescriptor").map_err(MetadataError::Form)?;
        let sso = descriptor
            .all(METADATA, "SingleSignOnService")
            .find(|service| service.attribute("Binding") == Some(REDIRECT))
            .and_then(|service| service.attribute("Location"))
            .ok_or_else(|| {
                MetadataError::Form("it has no SingleSignOnService with HTTP-Redirect".to_owned())
            })?;
        Ok(Self {
            entity_id: entity_id.to_owned(),
            sso: sso.to_owned(),
            keys: keys(descriptor)?,
            valid_until: earlier(end, descriptor)?,
        })
    }

    /// Whether what the metadata says still counts.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, now: OffsetDateTime) -> Result<(), MetadataError> {
        match self.valid_until {
            Some(end) if now >= end => Err(MetadataError::Expired(shown(end))),
            _ => Ok(()),
        }
    }
}

/// The end of what an element says, which is within another that ends (metadata, section 2.2).
fn earlier(
    outer: Option<OffsetDateTime>,
    element: &Element,
) -> Result<Option<OffsetDateTime>, MetadataError> {
    let own = instant(element, "validUntil").map_err(MetadataError::Form)?;
    Ok(outer.into_iter().chain(own).min())
}

/// The providers in a document, or in a document of documents, each with its end.
fn providers<'a>(
    element: &'a Element,
    outer: Option<OffsetDateTime>,
    found: &mut Vec<(&'a Element, Option<OffsetDateTime>)>,
) -> Result<(), MetadataError> {
    if element.is(METADATA, "EntityDescriptor") {
        if element.all(METADATA, "IDPSSODescriptor").next().is_some() {
            found.push((element, earlier(outer, element)?));
        }
    } else if element.is(METADATA, "EntitiesDescriptor") {
        let end = earlier(outer, element)?;
        for inner in element.elements() {
            providers(inner, end, found)?;
        }
    }
    Ok(())
}

/// The keys that sign. What is not understood of them is left out: providers list keys of all kinds.
fn keys(descriptor: &Element) -> Result<Vec<ForeignKey>, MetadataError> {
    let mut found = Vec::new();
    let mut why = String::new();
    for key in descriptor.all(METADATA, "KeyDescriptor") {
        if !matches!(key.attribute("use"), None | Some("signing")) {
            continue;
        }
        for info in key.all(DSIG, "KeyInfo") {
            for data in info.all(DSIG, "X509Data") {
                for certificate in data.all(DSIG, "X509Certificate") {
                    let read = base64(certificate).and_then(|der| {
                        ForeignKey::from_der(der)
                            .map_err(|error: ForeignKeyError| error.to_string())
                    });
                    match read {
                        Ok(key) => found.push(key),
                        Err(error) => why = format!(": {error}"),
                    }
                }
            }
        }
    }
    if found.is_empty() {
        return Err(MetadataError::NoKey(why));
    }
    found.truncate(MAX_KEYS);
    Ok(found)
}

#[cfg(test)]
mod tests;
