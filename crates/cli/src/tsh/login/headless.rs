//! `tsh login --headless`: on a machine without a browser. A person types a code into a browser elsewhere, and
//! signs in there; the key, and the secret by which the certificate is fetched, never leave this process.

use std::time::Duration;

use api::wire::{HeadlessFinished, HeadlessStart, SsoFinish};
use api::{Client, ProxyTrust, proxy_endpoint};
use pki::PrivateKey;
use resource::plain;

use super::keep;
use crate::browser::{self, Link};
use crate::exit::{Refused, Usage};
use crate::profile::Profile;
use crate::run::Context;
use crate::tsh::args::{Global, Login};

/// How often it is asked what came of it.
const INTERVAL: Duration = Duration::from_secs(2);

pub(super) async fn sign_in(
    cx: &Context,
    global: &Global,
    args: &Login,
    proxy: &str,
    trust: &ProxyTrust,
) -> anyhow::Result<Profile> {
    if args.auth.as_deref().is_some_and(|auth| auth != super::LOCAL) || args.credentials_from_stdin
    {
        let why = "--headless is for users of the cluster itself, and for who begins at an identity provider: leave out --auth";
        return Err(Usage(why.to_owned()).into());
    }
    let key = PrivateKey::generate()?;
    let client = Client::new(proxy_endpoint(proxy, trust)?, cx.tasks.clone());
    let (verifier, challenge) = browser::secret();
    let started = client
        .start_headless(&HeadlessStart {
            public_key: key.public().to_pem(),
            ttl_seconds: args.ttl.map(|ttl| ttl.as_secs()),
            user: global.user(),
            machine: browser::machine_name(),
            challenge,
            client_addr: None,
            proxy_addr: None,
        })
        .await?;
    let link = Link::parse(&started.url)?;
    let code = plain::one_line(&started.code);
    cx.printer.talk(&format!(
        "Open this page in a browser on another machine, or the cluster at your identity provider, and type the code there:\n\n  {link}\n\n  {code}\n"
    ));
    while cx.clock.now() < started.expires {
        let (code, verifier) = (started.device.clone(), verifier.expose().clone());
        match client.finish_headless(&SsoFinish { code, verifier }).await? {
            HeadlessFinished::Done(credentials) => {
                return keep(key, *credentials, proxy, trust, &cx.tasks).await;
            }
            HeadlessFinished::Waiting => cx.clock.sleep(INTERVAL).await,
        }
    }
    Err(Refused::new("nobody approved within five minutes").hint("begin again").into())
}
