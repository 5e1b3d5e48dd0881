//! What an answer may cost whoever reads it, before anything of it is known to be signed.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::*;
use crate::canonical::MAX_CANONICAL;
use crate::xml::{MAX_NAMESPACE, MAX_NODES};

/// Text that has a signature, so that its `SignedInfo` is canonicalized before anything is refused.
fn hostile(inner: &str) -> String {
    let info = format!("<ds:SignedInfo>{inner}</ds:SignedInfo>");
    let text = alice();
    let (before, rest) = text.split_once("<ds:SignedInfo>").unwrap();
    let (_, after) = rest.split_once("</ds:SignedInfo>").unwrap();
    format!("{before}{info}{after}")
}

const METHOD: &str =
    "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";

/// As much of it as fits into a response, and is no more nodes than are read.
fn filled(begin: &str, unit: &str, end: &str) -> String {
    let frame = hostile(&format!("{METHOD}{begin}{end}")).len();
    let room = MAX_RESPONSE / 4 * 3 - frame;
    let nodes = unit.matches('<').count() + unit.matches('=').count();
    let most = (MAX_NODES - 300).checked_div(nodes).unwrap_or(usize::MAX);
    hostile(&format!("{METHOD}{begin}{}{end}", unit.repeat(most.min(room / unit.len()))))
}

/// What one answer may take on the processor, and hold.
const CPU: Duration = Duration::from_secs(3);
const HELD: u64 = 48 << 20;

/// Time of this thread on the processor.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

#[test]
fn what_is_refused_is_refused_cheaply() {
    let long = "u".repeat(MAX_NAMESPACE - 2);
    let declared: String = (10..33).map(|n| format!(" xmlns:p{n}=\"{long}{n}\"")).collect();
    let listed: String = (10..33).map(|n| format!("p{n} ")).collect();
    let short: String = (10..33).map(|n| format!(" xmlns:p{n}=\"u{n}\"")).collect();
    let used: String = (10..33).map(|n| format!(" p{n}:a=\"\"")).collect();
    let many: String = (0..60).map(|n| format!(" a{n}=\"\"")).collect();
    let inclusive = format!(
        "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">\
         <e:InclusiveNamespaces xmlns:e=\"http://www.w3.org/2001/10/xml-exc-c14n#\" \
         PrefixList=\"{listed}\"/></ds:CanonicalizationMethod>"
    );
    for (name, text) in [
        ("elements", filled("", "<a/>", "")),
        (
            "a long namespace, used by many",
            filled(&format!("<x xmlns:p=\"{long}\">"), "<p:a/>", "</x>"),
        ),
        ("declarations", filled("", "<a xmlns:b=\"c\"/>", "")),
        ("declarations among many", filled(&format!("<x{short}>"), "<a xmlns:b=\"c\"/>", "</x>")),
        ("prefixes used", filled(&format!("<x{short}>"), &format!("<a{used}/>"), "</x>")),
        ("attributes", filled("", &format!("<a{many}/>"), "")),
        ("references", filled("<x>", "&#65;", "</x>")),
        ("one text", filled("<x>", "a", "</x>")),
        ("one attribute", filled("<x a=\"", "&gt;", "\"/>")),
        ("ampersands", filled("<x>", "&", "</x>")),
        ("carriage returns", filled("<x>", "&#13;", "</x>")),
        (
            "prefixes listed",
            filled(&format!("<x{short}>"), "<a/>", "</x>").replace(METHOD, &inclusive),
        ),
        ("long namespaces", filled(&format!("<x{declared}>"), &format!("<a{used}/>"), "</x>")),
        ("depth", filled("", &format!("{}{}", "<a>".repeat(40), "</a>".repeat(40)), "")),
    ] {
        let answer = encoded(&text);
        let begun = now();
        let asked = allocation_counter::measure(|| {
            drop(verify(&answer, &demands()).expect_err(name));
        });
        let taken = now().saturating_sub(begun);
        let error = verify(&answer, &demands()).expect_err(name);
        println!("{name}: {} bytes, {taken:?}, {} held: {error:.80}", text.len(), asked.bytes_max);
        // Without optimization, which takes ten times as long.
        assert!(taken <= CPU, "{name}: {taken:?}");
        assert!(asked.bytes_max <= HELD, "{name}: {asked:?}");
    }
}

#[test]
fn namespaces_and_canonical_forms_are_bounded() {
    let of = |length: usize| format!("<r xmlns:a=\"{}\"/>", "u".repeat(length));
    parse(&of(MAX_NAMESPACE), Comments::Refuse).unwrap();
    let long = parse(&of(MAX_NAMESPACE + 1), Comments::Refuse).unwrap_err();
    assert_eq!(long.what, "a namespace with too long a name");
    // What is canonical may be longer than what was written.
    let name = "u".repeat(MAX_NAMESPACE);
    let of = |uses: usize, more: usize| {
        let text = format!(
            "<r xmlns:a=\"{name}\" xmlns:b=\"{name}\"><x>{}</x>{}</r>",
            "<a:x/>".repeat(uses),
            "x".repeat(more)
        );
        let root = parse(&text, Comments::Refuse).unwrap();
        crate::canonical::canonical(&root, crate::canonical::Canonical::default())
            .map(|text| text.len())
    };
    let uses = MAX_CANONICAL / (MAX_NAMESPACE + 32);
    let length = of(uses, 0).unwrap();
    assert!(length <= MAX_CANONICAL);
    of(uses + uses / 10, 0).unwrap_err();
}
