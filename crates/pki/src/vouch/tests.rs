use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::identity::Service;
use crate::testing::{self, Cluster};

const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 4711);

const ORIGIN: Origin<'static> =
    Origin { cluster: "example", client: CLIENT, hello: b"\x16\x03\x01 hello" };

#[test]
fn a_word_is_good_for_one_connection() {
    let cluster = Cluster::new("example");
    let proxy = cluster.service_credentials(&testing::node("example", &[Service::Proxy]));
    let certificate = proxy.chain().first().unwrap().clone();
    let word = sign(&proxy, &ORIGIN).unwrap();
    check(&certificate, &ORIGIN, &word).unwrap();

    let other_port = SocketAddr::new(ORIGIN.client.ip(), 4712);
    let other_address = "192.0.2.70:4711".parse().unwrap();
    for other in [
        Origin { cluster: "leaf", ..ORIGIN },
        Origin { client: other_port, ..ORIGIN },
        Origin { client: other_address, ..ORIGIN },
        Origin { hello: b"\x16\x03\x01 hello!", ..ORIGIN },
        Origin { hello: b"", ..ORIGIN },
    ] {
        let refused = check(&certificate, &other, &word);
        assert!(matches!(refused, Err(VouchError::Signature)), "{other:?}: {refused:?}");
    }
    for broken in [&word[..word.len() - 1], &[], b"nonsense"] {
        assert!(matches!(check(&certificate, &ORIGIN, broken), Err(VouchError::Signature)));
    }
}

#[test]
fn nobody_gives_another_ones_word() {
    let cluster = Cluster::new("example");
    let node = testing::node("example", &[Service::Proxy]);
    let (one, other) = (cluster.service_credentials(&node), cluster.service_credentials(&node));
    let word = sign(&one, &ORIGIN).unwrap();
    let certificate = other.chain().first().unwrap().clone();
    assert!(matches!(check(&certificate, &ORIGIN, &word), Err(VouchError::Signature)));
}
