//! The link by which a user sets a password and a second factor.

use std::time::Duration;

use api::Client;
use api::wire::{Invite, InvitePurpose, InviteRequest};
use serde_json::json;
use time::OffsetDateTime;

use super::super::when;
use crate::format::Format;
use crate::run::Context;

/// What a link is wanted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) purpose: InvitePurpose,
    /// How long it is to work; the cluster's default if not given.
    pub(super) ttl: Option<Duration>,
}

/// Makes a link.
pub(super) async fn create(client: &Client, user: &str, wish: Wish) -> Result<Invite, api::Error> {
    let ttl_seconds = wish.ttl.map(|ttl| ttl.as_secs());
    client.create_invite(user, &InviteRequest { purpose: wish.purpose, ttl_seconds }).await
}

/// Prints a link.
pub(super) fn print(
    cx: &Context,
    link: &Invite,
    purpose: InvitePurpose,
    format: Format,
) -> anyhow::Result<()> {
    match format {
        Format::Text => cx.printer.data(&text(link, purpose, cx.clock.now()))?,
        Format::Json | Format::Yaml => cx.printer.value(
            &json!({
                "user": link.user,
                "url": link.url,
                "token": link.token,
                "expires": resource::timestamp::format(link.expires),
            }),
            format,
        )?,
    }
    Ok(())
}

fn text(link: &Invite, purpose: InvitePurpose, now: OffsetDateTime) -> String {
    let user = &link.user;
    let done = match purpose {
        InvitePurpose::Invite => format!("User {user:?} has been created."),
        InvitePurpose::Reset => format!("User {user:?} has been reset: the old password is void."),
    };
    // The answer took a moment to come: rounding up keeps an hour an hour.
    let left = when::left(link.expires.saturating_add(time::Duration::milliseconds(999)), now);
    let url = match &link.url {
        Some(url) => url.clone(),
        None => format!("https://PROXY/web/invite/{}", link.token),
    };
    let note = match link.url.as_deref().and_then(host_of) {
        Some(host) => format!("NOTE: make sure that the user can reach the proxy at {host}."),
        None => "NOTE: no proxy is up. Put the address of one in the place of PROXY.".to_owned(),
    };
    format!(
        "{done} Share this link with the user, who sets a password and a second factor there. \
         It works once, and for {left}:\n{url}\n\n{note}"
    )
}

fn host_of(url: &str) -> Option<&str> {
    url.strip_prefix("https://")?.split('/').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests;
