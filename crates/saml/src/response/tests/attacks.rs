//! Attacks on signed messages: signature wrapping in its known forms (J. Somorovsky et al.: On breaking
//! SAML), and those on what parsers make of a text.

use super::*;

/// What an attacker would like to be signed.
fn forged() -> String {
    assertion(&[("\"_a\"", "\"_evil\""), ("alice", "admin")])
}

/// Either it is refused, or what was signed is read.
fn never_admin(name: &str, text: &str) {
    if let Ok(read) = verify(&encoded(text), &demands()) {
        assert_eq!(read.name_id(), "alice", "{name}");
    }
}

fn only(text: &str, begin: &str, end: &str) -> String {
    let (_, rest) = text.split_once(begin).unwrap();
    let (inner, _) = rest.split_once(end).unwrap();
    format!("{begin}{inner}{end}")
}

#[test]
fn signature_wrapping_1_to_8() {
    let signed = sign(&assertion(&[]), "_a", Signing::default());
    let signature = only(&signed, "<ds:Signature ", "</ds:Signature>");
    let bare = signed.replace(&signature, "");
    let issuer = "</saml:Issuer>";
    let with =
        |assertion: &str, more: &str| assertion.replacen(issuer, &format!("{issuer}{more}"), 1);
    let into = |signature: &str, what: &str| {
        signature.replace("</ds:Signature>", &format!("{what}</ds:Signature>"))
    };

    // 1 and 2: the response itself is signed, and another one is put around it.
    let whole = sign(&response(&assertion(&[]), &[]), "_r", Signing::default());
    let outer = only(&whole, "<ds:Signature ", "</ds:Signature>");
    let original = whole.replace(&outer, "");
    let fake = response(&forged(), &[("\"_r\"", "\"_fake\"")]);
    let one = with(&fake, &into(&outer, &original));
    refused(&one, "more than a signature");
    let one = with(&fake, &into(&outer, &format!("<ds:Object>{original}</ds:Object>")));
    refused(&one, "more than a signature");
    let two = with(&fake, &format!("{original}{outer}"));
    refused(&two, "stands in \"_fake\"");

    // 3: another assertion before or behind the one that is signed.
    for three in [format!("{}{signed}", forged()), format!("{signed}{}", forged())] {
        refused(&response(&three, &[]), "several Assertion");
    }
    // 4: another assertion around it.
    let four = forged().replace("</saml:Assertion>", &format!("{signed}</saml:Assertion>"));
    refused(&response(&four, &[]), "neither the response nor its assertion is signed");
    // 5: the signature in another assertion, and what it is about beside it.
    let five = format!("{}{bare}", with(&forged(), &signature));
    refused(&response(&five, &[]), "several Assertion");
    refused(&response(&with(&forged(), &signature), &[]), "stands in \"_evil\"");
    // 6: the same, and what it is about within the signature.
    let six = with(&forged(), &into(&signature, &bare));
    refused(&response(&six, &[]), "more than a signature");
    // 7: beside it, where a schema allows anything. What is read is what was signed.
    let extension = format!("<samlp:Extensions>{}</samlp:Extensions>", forged());
    let seven = response(&signed, &[("<samlp:Status>", &format!("{extension}<samlp:Status>"))]);
    assert_eq!(verify(&encoded(&seven), &demands()).unwrap().name_id(), "alice");
    let same = extension.replace("\"_evil\"", "\"_a\"");
    let seven = response(&signed, &[("<samlp:Status>", &format!("{same}<samlp:Status>"))]);
    refused(&seven, "an ID that is there twice");
    // 8: what it is about in an object of the signature.
    let object = format!("<ds:Object>{bare}</ds:Object>");
    let eight = with(&forged(), &into(&signature, &object));
    refused(&response(&eight, &[]), "more than a signature");

    // What is signed is there twice, once with other contents under its ID.
    let evil = forged().replace("\"_evil\"", "\"_a\"");
    for twice in [format!("{evil}{signed}"), format!("{signed}{evil}")] {
        refused(&response(&twice, &[]), "an ID that is there twice");
    }
    // The ID by other spellings.
    for spelling in ["Id", "id", "xml:id"] {
        let evil = evil.replacen("ID=", &format!("{spelling}="), 1);
        refused(&response(&format!("{evil}{signed}"), &[]), "an ID that is there twice");
    }
    // References to everything, to nothing, and to somewhere else.
    for uri in ["", "#", "#_evil", "https://evil.example.com/a.xml", "#xpointer(/)"] {
        let moved = signed.replace("URI=\"#_a\"", &format!("URI=\"{uri}\""));
        refused(&response(&moved, &[]), "by none of the keys");
    }
    // A second reference, or a second signature.
    let reference = only(&signed, "<ds:Reference ", "</ds:Reference>");
    refused(
        &response(&signed.replace(&reference, &format!("{reference}{reference}")), &[]),
        "by none of the keys",
    );
    refused(&response(&with(&signed, &signature), &[]), "several Signature");
}

