//! Requests to be told who somebody is (SAML 2.0 core, section 3.4.1), as they travel in an address
//! (bindings, section 3.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::{ForeignKeyError, RsaKey};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::canonical::push_text;
use crate::names::{POST, RSA_SHA256, SAML, SAMLP};

/// What is asked.
#[derive(Debug)]
pub struct AuthnRequest<'a> {
    /// Names the request; an XML name that nobody guesses.
    pub id: &'a str,
    /// Who asks.
    pub issuer: &'a str,
    /// Where the answer is brought.
    pub acs: &'a str,
    /// The provider's page.
    pub destination: &'a str,
    /// Whether the person is to sign in there anew, whoever is signed in there.
    pub force: bool,
    /// The time.
    pub now: OffsetDateTime,
}

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The provider's page has no address.
    #[error("the address of the provider is none: {0}")]
    Address(#[from] url::ParseError),
    /// It cannot be signed.
    #[error("the request cannot be signed: {0}")]
    Sign(#[from] ForeignKeyError),
    /// The time cannot be written.
    #[error("the time cannot be written")]
    Time,
    /// There is more to say than fits into an address.
    #[error("the request is too long for an address")]
    TooLong,
}

impl AuthnRequest<'_> {
    /// The address that a browser is sent to, signed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn redirect(&self, key: &RsaKey, relay_state: &str) -> Result<Url, RequestError> {
        let mut url = Url::parse(self.destination)?;
        let deflated = stored(self.to_xml()?.as_bytes()).ok_or(RequestError::TooLong)?;
        let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        // Bindings, section 3.4.4.1: signed as it is written.
        let query = format!(
            "SAMLRequest={}&RelayState={}&SigAlg={}",
            encode(&STANDARD.encode(deflated)),
            encode(relay_state),
            encode(RSA_SHA256)
        );
        let signature = STANDARD.encode(key.sign(query.as_bytes())?);
        let query = format!("{query}&Signature={}", encode(&signature));
        let query = match url.query() {
            Some(before) if !before.is_empty() => format!("{before}&{query}"),
            _ => query,
        };
        url.set_query(Some(&query));
        Ok(url)
    }

    fn to_xml(&self) -> Result<String, RequestError> {
        let now = self.now.replace_nanosecond(0).map_err(|_error| RequestError::Time)?;
        let now = now.format(&Rfc3339).map_err(|_error| RequestError::Time)?;
        let mut issuer = String::new();
        push_text(self.issuer, &mut issuer);
        let [id, destination, acs] = [self.id, self.destination, self.acs].map(value);
        let force = if self.force { " ForceAuthn=\"true\"" } else { "" };
        Ok(format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{id}\" \
             Version=\"2.0\" IssueInstant=\"{now}\" Destination=\"{destination}\"{force} \
             AssertionConsumerServiceURL=\"{acs}\" ProtocolBinding=\"{POST}\">\
             <saml:Issuer>{issuer}</saml:Issuer><samlp:NameIDPolicy AllowCreate=\"true\"/>\
             </samlp:AuthnRequest>"
        ))
    }
}

/// Text as the value of an attribute.
fn value(text: &str) -> String {
    let mut out = String::new();
    push_text(text, &mut out);
    out.replace('"', "&quot;")
}

/// DEFLATE that deflates nothing (RFC 1951, section 3.2.4): a request is small.
fn stored(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok()?;
    let mut out = vec![1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    Some(out)
}

#[cfg(test)]
mod tests;
