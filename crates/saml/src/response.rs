//! Responses (SAML 2.0 core, section 3.3.3; profiles, section 4.1.4), and what must be true of one before it is
//! believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::{ForeignKey, RsaKey};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::assertion::{Attribute, VerifiedAssertion};
use crate::encryption::decrypt;
use crate::error::Refused;
use crate::names::{BEARER, ENTITY, SAML, SAMLP, SUCCESS, TRANSIENT, XSI};
use crate::signature::{self, Signed};
use crate::xml::{Comments, Element, parse};

/// The largest response, in base64.
pub const MAX_RESPONSE: usize = 256 << 10;
/// How far the provider's clock may be off.
const LEEWAY: Duration = Duration::seconds(60);

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
    /// The request that it answers; [`None`] where one may come unasked, and then it answers none.
    pub request: Option<&'a str>,
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
    check_response(response, demands)?;
    let assertion = find(response, signed.as_ref(), demands)?;
    read(&assertion, demands)
}

/// The one assertion of a response, verified.
fn find(
    response: &Element,
    signed: Option<&Signed>,
    demands: &Demands<'_>,
) -> Result<Signed, Refused> {
    let form = Refused::Form;
    let plain = response.at_most_one(SAML, "Assertion").map_err(form)?;
    let encrypted = response.at_most_one(SAML, "EncryptedAssertion").map_err(form)?;
    let (element, outer) = match (plain, encrypted) {
        (Some(plain), None) => {
            let outer = signed.and_then(|signed| {
                signed.within(|response| response.all(SAML, "Assertion").next())
            });
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
fn check_response(response: &Element, demands: &Demands<'_>) -> Result<(), Refused> {
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
    if let Some(destination) = response.attribute("Destination") {
        same("destination", "response", destination, demands.acs)?;
    }
    if let Some(issuer) = response.at_most_one(SAML, "Issuer").map_err(form)? {
        check_issuer(issuer, "response", demands)?;
    }
    check_request("response", response.attribute("InResponseTo"), demands)
}

/// What an assertion says, if it is for us and for now.
fn read(assertion: &Signed, demands: &Demands<'_>) -> Result<VerifiedAssertion, Refused> {
    let form = Refused::Form;
    let assertion = assertion.element();
    same("version", "assertion", assertion.attribute("Version").unwrap_or_default(), "2.0")?;
    let issuer = assertion.one(SAML, "Issuer").map_err(form)?;
    check_issuer(issuer, "assertion", demands)?;
    let id = assertion.attribute("ID").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Refused::form("the assertion has no ID"))?;
    let mut good_until = check_conditions(assertion, demands)?;
    let subject = assertion.one(SAML, "Subject").map_err(form)?;
    let confirmed = check_subject(subject, demands)?;
    good_until = good_until.max(confirmed);
    // Profiles, section 4.1.4.2: who vouches says how and when the person signed in.
    let statement = assertion.all(SAML, "AuthnStatement").next();
    let statement = statement
        .ok_or_else(|| Refused::form("the assertion does not say that anybody signed in"))?;
    if let Some(end) = instant(statement, "SessionNotOnOrAfter")?
        && demands.now - LEEWAY >= end
    {
        return Err(Refused::Expired(shown(end), "SessionNotOnOrAfter"));
    }
    let name = subject.one(SAML, "NameID").map_err(form)?;
    let name_id = name.text().map_err(form)?;
    if name_id.is_empty() {
        return Err(Refused::form("the NameID is empty"));
    }
    let format = name.attribute("Format").unwrap_or_default();
    Ok(VerifiedAssertion {
        id: id.to_owned(),
        issuer: demands.issuer.to_owned(),
        name_id,
        name_id_format: format.to_owned(),
        is_transient: format == TRANSIENT,
        attributes: attributes(assertion)?,
        good_until: good_until + LEEWAY,
    })
}

/// Core, section 2.5: for whom, and when.
fn check_conditions(assertion: &Element, demands: &Demands<'_>) -> Result<OffsetDateTime, Refused> {
    let form = Refused::Form;
    let conditions = assertion.one(SAML, "Conditions").map_err(form)?;
    let end = in_time(conditions, "Conditions", demands.now)?;
    let mut restrictions = 0;
    for condition in conditions.elements() {
        match condition.name.as_str() {
            "AudienceRestriction" if condition.namespace == SAML => {
                restrictions += 1;
                let audiences: Result<Vec<String>, String> =
                    condition.all(SAML, "Audience").map(Element::text).collect();
                let audiences = audiences.map_err(form)?;
                if !audiences.iter().any(|audience| audience == demands.audience) {
                    same("audience", "assertion", &audiences.join(", "), demands.audience)?;
                }
            }
            // It is used once here in any case; nothing is asserted to others.
            "OneTimeUse" | "ProxyRestriction" if condition.namespace == SAML => {}
            other => return Err(Refused::form(format!("a condition that is not known: {other}"))),
        }
    }
    if restrictions == 0 {
        return Err(Refused::form("the assertion does not say for whom it is (Audience)"));
    }
    Ok(end.unwrap_or(demands.now))
}

/// Profiles, section 4.1.4.3: a bearer confirmation for here, for now, and for what was asked. Gives until
/// when it is good.
fn check_subject(subject: &Element, demands: &Demands<'_>) -> Result<OffsetDateTime, Refused> {
    let mut why = Refused::form("the assertion has no bearer confirmation");
    for confirmation in subject.all(SAML, "SubjectConfirmation") {
        if confirmation.attribute("Method") != Some(BEARER) {
            continue;
        }
        match check_confirmation(confirmation, demands) {
            Ok(end) => return Ok(end),
            Err(refused) => why = refused,
        }
    }
    Err(why)
}

fn check_confirmation(
    confirmation: &Element,
    demands: &Demands<'_>,
) -> Result<OffsetDateTime, Refused> {
    let what = "SubjectConfirmationData";
    let data = confirmation.one(SAML, what).map_err(Refused::Form)?;
    same("recipient", what, data.attribute("Recipient").unwrap_or_default(), demands.acs)?;
    check_request(what, data.attribute("InResponseTo"), demands)?;
    if data.attribute("NotBefore").is_some() {
        return Err(Refused::form("a bearer confirmation has no NotBefore"));
    }
    let end = in_time(data, what, demands.now)?;
    end.ok_or_else(|| Refused::form("the bearer confirmation has no NotOnOrAfter"))
}

/// Whether an element is good now; gives until when.
fn in_time(
    element: &Element,
    what: &'static str,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, Refused> {
    if let Some(begin) = instant(element, "NotBefore")?
        && now + LEEWAY < begin
    {
        return Err(Refused::NotYet(shown(begin), what));
    }
    let end = instant(element, "NotOnOrAfter")?;
    match end {
        Some(end) if now - LEEWAY >= end => Err(Refused::Expired(shown(end), what)),
        end => Ok(end),
    }
}

/// Core, section 1.3.3: UTC, with a `Z`.
fn instant(element: &Element, name: &str) -> Result<Option<OffsetDateTime>, Refused> {
    let Some(text) = element.attribute(name) else { return Ok(None) };
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(time) => Ok(Some(time)),
        Err(_error) => Err(Refused::form(format!("{name} is no time: {text:?}"))),
    }
}

fn shown(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
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

/// What answers something answers what was asked; what answers nothing comes where nothing was asked.
fn check_request(
    element: &'static str,
    found: Option<&str>,
    demands: &Demands<'_>,
) -> Result<(), Refused> {
    match (found, demands.request) {
        (None, None) => Ok(()),
        (Some(found), Some(wanted)) => same("InResponseTo", element, found, wanted),
        (None, Some(_)) => Err(Refused::Unsolicited),
        (Some(found), None) => same("InResponseTo", element, found, ""),
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

/// All attributes of all statements.
fn attributes(assertion: &Element) -> Result<Vec<Attribute>, Refused> {
    let mut all = Vec::new();
    for statement in assertion.all(SAML, "AttributeStatement") {
        // Encrypted ones might be those by which something is denied.
        if statement.all(SAML, "EncryptedAttribute").next().is_some() {
            return Err(Refused::Encryption(
                "single attributes that are encrypted are not read".into(),
            ));
        }
        for attribute in statement.all(SAML, "Attribute") {
            let name = attribute.attribute("Name").filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| Refused::form("an attribute without a name"))?;
            let values = attribute.all(SAML, "AttributeValue");
            let values = values
                .filter(|value| !matches!(value.attribute_of(XSI, "nil"), Some("true" | "1")))
                .map(|value| value.all_text().trim().to_owned());
            all.push(Attribute { name: name.to_owned(), values: values.collect() });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
