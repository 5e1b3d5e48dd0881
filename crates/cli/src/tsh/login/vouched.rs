//! Which authorities a sign-in teaches. Whatever answers for the proxy brings them, and what is kept is believed until
//! the next sign-in: longer than a proxy that was taken over may have a say. Where authorities are pinned, others come
//! in only by the word of the auth service itself, over a connection on which proxies pass bytes and no more.

use api::wire::{Ping, UserCredentials};
use api::{FirstContact, ProxyTrust};
use pki::{CaCertificate, CaPin};
use runtime::Tasks;

use crate::exit::Refused;

/// The credentials with the authorities that may be kept.
pub(super) async fn vouched(
    credentials: UserCredentials,
    proxy: &str,
    checked: &ProxyTrust,
    tasks: &Tasks,
) -> anyhow::Result<UserCredentials> {
    let ProxyTrust::Pins(pins) = checked else { return Ok(credentials) };
    let came = &credentials.authorities.host;
    // Most of the time nothing is new.
    if api::certificates(came)?.iter().all(|authority| pins.contains(&authority.pin())) {
        return Ok(credentials);
    }
    let contact = FirstContact {
        addresses: vec![proxy.to_owned()],
        through_proxy: true,
        ca_pins: pins.clone(),
    };
    let said = contact.client(tasks).await?.ping().await;
    // Without its word the pinned ones are left, which are as good as they were.
    admit(credentials, pins, said.ok().as_ref())
}

fn admit(
    mut credentials: UserCredentials,
    pins: &[CaPin],
    said: Option<&Ping>,
) -> anyhow::Result<UserCredentials> {
    if said.is_some_and(|said| said.cluster != credentials.cluster) {
        return Err(foreign().into());
    }
    let named = match said {
        Some(said) => api::certificates(&said.host_authorities)?,
        None => Vec::new(),
    };
    let named: Vec<CaPin> = named.iter().map(CaCertificate::pin).collect();
    let came = api::certificates(&credentials.authorities.host)?;
    credentials.authorities.host = came
        .iter()
        .filter(|authority| {
            let pin = authority.pin();
            pins.contains(&pin) || named.contains(&pin)
        })
        .map(CaCertificate::to_pem)
        .collect();
    if credentials.authorities.host.is_empty() {
        return Err(foreign().into());
    }
    Ok(credentials)
}

fn foreign() -> Refused {
    Refused::new("the proxy brings authorities that the pinned one does not vouch for")
        .hint("nothing was kept; ask whoever administers the cluster whether the proxy is what it should be")
}

#[cfg(test)]
mod tests;
