//! For how long something is believed, and whether somebody signed in anew.

use time::macros::datetime;

use super::*;

const STATEMENT: &str = "AuthnInstant=\"2026-11-20T11:59:59Z\"";

#[test]
fn the_providers_end_of_the_session_is_told() {
    let of = |replaced: &[(&str, &str)]| verify(&encoded(&signed(replaced)), &demands());
    assert_eq!(of(&[]).unwrap().session_end(), None);
    let with = |end: &str| format!("{STATEMENT} SessionNotOnOrAfter=\"{end}\"");
    let later = with("2026-11-20T14:00:00Z");
    let read = of(&[(STATEMENT, &later)]).unwrap();
    assert_eq!(read.session_end(), Some(datetime!(2026-11-20 14:00 UTC)));
    // Of several the earliest counts, wherever it stands.
    let another = format!("<saml:AuthnStatement {}/>", with("2026-11-20T13:00:00Z"));
    for (old, new) in [
        ("<saml:AuthnStatement ", format!("{another}<saml:AuthnStatement ")),
        ("</saml:AuthnStatement>", format!("</saml:AuthnStatement>{another}")),
    ] {
        let read = of(&[(STATEMENT, &later), (old, &new)]).unwrap();
        assert_eq!(read.session_end(), Some(datetime!(2026-11-20 13:00 UTC)));
    }
    // There is no leeway: what ends now would give a certificate that is over.
    assert!(of(&[(STATEMENT, &with("2026-11-20T12:00:01Z"))]).is_ok());
    let over = of(&[(STATEMENT, &with("2026-11-20T12:00:00Z"))]).unwrap_err();
    assert!(over.to_string().contains("SessionNotOnOrAfter"), "{over}");
}

#[test]
fn an_assertion_is_remembered_for_as_long_as_any_of_it_is_good() {
    let of = |replaced: &[(&str, &str)]| verify(&encoded(&signed(replaced)), &demands()).unwrap();
    // A second confirmation, which is not the one that is taken today.
    let end = "NotOnOrAfter=\"2026-11-20T12:05:00Z\"";
    let begin = "<saml:SubjectConfirmation ";
    let bearer = "Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"";
    let second = |end: &str| {
        format!(
            "</saml:SubjectConfirmation>{begin}{bearer}><saml:SubjectConfirmationData \
             NotOnOrAfter=\"{end}\" Recipient=\"{ACS}\" InResponseTo=\"{REQUEST}\"/>\
             </saml:SubjectConfirmation>"
        )
    };
    let close = "</saml:SubjectConfirmation>";
    let read = of(&[(close, &second("2026-11-20T18:00:00Z"))]);
    assert_eq!(read.good_until(), datetime!(2026-11-20 18:01 UTC));
    // The end of time is one.
    let never = "NotOnOrAfter=\"9999-12-31T23:59:59Z\"";
    let read = of(&[(end, never)]);
    assert!(read.good_until() >= datetime!(9999-12-31 23:59:59 UTC));
}

#[test]
fn who_must_sign_in_anew_signs_in_anew() {
    let of = |since, replaced: &[(&str, &str)]| {
        verify(&encoded(&signed(replaced)), &Demands { since: Some(since), ..demands() })
    };
    of(datetime!(2026-11-20 11:59:00 UTC), &[]).unwrap();
    // The provider's clock may be a minute behind.
    of(datetime!(2026-11-20 12:00:59 UTC), &[]).unwrap();
    let stale = of(datetime!(2026-11-20 12:01:00 UTC), &[]).unwrap_err();
    assert!(stale.to_string().contains("demands it anew"), "{stale}");
    let untold = of(datetime!(2026-11-20 11:59:00 UTC), &[(STATEMENT, "")]).unwrap_err();
    assert!(untold.to_string().contains("when the person signed in"), "{untold}");
    // Of several statements each must be.
    let old = "<saml:AuthnStatement AuthnInstant=\"2026-11-20T09:00:00Z\"/><saml:AuthnStatement ";
    of(datetime!(2026-11-20 11:59:00 UTC), &[("<saml:AuthnStatement ", old)]).unwrap_err();
}

#[test]
fn times_are_in_utc() {
    for bad in ["2026-11-20T12:05:00+05:00", "2026-11-20T12:05:00", "2026-11-20", ""] {
        let text = signed(&[("2026-11-20T12:05:00Z", bad)]);
        refused(&text, "no time in UTC");
    }
}

#[test]
fn space_around_a_name_makes_it_another() {
    for bad in [" alice", "alice\n", "\u{a0}alice", "&#13;alice"] {
        let text = signed(&[(">alice<", &format!(">{bad}<"))]);
        match verify(&encoded(&text), &demands()) {
            Ok(read) => assert_ne!(read.name_id(), "alice", "{bad:?}"),
            Err(error) => assert!(error.to_string().contains("space around it"), "{error}"),
        }
    }
    let read = verify(&encoded(&signed(&[(">eng<", "> eng<")])), &demands()).unwrap();
    let first = read.attributes().first().and_then(|attribute| attribute.values.first());
    assert_eq!(first.map(String::as_str), Some(" eng"));
}

#[test]
fn a_signed_response_says_where_it_goes() {
    let nowhere = response(&assertion(&[]), &[(&format!(" Destination=\"{ACS}\""), "")]);
    refused(&sign(&nowhere, "_r", Signing::default()), "destination of the response");
    // Where only the assertion is signed, its recipient says it.
    let inner = sign(&assertion(&[]), "_a", Signing::default());
    let nowhere = response(&inner, &[(&format!(" Destination=\"{ACS}\""), "")]);
    verify(&encoded(&nowhere), &demands()).unwrap();
}
