//! What a server is told in confidence: values in its environment and in the headers of its
//! requests. With a server's own key one could go around what roles say.
//!
//! They are shown to the agents, which hand them on, and to who asks for secrets and may set them.
//! Everybody else is shown a mask in their place; a mask that comes back stands for the value that
//! is kept, so that what was read can be written.

use std::collections::BTreeMap;

use api::Error;
use resource::app::Given;
use resource::secret::MASK;
use resource::{App, Resource, Secrets};

use crate::cx::{OpCx, Target};

/// Masks what the caller is not to be shown.
pub(crate) fn conceal(cx: &OpCx, resource: &mut Resource, secrets: Secrets) {
    let holds = app_of(resource).is_some_and(|app| confidences(app).next().is_some());
    if !holds || cx.is_confidant(Target::Resource(resource), secrets) {
        return;
    }
    app_of(resource).map(mask);
}

/// Masks what is told in confidence; says whether there was anything.
pub(crate) fn mask(app: &mut App) -> bool {
    let mut found = false;
    for (_, value) in confidences(app) {
        if !is_public(value) {
            MASK.clone_into(value);
            found = true;
        }
    }
    found
}

/// Puts the values that are kept in the place of masks. Whoever may write the app may read them, and
/// so could have written them.
pub(crate) fn restore(app: &mut App, before: Option<&Resource>) -> Result<(), Error> {
    if !confidences(app).any(|(_, value)| value == MASK) {
        return Ok(());
    }
    let Some(Resource::App(kept)) = before else {
        return Err(masked(app, "and there is nothing yet that they could stand for"));
    };
    let mut kept = kept.clone();
    let (mut known, mut wanted) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, usize>::new());
    for (place, value) in confidences(&mut kept) {
        known.entry(place).or_default().push(value.clone());
    }
    confidences(app).for_each(|(place, _)| *wanted.entry(place).or_default() += 1);
    let mut lost = None;
    let mut seen = BTreeMap::<_, usize>::new();
    for (place, value) in confidences(app) {
        let number = seen.entry(place.clone()).or_default();
        let index = *number;
        *number += 1;
        if value != MASK {
            continue;
        }
        // Of several headers with one name, each is known by its number among them.
        let all = known.get(&place).filter(|all| Some(&all.len()) == wanted.get(&place));
        match all.and_then(|all| all.get(index)) {
            Some(found) => value.clone_from(found),
            None => lost = Some(place),
        }
    }
    lost.map_or(Ok(()), |place| Err(masked(app, &format!("and for {place} none is kept"))))
}

/// The app in a resource.
fn app_of(resource: &mut Resource) -> Option<&mut App> {
    match resource {
        Resource::App(app) => Some(app),
        Resource::AppServer(server) => Some(&mut server.spec.app),
        _ => None,
    }
}

/// The values by which a server knows that it is asked by the cluster, and where each is.
fn confidences(app: &mut App) -> impl Iterator<Item = (String, &mut String)> {
    let env = app.spec.mcp.iter_mut().flat_map(|mcp| &mut mcp.env);
    let env = env.map(|(name, value)| (format!("spec.mcp.env.{name}"), value));
    let headers = app.spec.rewrite.iter_mut().flat_map(|rewrite| &mut rewrite.headers);
    let headers = headers.map(|header| {
        let name = header.name.to_ascii_lowercase();
        (format!("spec.rewrite.headers {name:?}"), &mut header.value)
    });
    env.chain(headers).filter_map(|(place, value)| match value {
        Given::Here(text) => Some((place, text)),
        // Where the agent finds the rest is no secret.
        Given::File(_) | Given::Env(_) => None,
    })
}

/// Whether a value is nothing but what stands for another one: `Bearer {{internal.jwt}}`.
fn is_public(value: &str) -> bool {
    let bare = value.strip_prefix("Bearer ").unwrap_or(value);
    let template = bare.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    template.is_some_and(|name| !name.contains(['{', '}', '"', '\'']))
}

fn masked(app: &App, why: &str) -> Error {
    Error::invalid(format!(
        "values of the app {:?} are masked ({MASK}), {why}: it cannot be written",
        app.name()
    ))
    .hint("write the values themselves; `tctl get --with-secrets` shows them to who may write the app")
}

#[cfg(test)]
mod tests;
