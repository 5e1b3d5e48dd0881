//! What an assertion says (core, section 2; profiles, section 4.1.4.2), once it is known who signed it.

use time::{Duration, OffsetDateTime};

use super::{Demands, check_issuer, check_request, same};
use crate::assertion::{Attribute, VerifiedAssertion};
use crate::error::Refused;
use crate::instant::shown;
use crate::names::{BEARER, SAML, TRANSIENT, XSI};
use crate::signature::Signed;
use crate::xml::Element;

/// How far the provider's clock may be off.
const LEEWAY: Duration = Duration::seconds(60);

/// What an assertion says, if it is for us and for now.
pub(super) fn read(
    assertion: &Signed,
    demands: &Demands<'_>,
) -> Result<VerifiedAssertion, Refused> {
    let form = Refused::Form;
    let assertion = assertion.element();
    same("version", "assertion", assertion.attribute("Version").unwrap_or_default(), "2.0")?;
    let issuer = assertion.one(SAML, "Issuer").map_err(form)?;
    check_issuer(issuer, "assertion", demands)?;
    let id = assertion.attribute("ID").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Refused::form("the assertion has no ID"))?;
    let end = check_conditions(assertion, demands)?;
    let subject = assertion.one(SAML, "Subject").map_err(form)?;
    let good_until = check_subject(subject, demands)?.max(end.unwrap_or(demands.now));
    let session_end = check_session(assertion, demands)?;
    let name = subject.one(SAML, "NameID").map_err(form)?;
    let name_id = name.text().map_err(form)?;
    if name_id.is_empty() {
        return Err(Refused::form("the NameID is empty"));
    }
    // Somebody may be called " alice" at the provider, and is not our alice.
    if name_id != name.all_text() {
        return Err(Refused::form("the NameID has space around it"));
    }
    let format = name.attribute("Format").unwrap_or_default();
    Ok(VerifiedAssertion {
        id: id.to_owned(),
        issuer: demands.issuer.to_owned(),
        name_id,
        name_id_format: format.to_owned(),
        is_transient: format == TRANSIENT,
        attributes: attributes(assertion)?,
        good_until: good_until.saturating_add(LEEWAY),
        session_end,
    })
}

/// Core, section 2.5: for whom, and when. Gives until when, if it says so.
fn check_conditions(
    assertion: &Element,
    demands: &Demands<'_>,
) -> Result<Option<OffsetDateTime>, Refused> {
    let form = Refused::Form;
    let conditions = assertion.one(SAML, "Conditions").map_err(form)?;
    let end = in_time(conditions, "Conditions", demands.now)?;
    let mut restrictions = 0;
    for condition in conditions.elements() {
        match condition.name.as_str() {
            "AudienceRestriction" if &*condition.namespace == SAML => {
                restrictions += 1;
                let audiences: Result<Vec<String>, String> =
                    condition.all(SAML, "Audience").map(Element::text).collect();
                let audiences = audiences.map_err(form)?;
                if !audiences.iter().any(|audience| audience == demands.audience) {
                    same("audience", "assertion", &audiences.join(", "), demands.audience)?;
                }
            }
            // It is used once here in any case; nothing is asserted to others.
            "OneTimeUse" | "ProxyRestriction" if &*condition.namespace == SAML => {}
            other => return Err(Refused::form(format!("a condition that is not known: {other}"))),
        }
    }
    if restrictions == 0 {
        return Err(Refused::form("the assertion does not say for whom it is (Audience)"));
    }
    Ok(end)
}

/// Profiles, section 4.1.4.3: one bearer confirmation for here, for now, and for what was asked. Gives until
/// when any of them could be good.
fn check_subject(subject: &Element, demands: &Demands<'_>) -> Result<OffsetDateTime, Refused> {
    let mut last = None;
    let mut why = Some(Refused::form("the assertion has no bearer confirmation"));
    for confirmation in subject.all(SAML, "SubjectConfirmation") {
        if confirmation.attribute("Method") != Some(BEARER) {
            continue;
        }
        let data = confirmation.at_most_one(SAML, DATA).map_err(Refused::Form)?;
        if demands.request.is_none()
            && data.is_some_and(|data| data.attribute("InResponseTo").is_some())
        {
            // Elsewhere one that fits is enough; this answers somebody's request, whatever else it is.
            return Err(Refused::Solicited(DATA));
        }
        let end = data.map(|data| instant(data, "NotOnOrAfter")).transpose()?.flatten();
        last = last.max(end);
        match check_confirmation(confirmation, demands) {
            Ok(()) => why = None,
            Err(refused) if why.is_some() => why = Some(refused),
            Err(_one_is_enough) => {}
        }
    }
    why.map_or_else(|| Ok(last.unwrap_or(demands.now)), Err)
}

const DATA: &str = "SubjectConfirmationData";

fn check_confirmation(confirmation: &Element, demands: &Demands<'_>) -> Result<(), Refused> {
    let data = confirmation.one(SAML, DATA).map_err(Refused::Form)?;
    same("recipient", DATA, data.attribute("Recipient").unwrap_or_default(), demands.acs)?;
    check_request(DATA, data.attribute("InResponseTo"), demands)?;
    if data.attribute("NotBefore").is_some() {
        return Err(Refused::form("a bearer confirmation has no NotBefore"));
    }
    let end = in_time(data, DATA, demands.now)?;
    match end {
        Some(_) => Ok(()),
        None => Err(Refused::form("the bearer confirmation has no NotOnOrAfter")),
    }
}

/// Profiles, section 4.1.4.2: who vouches says how and when the person signed in, and possibly for how long
/// that counts. Gives until when that is, the earliest of all.
fn check_session(
    assertion: &Element,
    demands: &Demands<'_>,
) -> Result<Option<OffsetDateTime>, Refused> {
    let mut end: Option<OffsetDateTime> = None;
    let mut statements = 0;
    for statement in assertion.all(SAML, "AuthnStatement") {
        statements += 1;
        if let Some(this) = instant(statement, "SessionNotOnOrAfter")? {
            end = Some(end.map_or(this, |end| end.min(this)));
        }
        let Some(since) = demands.since else { continue };
        let at = instant(statement, "AuthnInstant")?.ok_or_else(|| {
            Refused::form("the assertion does not say when the person signed in (AuthnInstant)")
        })?;
        if at < since - LEEWAY {
            return Err(Refused::Stale(shown(at)));
        }
    }
    if statements == 0 {
        return Err(Refused::form("the assertion does not say that anybody signed in"));
    }
    match end {
        // Without leeway: a certificate until then would be over already.
        Some(end) if demands.now >= end => Err(Refused::Expired(shown(end), "SessionNotOnOrAfter")),
        end => Ok(end),
    }
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

/// The time in an attribute.
fn instant(element: &Element, name: &str) -> Result<Option<OffsetDateTime>, Refused> {
    crate::instant::instant(element, name).map_err(Refused::Form)
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
                .map(value);
            all.push(Attribute { name: name.to_owned(), values: values.collect() });
        }
    }
    Ok(all)
}

/// A value as it is written: with space around it, it is another one. Around elements, space means nothing.
fn value(value: &Element) -> String {
    let text = value.all_text();
    if value.elements().next().is_none() { text } else { text.trim().to_owned() }
}