#[test]
fn an_assertion_within_a_signed_response_is_not_swapped() {
    let whole = sign(&response(&assertion(&[]), &[]), "_r", Signing::default());
    let swapped = whole.replace(&assertion(&[]), &forged());
    refused(&swapped, "made over is something else");
    let own = sign(&forged(), "_evil", Signing { key: &OTHER, ..Signing::default() });
    refused(&whole.replace(&assertion(&[]), &own), "made over is something else");
    // A signature of the response does not make up for one of the assertion that does not hold.
    let inner = sign(&assertion(&[]), "_a", Signing { key: &OTHER, ..Signing::default() });
    let both = sign(&response(&inner, &[]), "_r", Signing::default());
    refused(&both, "signature of the assertion");
}

#[test]
fn unsigned_stripped_and_tampered() {
    refused(&response(&assertion(&[]), &[]), "neither the response nor its assertion is signed");
    let tampered = alice().replace("alice", "admin");
    refused(&tampered, "made over is something else");
    refused(&alice().replace(">eng", ">ops"), "made over is something else");
    let value = only(&alice(), "<ds:SignatureValue>", "</ds:SignatureValue>");
    refused(
        &alice().replace(&value, "<ds:SignatureValue></ds:SignatureValue>"),
        "by none of the keys",
    );
    refused(&alice().replace(&value, "<ds:SignatureValue>#</ds:SignatureValue>"), "not base64");
    refused(&alice().replace(&value, ""), "has no SignatureValue");
    // Signed by a key that the message itself brings.
    let own = sign(&forged(), "_evil", Signing { key: &OTHER, ..Signing::default() });
    let pem = OTHER.certify("idp", demands().now).unwrap().to_pem();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let info = format!(
        "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{der}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    );
    let own = own.replace("</ds:SignatureValue>", &info);
    refused(&response(&own, &[]), "by none of the keys");
}

#[test]
fn a_comment_splits_no_name() {
    let admin = assertion(&[("alice", "admin@example.com.evil.example")]);
    let signed = sign(&admin, "_a", Signing::default());
    // Canonicalization leaves comments out, so that the signature still holds.
    let split = signed.replace("admin@example.com.evil", "admin@example.com<!-- -->.evil");
    refused(&response(&split, &[]), "a comment");
    never_admin("comment", &response(&split, &[]));
}

#[test]
fn entities_and_document_types() {
    let text = alice();
    let laughs =
        "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    refused(&format!("{laughs}{text}"), "a document type");
    refused(&format!("<!DOCTYPE r SYSTEM \"file:///etc/passwd\">{text}"), "a document type");
    refused(&text.replace(">alice<", ">&admin;<"), "a reference to an entity");
    refused(&text.replace(">alice<", "><![CDATA[admin]]><"), "a CDATA section");
    refused(&text.replace(">alice<", "><?x y?>alice<"), "a processing instruction");
    let deep = format!("{}{}", "<x>".repeat(100_000 / 7), "</x>".repeat(100_000 / 7));
    refused(&deep, "nested too deep");
}

#[test]
fn what_was_signed_for_one_purpose_is_not_good_for_another() {
    // An assertion of another kind of message, signed by the same key.
    let other = assertion(&[("saml:Assertion", "saml:Evidence")]);
    refused(&response(&sign(&other, "_a", Signing::default()), &[]), "there is no assertion");
    // Attributes may not be added to what is signed, nor namespaces bent.
    let bent = alice().replacen(
        "xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
        "xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:evil=\"urn:evil\"",
        1,
    );
    assert_eq!(verify(&encoded(&bent), &demands()).unwrap().name_id(), "alice");
    refused(&alice().replace("ID=\"_a\"", "ID=\"_a\" evil=\"1\""), "made over is something else");
}
