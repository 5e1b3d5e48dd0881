//! Times, as messages and metadata write them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::xml::Element;

/// The time in an attribute: in UTC, with a `Z` (SAML 2.0 core, section 1.3.3).
pub(crate) fn instant(element: &Element, name: &str) -> Result<Option<OffsetDateTime>, String> {
    let Some(text) = element.attribute(name) else { return Ok(None) };
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(time) if time.offset().is_utc() => Ok(Some(time)),
        _ => Err(format!("{name} is no time in UTC: {text:?}")),
    }
}

/// The same, for people.
pub(crate) fn shown(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}
