//! What a user of another cluster can reach here.

use std::collections::BTreeMap;

use api::Error;
use api::wire::{ListBody, Permissions, Permitted, VisitorApps, VisitorRequest};
use policy::Patterns;
use resource::Secrets;

use crate::certificate;
use crate::cx::OpCx;
use crate::verb::Verb;

/// The apps that are served and that a visitor can reach, and what may be used of them.
pub(crate) fn list(cx: &OpCx, request: &VisitorRequest) -> Result<VisitorApps, Error> {
    let core = cx.core();
    let user = certificate::of_visitor(core, &request.certificate)?;
    let client = request.client_addr.as_deref().and_then(certificate::ip_of);
    let visitor = cx.of_visitor(&user, client).map_err(certificate::of_somebody_else)?;
    let listed = core.catalog.servers(&visitor, Secrets::Redact, true)?;
    let ListBody { items, cursor } = serde_json::from_slice(&listed).map_err(Error::internal)?;
    Ok(VisitorApps { items, cursor, permissions: permissions(&visitor) })
}

fn permissions(visitor: &OpCx) -> BTreeMap<String, Permissions> {
    let snapshot = visitor.core().catalog.snapshot();
    let verb = Verb::reading(Secrets::Redact);
    let seen = snapshot.served().filter_map(|servers| {
        let app = &servers.iter().find(|server| visitor.sees_server(verb, server))?.spec.app;
        let [tools, prompts, resources] = visitor.patterns_of(app)?.map(permitted);
        let second_factor = visitor.needs_second_factor(app);
        let permissions = Permissions { tools, prompts, resources, second_factor };
        Some((app.name().to_owned(), permissions))
    });
    seen.collect()
}

fn permitted(Patterns { allowed, denied }: Patterns) -> Permitted {
    Permitted { allowed, denied }
}
