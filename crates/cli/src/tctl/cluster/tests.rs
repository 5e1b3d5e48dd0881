use super::*;

fn unread() -> anyhow::Result<Option<PathBuf>> {
    panic!("the configuration file does not matter here")
}

#[test]
fn an_identity_file_goes_first() {
    let address = Some("h:1".to_owned());
    let expected = Way::Identity("id.pem".into(), address.clone());
    assert_eq!(way(Some("id.pem".into()), address, unread).unwrap(), expected);
    let expected = Way::Identity("id.pem".into(), None);
    assert_eq!(way(Some("id.pem".into()), None, unread).unwrap(), expected);
}

#[test]
fn on_the_auth_host_the_socket_is_taken() {
    assert_eq!(
        way(None, None, || Ok(Some("/srv/t".into()))).unwrap(),
        Way::Socket("/srv/t".into())
    );
}

#[test]
fn an_address_means_a_cluster_elsewhere() {
    let expected = Way::Profile(Some("h:1".to_owned()));
    assert_eq!(way(None, Some("h:1".to_owned()), unread).unwrap(), expected);
}

#[test]
fn everywhere_else_the_sign_in_counts() {
    assert_eq!(way(None, None, || Ok(None)).unwrap(), Way::Profile(None));
}

#[test]
fn a_file_that_cannot_be_read_is_not_passed_over() {
    assert!(way(None, None, || anyhow::bail!("broken")).is_err());
}

#[test]
fn whoever_is_not_signed_in_hears_of_the_other_ways() {
    let config = ConfigFile { path: "/etc/tessera.yaml".into(), is_named: true };
    let error = explain(Refused::new("not signed in").hint("tsh login").into(), &config);
    let refused = error.downcast_ref::<Refused>().unwrap();
    assert_eq!(refused.message, "not signed in");
    assert_eq!(
        refused.hints,
        [
            "tsh login",
            "/etc/tessera.yaml enables no auth service on this machine",
            "with an identity file: tctl -i FILE --auth-server=HOST:PORT",
        ]
    );
}
