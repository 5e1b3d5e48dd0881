use pki::{Service, ServiceIdentity};
use resource::Kind;
use time::OffsetDateTime;

use super::{Extent, extent, owns};
use crate::verb::Verb;

const HOST: &str = "4f2c1b9e-0000-4000-8000-000000000001";

fn host(services: &[Service]) -> ServiceIdentity {
    ServiceIdentity {
        host_id: HOST.to_owned(),
        node_name: "node".to_owned(),
        services: services.iter().copied().collect(),
        cluster: "example".to_owned(),
        join_token: None,
        issued: OffsetDateTime::UNIX_EPOCH,
        expires: OffsetDateTime::UNIX_EPOCH,
    }
}

#[test]
fn no_service_reads_secrets() {
    let all = host(&[Service::Auth, Service::Proxy, Service::App]);
    for kind in Kind::ALL {
        assert_eq!(extent(&all, Verb::Read, kind), None, "{kind}");
        assert_eq!(extent(&all, Verb::Impersonate, kind), None, "{kind}");
    }
}

#[test]
fn services_write_only_what_is_their_own() {
    let all = host(&[Service::Auth, Service::Proxy, Service::App]);
    for kind in Kind::ALL {
        for verb in [Verb::Create, Verb::Update, Verb::Delete] {
            let expected =
                matches!(kind, Kind::AppServer | Kind::Proxy | Kind::Agent).then_some(Extent::Own);
            assert_eq!(extent(&all, verb, kind), expected, "{verb} {kind}");
        }
    }
}

#[test]
fn a_host_that_runs_two_services_has_the_rights_of_both() {
    let list = |services: &[Service]| extent(&host(services), Verb::List, Kind::AppServer);
    assert_eq!(list(&[Service::App]), Some(Extent::Own));
    assert_eq!(list(&[Service::Proxy]), Some(Extent::All));
    assert_eq!(list(&[Service::App, Service::Proxy]), Some(Extent::All));
    assert_eq!(list(&[Service::Auth]), None);
}

#[test]
fn what_is_ones_own() {
    let host = host(&[Service::App]);
    assert!(owns(&host, Kind::Proxy, HOST));
    assert!(owns(&host, Kind::AppServer, &format!("{HOST}/everything")));
    for name in ["", HOST, &format!("{HOST}/"), &format!("{HOST}2/x"), "other/everything", "/x"] {
        assert!(!owns(&host, Kind::AppServer, name), "{name}");
    }
    assert!(!owns(&host, Kind::Proxy, &format!("{HOST}/x")));
    assert!(!owns(&host, Kind::Role, HOST));
}
