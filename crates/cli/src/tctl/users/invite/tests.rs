use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);

fn link(url: Option<&str>) -> Invite {
    Invite {
        token: "t0ken".to_owned(),
        url: url.map(str::to_owned),
        user: "alice".to_owned(),
        expires: datetime!(2026-03-01 13:00:00 UTC),
    }
}

#[test]
fn a_new_user_gets_a_link() {
    let link = link(Some("https://proxy.example.com:3080/web/invite/t0ken"));
    assert_eq!(
        text(&link, InvitePurpose::Invite, NOW),
        "User \"alice\" has been created. Share this link with the user, who sets a password and \
         a second factor there. It works once, and for 1h0m0s:\n\
         https://proxy.example.com:3080/web/invite/t0ken\n\n\
         NOTE: make sure that the user can reach the proxy at proxy.example.com:3080."
    );
}

#[test]
fn without_a_proxy_the_link_is_told_in_parts() {
    let shown = text(&link(None), InvitePurpose::Reset, NOW);
    assert!(shown.starts_with("User \"alice\" has been reset"), "{shown}");
    assert!(shown.contains("\nhttps://PROXY/web/invite/t0ken\n"), "{shown}");
    assert!(shown.contains("no proxy is up"), "{shown}");
}

#[test]
fn a_link_may_work_until_the_end_of_time() {
    let expires = datetime!(9999-12-31 23:59:59.9 UTC);
    assert!(!text(&Invite { expires, ..link(None) }, InvitePurpose::Reset, NOW).is_empty());
}
