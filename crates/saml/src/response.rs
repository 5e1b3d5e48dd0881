//! Responses (SAML 2.0 core, section 3.3.3; profiles, section 4.1.4), and what must be true of one before it is
//! believed.

mod read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::{ForeignKey, RsaKey};
use time::OffsetDateTime;

use self::read::read;
use crate::assertion::VerifiedAssertion;
use crate::encryption::decrypt;
use crate::error::Refused;
use crate::names::{ENTITY, SAML, SAMLP, SUCCESS};
use crate::signature::{self, Signed};
use crate::xml::{Comments, Element, parse};

/// The largest response, in base64.
pub const MAX_RESPONSE: usize = 256 << 10;

/// What a response must be.
#[derive(Debug)]
pub struct Demands<'a> {
    /// The provider's name.
    pub issuer: &'a str,
    /// The keys by which it signs.
    pub keys: &'a [ForeignKey],
    /// Whom assertions are for.
    pub audience: &'a str,
    /// Where responses are brought.
    pub acs: &'a str,
    /// The request that it answers; none where the login begins at the provider (profiles, section 4.1.5).
    pub request: Option<&'a str>,
    /// Since when the person must have signed in at the provider, if that is demanded.
    pub since: Option<OffsetDateTime>,
    /// What encrypted assertions are decrypted with.
    pub key: Option<&'a RsaKey>,
    /// The time.
    pub now: OffsetDateTime,
}

/// What a response says of somebody, if all of it is as it must be.
///
/// # Errors
/// It is not.
pub fn verify(response: &str, demands: &Demands<'_>) -> Result<VerifiedAssertion, Refused> {
    if response.len() > MAX_RESPONSE {
        return Err(Refused::TooLarge);
    }
    let compact: String = response.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(compact).map_err(|_error| Refused::Encoding)?;
    let text = std::str::from_utf8(&bytes).map_err(|_error| Refused::Encoding)?;
    let root = parse(text, Comments::Refuse)?;
    if !root.is(SAMLP, "Response") {
        return Err(Refused::form(format!("the root is {}", root.name)));
    }
    // What is signed counts; where the response is not, all that follows is only more to refuse it for.
    let signed = signature::verify(&root, "response", demands.keys)?;
    let response = signed.as_ref().map_or(&root, Signed::element);
    check_response(response, signed.is_some(), demands)?;
    let assertion = find(&root, signed.as_ref(), demands)?;
    read(&assertion, demands)
}

/// The one assertion of a response, verified.
fn find(root: &Element, signed: Option<&Signed>, demands: &Demands<'_>) -> Result<Signed, Refused> {
    let form = Refused::Form;
    let response = signed.map_or(root, Signed::element);
    let plain = response.at_most_one(SAML, "Assertion").map_err(form)?;
    let encrypted = response.at_most_one(SAML, "EncryptedAssertion").map_err(form)?;
    let (element, outer) = match (plain, encrypted) {
        (Some(_), None) => {
            let outer = signed.and_then(|signed| {
                signed.within(|response| response.all(SAML, "Assertion").next())
            });
            // The response's canonical form may lack declarations that the assertion's has: its signature is
            // looked for where it was made.
            let plain = root.one(SAML, "Assertion").map_err(form)?;
            (plain.clone(), outer)
        }
        (None, Some(encrypted)) => {
            let element = decrypt(encrypted, demands.key, signed.is_some())?;
            if !element.is(SAML, "Assertion") {
                return Err(Refused::form("what is encrypted is no assertion"));
            }
            let outer = signed.map(|signed| signed.decrypted(element.clone()));
            (element, outer)
        }
        (None, None) => return Err(Refused::form("there is no assertion")),
        (Some(_), Some(_)) => return Err(Refused::form("there are several assertions")),
    };
    // A signature that is there must hold, whether it is needed or not.
    let own = signature::verify(&element, "assertion", demands.keys)?;
    own.or(outer).ok_or(Refused::Unsigned)
}

/// What a response says of itself. It may not be signed: only refusals come of it.
fn check_response(
    response: &Element,
    is_signed: bool,
    demands: &Demands<'_>,
) -> Result<(), Refused> {
    let form = Refused::Form;
    same("version", "response", response.attribute("Version").unwrap_or_default(), "2.0")?;
    let status = response.one(SAMLP, "Status").map_err(form)?;
    let code = status.one(SAMLP, "StatusCode").map_err(form)?;
    let value = code.attribute("Value").unwrap_or_default();
    if value != SUCCESS {
        let inner = code.elements().find_map(|inner| inner.attribute("Value"));
        let message = status.at_most_one(SAMLP, "StatusMessage").ok().flatten();
        let words = [Some(value), inner].into_iter().flatten().map(str::to_owned);
        let words = words.chain(message.map(Element::all_text));
        return Err(Refused::Status(words.collect::<Vec<_>>().join(": ")));
    }
    // Bindings, section 3.5.5.2: what is signed says where it was to be brought.
    let destination = response.attribute("Destination").or(is_signed.then_some(""));
    if let Some(destination) = destination {
        same("destination", "response", destination, demands.acs)?;
    }
    if let Some(issuer) = response.at_most_one(SAML, "Issuer").map_err(form)? {
        check_issuer(issuer, "response", demands)?;
    }
    check_request("response", response.attribute("InResponseTo"), demands)
}

fn check_issuer(
    issuer: &Element,
    element: &'static str,
    demands: &Demands<'_>,
) -> Result<(), Refused> {
    if let Some(format) = issuer.attribute("Format") {
        same("format of the issuer", element, format, ENTITY)?;
    }
    let text = issuer.text().map_err(Refused::Form)?;
    same("issuer", element, &text, demands.issuer)
}

/// It answers what was asked, or nothing where nothing was: a response that was taken from whom it was an answer to
/// is not one that nobody asked for.
fn check_request(
    element: &'static str,
    found: Option<&str>,
    demands: &Demands<'_>,
) -> Result<(), Refused> {
    match (found, demands.request) {
        (Some(found), Some(wanted)) => same("InResponseTo", element, found, wanted),
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Refused::Unsolicited),
        (Some(_), None) => Err(Refused::Solicited(element)),
    }
}

fn same(
    what: &'static str,
    element: &'static str,
    found: &str,
    wanted: &str,
) -> Result<(), Refused> {
    if found == wanted {
        return Ok(());
    }
    Err(Refused::Wrong { what, element, found: found.to_owned(), wanted: wanted.to_owned() })
}

#[cfg(test)]
mod tests;
