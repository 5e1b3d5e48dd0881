//! Apps: what is checked and filled in when one is written, and what is observed of one.

use api::Error;
use policy::Template;
use resource::label::ORIGIN_DYNAMIC;
use resource::{App, Resource};

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

/// Adds what agents say of an app: who serves it, since when, what went wrong last.
pub(crate) fn observe(core: &Core, resource: &mut Resource) {
    if let Resource::App(app) = resource {
        app.status = Some(core.catalog.observed(app.name(), core.clock.now()));
    }
}
