//! Apps: what is checked and filled in when one is written, and what is observed of one.

use api::{Error, app_domain};
use policy::Template;
use resource::label::ORIGIN_DYNAMIC;
use resource::{App, Kind, Resource};

use crate::confidence;
use crate::core::Core;
use crate::cx::{OpCx, Target};
use crate::tools;
use crate::unserved::Agents;
use crate::verb::Verb;

/// Fills in what the service knows better, and refuses what another app has already, and labels by
/// which the caller could not reach the app afterwards.
pub(crate) async fn prepare(
    cx: &OpCx,
    app: &mut App,
    before: Option<&Resource>,
) -> Result<(), Error> {
    app.set_origin(ORIGIN_DYNAMIC);
    app.status = None;
    app.forget_results();
    confidence::restore(app, before)?;
    check_templates(app)?;
    if !cx.reaches(app) {
        let name = app.name();
        return Err(Error::denied(format!(
            "access denied to application {name:?} with these labels"
        ))
        .hint(
            "an app can be written only by who may reach it: ask for a role whose app_labels match",
        ));
    }
    let before = before.and_then(|before| match before {
        Resource::App(app) => Some(app),
        _ => None,
    });
    if before.is_none() {
        refuse_held(cx.core(), app)?;
    }
    if before.is_none_or(|before| before.public_host() != app.public_host()) {
        refuse_offered(cx.core(), app).await?;
    }
    Ok(())
}

/// Refuses a new app of a name that an agent has in its configuration file: it would not be served
/// there, whatever it says.
fn refuse_held(core: &Core, app: &App) -> Result<(), Error> {
    let Some(agent) = core.catalog.holder(app.name()) else { return Ok(()) };
    let message = format!(
        "metadata.name: agent {:?} serves an application {:?} from its configuration file",
        agent.spec.hostname,
        app.name()
    );
    // Not as one that exists: nobody can overwrite it.
    Err(Error::invalid(message)
        .hint("choose another name, or take the app out of the agent's configuration file"))
}

/// An address is somebody else's.
pub(crate) fn address_taken(host: &str, whose: &str) -> Error {
    Error::invalid(format!("spec.public_addr: {host:?} is the address of {whose}"))
        .hint("choose another public_addr; left out, the app is offered below the proxy's name")
}

/// Refuses an address under which something else is offered: who asks for it would not know whom
/// they get.
async fn refuse_offered(core: &Core, app: &App) -> Result<(), Error> {
    let snapshot = core.replica.snapshot();
    let domain = app_domain(&snapshot, &core.cluster);
    let refuse = |host: &str, whose: String| Err(address_taken(host, &whose));
    let Some(host) = app.public_host().or_else(|| app.host_below(&domain)) else { return Ok(()) };
    let proxies = snapshot.proxies.values().map(|proxy| proxy.spec.public_addr.as_str());
    let hosts = proxies.map(|address| address.rsplit_once(':').map_or(address, |(host, _)| host));
    if hosts.into_iter().any(|proxy| proxy.eq_ignore_ascii_case(&host)) {
        return refuse(&host, "a proxy".to_owned());
    }
    if let Some(other) = core.catalog.offered(&host, app.name()) {
        return refuse(&host, format!("the app {other:?}"));
    }
    // An app that says no address is offered below the proxy's name.
    let below = host.strip_suffix(&domain).and_then(|rest| rest.strip_suffix('.'));
    if let Some(name) = below.filter(|name| *name != app.name())
        && let Some(Resource::App(other)) = core.records.find(Kind::App, name).await?
        && other.public_host().is_none()
    {
        return refuse(&host, format!("the app {name:?}"));
    }
    Ok(())
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

/// Adds what agents say of an app: who serves it, since when, what went wrong last; and if nobody does,
/// why; and the tools that it was last seen to offer, for who may know those.
pub(crate) async fn observe(cx: &OpCx, resource: &mut Resource) -> Result<(), Error> {
    if let Resource::App(app) = resource {
        let mut status = cx.core().catalog.observed(cx, app);
        tools::show(cx, app, &mut status).await?;
        app.status = Some(status);
    }
    Ok(())
}

/// Why apps are served by nobody, as far as the caller may know.
#[derive(Debug)]
pub(crate) struct Reasons {
    agents: Option<Agents>,
}

// === impl Reasons ===

impl Reasons {
    /// What agents were told is for who may read agents.
    pub(crate) fn new(cx: &OpCx) -> Self {
        let told = cx.may(Verb::ReadNoSecrets, Kind::Agent, Target::Any);
        let agents = || cx.core().catalog.snapshot().agents.values().cloned().collect();
        Self { agents: told.then(|| Agents::new(agents())) }
    }

    /// Why nobody serves an app.
    pub(crate) fn of(&self, app: &App) -> String {
        match &self.agents {
            Some(agents) => agents.why_unserved(app),
            None => "no agent serves it; an administrator can see why".to_owned(),
        }
    }
}
