//! Where people come back to.

use super::*;

const PATH: &str = "/v1/webapi/oidc/callback";

#[test]
fn people_come_back_to_the_proxy_that_they_left() {
    let (a, b) = (format!("https://a.example{PATH}"), format!("https://b.example:8443{PATH}"));
    let both = [a.clone(), b.clone()];
    let callback = |named: &[String], proxy| callback(named, proxy, PATH);
    assert_eq!(callback(&both, Some("b.example:8443")).unwrap(), b);
    assert_eq!(callback(&both, Some("a.example:443")).unwrap(), a);
    assert_eq!(callback(&both, Some("c.example:443")).unwrap(), a);
    assert_eq!(callback(&both, None).unwrap(), a);
    assert_eq!(callback(&[], Some("a.example:443")).unwrap(), a);
    assert_eq!(callback(&[], Some("b.example:8443")).unwrap(), b);
    assert!(callback(&[], None).is_err());
}
