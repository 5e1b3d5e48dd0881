//! Apps: what is checked and filled in when one is written, and what is observed of one.

use std::collections::BTreeMap;

use api::Error;
use resource::app::AppStatus;
use resource::label::ORIGIN_DYNAMIC;
use resource::{App, Kind, Resource};

use crate::core::Core;
use crate::cx::OpCx;

/// What is shown instead of a value that is told in confidence.
const HIDDEN: &str = "********";

/// Fills in what the service knows better, and refuses labels by which the caller could not reach
/// the app afterwards.
pub(crate) fn prepare(cx: &OpCx, app: &mut App) -> Result<(), Error> {
    app.set_origin(ORIGIN_DYNAMIC);
    app.status = None;
    if confidences(app).any(|value| *value == HIDDEN) {
        return Err(Error::invalid(format!(
            "values of spec.mcp.env or spec.rewrite.headers are masked ({HIDDEN}), so the app \
             cannot be written"
        ))
        .hint("write the values themselves; who may update the app is shown them"));
    }
    if cx.reaches(app) {
        return Ok(());
    }
    Err(Error::denied(format!("access denied to application {:?} with these labels", app.name()))
        .hint(
            "an app can be written only by who may reach it: ask for a role whose app_labels match",
        ))
}

/// Hides what a server is given in confidence from a caller who may know of the app and not set it:
/// with a server's own key one could go around what roles say.
pub(crate) fn conceal(cx: &OpCx, resource: &mut Resource) {
    let holds = match &mut *resource {
        Resource::App(app) => confidences(app).next().is_some(),
        Resource::AppServer(server) => confidences(&mut server.spec.app).next().is_some(),
        _ => false,
    };
    if !holds || cx.is_confidant(resource) {
        return;
    }
    let app = match resource {
        Resource::App(app) => app,
        Resource::AppServer(server) => &mut server.spec.app,
        _ => return,
    };
    for value in confidences(app) {
        HIDDEN.clone_into(value);
    }
}

/// The values by which a server knows that it is asked by the cluster.
fn confidences(app: &mut App) -> impl Iterator<Item = &mut String> {
    let env = app.spec.mcp.iter_mut().flat_map(|mcp| mcp.env.values_mut());
    let headers = app.spec.rewrite.iter_mut().flat_map(|rewrite| &mut rewrite.headers);
    env.chain(headers.map(|header| &mut header.value))
}

/// Adds what agents say of apps: who serves each, since when, what went wrong last.
pub(crate) async fn observe(core: &Core, apps: &mut [Resource]) -> Result<(), Error> {
    let (servers, _cursor) = core.records.list(Kind::AppServer).await?;
    let mut by_app: BTreeMap<String, AppStatus> = BTreeMap::new();
    for server in servers {
        let Resource::AppServer(server) = server else { continue };
        by_app.entry(server.app_name().to_owned()).or_default().servers.push(server.status());
    }
    for app in apps {
        if let Resource::App(app) = app {
            app.status = Some(by_app.remove(app.name()).unwrap_or_default());
        }
    }
    Ok(())
}
