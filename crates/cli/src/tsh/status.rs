//! `tsh status` and `tsh version`.

use std::process::ExitCode;

use resource::plain::one_line;
use runtime::Clock;
use serde_json::json;
use time::OffsetDateTime;

use super::args::{Global, Status};
use super::login::remaining;
use crate::exit::Refused;
use crate::format::Format;
use crate::printer::Printer;
use crate::profile::{Home, Profile};

/// `tsh status`: exit status 1 when nobody is signed in, or the certificate has ended.
pub(super) fn status(global: &Global, args: &Status) -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let printer = Printer::new();
    let now = Clock::system().now();
    let current = home.current()?;
    let proxies = match global.proxy() {
        Some(proxy) => vec![proxy],
        None => home.proxies()?,
    };
    let mut profiles = Vec::new();
    for proxy in &proxies {
        profiles.push(home.load(Some(proxy))?);
    }
    profiles.sort_by_key(|profile| current.as_deref() != Some(profile.proxy.as_str()));
    let Some(first) = profiles.first() else {
        return Err(Refused::new("not signed in")
            .hint("tsh login --proxy=HOST:PORT --user=NAME")
            .into());
    };
    let is_active = first.user()?.expires > now;
    let is_current = |profile: &Profile| current.as_deref() == Some(profile.proxy.as_str());
    match args.format {
        Format::Text => {
            let texts = profiles
                .iter()
                .map(|profile| summary(profile, is_current(profile), now))
                .collect::<anyhow::Result<Vec<_>>>()?;
            printer.data(&texts.join("\n\n"))?;
        }
        Format::Json | Format::Yaml => {
            let list = profiles
                .iter()
                .map(|profile| details(profile, is_current(profile)))
                .collect::<anyhow::Result<Vec<_>>>()?;
            printer.value(&list.into(), args.format)?;
        }
    }
    Ok(if is_active { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `tsh version`.
pub(super) fn version() -> anyhow::Result<ExitCode> {
    Printer::new().data(&format!("Tessera v{}", env!("CARGO_PKG_VERSION")))?;
    Ok(ExitCode::SUCCESS)
}

/// A profile for people.
pub(super) fn summary(
    profile: &Profile,
    is_current: bool,
    now: OffsetDateTime,
) -> anyhow::Result<String> {
    let user = profile.user()?;
    let marker = if is_current { ">" } else { " " };
    let traits: Vec<String> =
        user.traits.iter().map(|(name, values)| format!("{name}: {}", values.join(", "))).collect();
    let mut lines = vec![
        format!("{marker} Profile URL:        https://{}", profile.proxy),
        format!("  Logged in as:       {}", user.name),
        format!("  Cluster:            {}", profile.selected.as_ref().unwrap_or(&user.cluster)),
        format!("  Roles:              {}", user.roles.join(", ")),
    ];
    if !traits.is_empty() {
        lines.push(format!("  Traits:             {}", traits.join("; ")));
    }
    lines.push(format!(
        "  Valid until:        {} [{}]",
        resource::timestamp::format(user.expires),
        remaining(user.expires, now)
    ));
    // Names, roles and traits are what the cluster says.
    Ok(lines.iter().map(|line| one_line(line)).collect::<Vec<_>>().join("\n"))
}

fn details(profile: &Profile, is_current: bool) -> anyhow::Result<serde_json::Value> {
    let user = profile.user()?;
    Ok(json!({
        "active": is_current,
        "profile_url": format!("https://{}", profile.proxy),
        "username": user.name,
        "cluster": user.cluster,
        "selected_cluster": profile.selected.as_ref().unwrap_or(&user.cluster),
        "roles": user.roles,
        "traits": user.traits,
        "valid_until": resource::timestamp::format(user.expires),
    }))
}
