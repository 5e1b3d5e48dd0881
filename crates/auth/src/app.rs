//! Apps: what is checked and filled in when one is written, and what is observed of one.

use std::collections::BTreeMap;

use api::Error;
use policy::Template;
use resource::app::AppStatus;
use resource::label::ORIGIN_DYNAMIC;
use resource::{App, Kind, Resource};

use crate::confidence;
use crate::core::Core;
use crate::cx::OpCx;

/// Fills in what the service knows better, and refuses labels by which the caller could not reach
/// the app afterwards.
pub(crate) fn prepare(cx: &OpCx, app: &mut App, before: Option<&Resource>) -> Result<(), Error> {
    app.set_origin(ORIGIN_DYNAMIC);
    app.status = None;
    confidence::restore(app, before)?;
    check_templates(app)?;
    if cx.reaches(app) {
        return Ok(());
    }
    Err(Error::denied(format!("access denied to application {:?} with these labels", app.name()))
        .hint(
            "an app can be written only by who may reach it: ask for a role whose app_labels match",
        ))
}

/// Refuses headers that could not be filled in for anybody.
fn check_templates(app: &App) -> Result<(), Error> {
    let headers = app.spec.rewrite.iter().flat_map(|rewrite| &rewrite.headers);
    for header in headers.filter(|_| app.is_mcp()) {
        let parsed = header.value.here().map(Template::parse).transpose();
        parsed.map_err(|error| {
            let name = &header.name;
            Error::invalid(format!("spec.rewrite.headers: the value of {name:?}: {error}"))
        })?;
    }
    Ok(())
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
