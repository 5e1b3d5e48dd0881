//! A proxy of a root that does as it likes: it has the real one's certificate and place, and the tunnels of leaves
//! come to it.

use std::future::pending;
use std::sync::Arc;

use http::Request;
use pki::{CaCertificate, CredentialsSlot, Foreign, IdentityFile, TrustStore};
use testkit::{Cluster, wait};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tunnel::{ALPN_CLUSTER, Registry, Repeat};

use super::{Answer, Keys, Villain};

/// The proxy, for as long as the villain is there.
pub(in super::super) struct FalseProxy<'v> {
    villain: &'v Villain,
    /// Tunnels, by the cluster that they are of.
    tunnels: Registry,
}

// === impl FalseProxy ===

impl<'v> FalseProxy<'v> {
    /// Takes the place of a root's proxy, which is no more; the keys say which leaves it knows.
    #[track_caller]
    pub(in super::super) fn instead(
        villain: &'v Villain,
        root: &mut Cluster,
        leaves: &[&Keys],
    ) -> Self {
        let file = IdentityFile::read(&root.proxy().data().join("identity.pem")).unwrap();
        root.proxy().kill();
        let known = |keys: &&Keys| Foreign {
            cluster: keys.hosts.certificate().cluster().to_owned(),
            users: Vec::new(),
            hosts: vec![CaCertificate::clone(keys.hosts.certificate())],
        };
        let foreign = leaves.iter().map(known).collect();
        let trust = TrustStore::new(file.trust().unwrap().with_foreign(foreign).unwrap());
        let slot =
            pki::tls::ServerCredentials::new(CredentialsSlot::new(file.credentials().unwrap()));
        let asks = pki::tls::ClientAuth::Required;
        let config = pki::tls::server_config(&slot, &trust, asks, &[ALPN_CLUSTER]).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let tunnels = Registry::default();
        let listener = villain.run(TcpListener::bind(root.proxy_addr())).unwrap();
        villain.runtime.spawn(take(listener, acceptor, tunnels.clone(), villain.tasks.clone()));
        for leaf in leaves {
            let leaf = leaf.hosts.certificate().cluster();
            wait::until("the tunnel of a leaf", wait::PATIENCE, || {
                if tunnels.is_connected(leaf) { Ok(()) } else { Err(leaf.to_owned()) }
            });
        }
        Self { villain, tunnels }
    }

    /// Sends a request down the tunnel of a leaf.
    pub(in super::super) fn sends(&self, leaf: &str, request: Request<api::Body>) -> Answer {
        self.villain.run(async {
            let sent = self.tunnels.send(leaf, request, Repeat::Never).await;
            let response = sent.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let body = api::collect(response.into_body(), 1 << 20).await;
            let body = body.map_err(|error| error.to_string())?;
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        })
    }
}

/// Takes tunnels for ever. What else comes is let go.
async fn take(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    tunnels: Registry,
    tasks: runtime::Tasks,
) {
    while let Ok((tcp, _)) = listener.accept().await {
        let Ok(stream) = acceptor.accept(tcp).await else { continue };
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first()).cloned();
        let is_tunnel = session.alpn_protocol() == Some(ALPN_CLUSTER);
        let Some(certificate) = certificate.filter(|_| is_tunnel) else { continue };
        let certificate = pki::Certificate::from_der(certificate).unwrap();
        let cluster = certificate.unverified_identity().unwrap().cluster().to_owned();
        let (tunnels, own) = (tunnels.clone(), tasks.clone());
        tasks.spawn("villain.tunnel", async move {
            drop(tunnels.run_tunnel(cluster, stream, &own, pending()).await);
        });
    }
}
