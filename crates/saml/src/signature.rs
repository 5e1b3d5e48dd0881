//! XML signatures (XML Signature 1.1), in the one form that SAML knows: in the element that they are about
//! (SAML 2.0 core, section 5.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::ForeignKey;
use pki::foreign_key::{Digest, SignatureAlgorithm};

use crate::canonical::{Canonical, canonical};
use crate::error::Refused;
use crate::names::{DSIG, ENVELOPED, EXCLUSIVE};
use crate::xml::{Comments, Element, parse};

/// Prefixes of an `InclusiveNamespaces`.
const MAX_PREFIXES: usize = 32;

/// An element whose bytes were signed: it was read from just these bytes. Only [`verify`] makes one.
#[derive(Debug)]
pub(crate) struct Signed(Element);

/// What a signature says that it is about.
struct Reference {
    digest: Digest,
    value: Vec<u8>,
    /// The prefixes that are always declared.
    inclusive: Vec<String>,
}

impl Signed {
    /// The element, without its signature.
    pub(crate) fn element(&self) -> &Element {
        &self.0
    }

    /// An element within one that was signed was signed as well.
    pub(crate) fn within(&self, find: impl FnOnce(&Element) -> Option<&Element>) -> Option<Self> {
        find(&self.0).cloned().map(Self)
    }

    /// What was decrypted from within an element that was signed: nobody else could have put it there.
    pub(crate) fn decrypted(&self, element: Element) -> Self {
        Self(element)
    }
}

/// Verifies the signature in an element. [`None`] when there is none.
pub(crate) fn verify(
    element: &Element,
    what: &'static str,
    keys: &[ForeignKey],
) -> Result<Option<Signed>, Refused> {
    let refused = |reason: String| Refused::Signature { element: what, reason };
    let Some(signature) = element.at_most_one(DSIG, "Signature").map_err(refused)? else {
        return Ok(None);
    };
    check(element, signature, keys).map(Some).map_err(refused)
}

fn check(element: &Element, signature: &Element, keys: &[ForeignKey]) -> Result<Signed, String> {
    let known = ["SignedInfo", "SignatureValue", "KeyInfo"];
    if signature
        .elements()
        .any(|one| &*one.namespace != DSIG || !known.contains(&one.name.as_str()))
    {
        return Err("it holds more than a signature does".to_owned());
    }
    let info = signature.one(DSIG, "SignedInfo")?;
    let method = info.one(DSIG, "CanonicalizationMethod")?;
    let inclusive = exclusive(method)?;
    let signed_info = canonical(info, Canonical { inclusive: &inclusive, without: None })
        .map_err(|error| error.to_string())?;
    // From here on only what was signed is read.
    let info = parse(&signed_info, Comments::Refuse).map_err(|error| error.to_string())?;
    let algorithm = algorithm(info.one(DSIG, "SignatureMethod")?)?;
    let value = base64(signature.one(DSIG, "SignatureValue")?)?;
    if !keys.iter().any(|key| key.verifies(algorithm, signed_info.as_bytes(), &value)) {
        return Err("it is by none of the keys that the connector knows".to_owned());
    }
    let reference = reference(&info, element)?;
    let options = Canonical { inclusive: &reference.inclusive, without: Some(signature) };
    let bytes = canonical(element, options).map_err(|error| error.to_string())?;
    if reference.digest.of(bytes.as_bytes()) != reference.value {
        return Err("what it was made over is something else".to_owned());
    }
    parse(&bytes, Comments::Refuse).map(Signed).map_err(|error| error.to_string())
}

/// The one reference of a signature, which must be to the element that it stands in.
fn reference(info: &Element, element: &Element) -> Result<Reference, String> {
    let reference = info.one(DSIG, "Reference")?;
    let uri = reference.attribute("URI").unwrap_or_default();
    let id = element.attribute("ID").filter(|id| !id.is_empty()).ok_or("the element has no ID")?;
    if uri.strip_prefix('#') != Some(id) {
        return Err(format!("it is about {uri:?}, and stands in {id:?}"));
    }
    let transforms = reference.one(DSIG, "Transforms")?;
    let all: Vec<&Element> = transforms.elements().collect();
    let inclusive = match all.as_slice() {
        [first, second]
            if first.is(DSIG, "Transform")
                && second.is(DSIG, "Transform")
                && first.attribute("Algorithm") == Some(ENVELOPED)
                && first.elements().next().is_none() =>
        {
            exclusive(second)?
        }
        _ => {
            return Err(
                "its transforms are not: enveloped signature, exclusive canonicalization".into()
            );
        }
    };
    let method = reference.one(DSIG, "DigestMethod")?.attribute("Algorithm").unwrap_or_default();
    let digest = match method {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Digest::Sha256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Digest::Sha384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => Digest::Sha512,
        other => return Err(format!("its digest {other:?} is not accepted")),
    };
    let value = base64(reference.one(DSIG, "DigestValue")?)?;
    Ok(Reference { digest, value, inclusive })
}

fn algorithm(method: &Element) -> Result<SignatureAlgorithm, String> {
    if method.elements().next().is_some() {
        return Err("its algorithm has parameters".to_owned());
    }
    match method.attribute("Algorithm").unwrap_or_default() {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => {
            Ok(SignatureAlgorithm::Rsa(Digest::Sha256))
        }
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => {
            Ok(SignatureAlgorithm::Rsa(Digest::Sha384))
        }
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => {
            Ok(SignatureAlgorithm::Rsa(Digest::Sha512))
        }
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Ok(SignatureAlgorithm::EcdsaP256),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Ok(SignatureAlgorithm::EcdsaP384),
        other => Err(format!("its algorithm {other:?} is not accepted")),
    }
}

/// The prefixes that an exclusive canonicalization always declares.
fn exclusive(method: &Element) -> Result<Vec<String>, String> {
    let algorithm = method.attribute("Algorithm").unwrap_or_default();
    if algorithm != EXCLUSIVE {
        return Err(format!("its canonicalization {algorithm:?} is not accepted"));
    }
    let list = method.at_most_one(EXCLUSIVE, "InclusiveNamespaces")?;
    if method.elements().count() != usize::from(list.is_some()) {
        return Err("its canonicalization has unknown parameters".to_owned());
    }
    let list = list.and_then(|list| list.attribute("PrefixList")).unwrap_or_default();
    let prefixes: Vec<String> = list
        .split_ascii_whitespace()
        .map(|prefix| if prefix == "#default" { String::new() } else { prefix.to_owned() })
        .collect();
    if prefixes.len() > MAX_PREFIXES {
        return Err("its canonicalization names too many prefixes".to_owned());
    }
    Ok(prefixes)
}

/// The bytes that an element holds in base64, however its lines are broken.
pub(crate) fn base64(element: &Element) -> Result<Vec<u8>, String> {
    let text: String = element.text()?.split_ascii_whitespace().collect();
    STANDARD.decode(text).map_err(|_error| format!("{} is not base64", element.name))
}
