//! Encrypted assertions (XML Encryption 1.1; SAML 2.0 core, section 2.3.4): AES, with its key encrypted for
//! ours by RSA-OAEP.

use pki::RsaKey;
use pki::foreign_key::{Oaep, decrypt_cbc, open_gcm};
use zeroize::Zeroizing;

use crate::error::Refused;
use crate::names::{DSIG, XENC};
use crate::signature::base64;
use crate::xml::{Comments, Element, parse};

/// The element that an `EncryptedAssertion` holds. `is_signed` says that what it stands in was signed: where
/// it is not, anybody may change the ciphertext and see what is refused, which gives away what CBC encrypts
/// (T. Jager, J. Somorovsky: How to break XML encryption).
pub(crate) fn decrypt(
    encrypted: &Element,
    key: Option<&RsaKey>,
    is_signed: bool,
) -> Result<Element, Refused> {
    let Some(key) = key else {
        return Err(Refused::Encryption("the connector has no assertion_key_pair".to_owned()));
    };
    let plain = open(encrypted, key, is_signed).map_err(Refused::Encryption)?;
    let text = std::str::from_utf8(&plain)
        .map_err(|_error| Refused::Encryption("what it holds is not UTF-8".to_owned()))?;
    Ok(parse(text, Comments::Refuse)?)
}

fn open(encrypted: &Element, key: &RsaKey, is_signed: bool) -> Result<Zeroizing<Vec<u8>>, String> {
    let data = encrypted.one(XENC, "EncryptedData")?;
    let info = data.one(DSIG, "KeyInfo")?;
    // Beside the data, or in its key information.
    let wrapped = match info.at_most_one(XENC, "EncryptedKey")? {
        Some(wrapped) => wrapped,
        None => encrypted.one(XENC, "EncryptedKey")?,
    };
    let method = wrapped.one(XENC, "EncryptionMethod")?;
    let secret = key
        .decrypt(padding(method)?, &cipher_value(wrapped)?)
        .map_err(|_error| "its key is not encrypted for assertion_key_pair")?;
    let method = data.one(XENC, "EncryptionMethod")?.attribute("Algorithm").unwrap_or_default();
    let value = cipher_value(data)?;
    let (length, is_gcm) = match method {
        "http://www.w3.org/2009/xmlenc11#aes128-gcm" => (16, true),
        "http://www.w3.org/2009/xmlenc11#aes256-gcm" => (32, true),
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => (16, false),
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => (32, false),
        other => return Err(format!("its algorithm {other:?} is not accepted")),
    };
    if !is_gcm && !is_signed {
        return Err("AES-CBC is accepted within a signed response only: have the provider sign \
                    responses, or encrypt with AES-GCM"
            .to_owned());
    }
    if secret.len() != length {
        return Err("its key is of another length than its algorithm's".to_owned());
    }
    let plain = if is_gcm { open_gcm(&secret, &value) } else { decrypt_cbc(&secret, &value) };
    plain.map(Zeroizing::new).map_err(|_error| "it cannot be decrypted".to_owned())
}

fn cipher_value(element: &Element) -> Result<Vec<u8>, String> {
    base64(element.one(XENC, "CipherData")?.one(XENC, "CipherValue")?)
}

/// XML Encryption 1.1, section 5.5.2.
fn padding(method: &Element) -> Result<Oaep, String> {
    if method.at_most_one(XENC, "OAEPparams")?.is_some() {
        return Err("its key is encrypted with parameters that are not accepted".to_owned());
    }
    let algorithm = method.attribute("Algorithm").unwrap_or_default();
    let of = |element: Option<&Element>| {
        element.and_then(|element| element.attribute("Algorithm")).map(str::to_owned)
    };
    let digest = of(method.at_most_one(DSIG, "DigestMethod")?);
    let mask = method.elements().find(|element| element.name == "MGF");
    let mask = of(mask);
    let sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    let sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    let (mask1, mask256) =
        ("http://www.w3.org/2009/xmlenc11#mgf1sha1", "http://www.w3.org/2009/xmlenc11#mgf1sha256");
    let digest = digest.as_deref().unwrap_or(sha1);
    let mask = mask.as_deref().unwrap_or(mask1);
    match algorithm {
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" if digest == sha1 => Ok(Oaep::Sha1),
        "http://www.w3.org/2009/xmlenc11#rsa-oaep" if (digest, mask) == (sha1, mask1) => {
            Ok(Oaep::Sha1)
        }
        "http://www.w3.org/2009/xmlenc11#rsa-oaep" if (digest, mask) == (sha256, mask256) => {
            Ok(Oaep::Sha256)
        }
        other => Err(format!(
            "its key is encrypted by {other:?} with {digest:?} and {mask:?}, which is not accepted"
        )),
    }
}

#[cfg(test)]
mod tests;
