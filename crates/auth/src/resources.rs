//! The operations that all kinds of resources have: list, get, create, replace, delete.
//!
//! Each looks at what is there, asks whether the caller may, lets the kind check and fill in, tells
//! the audit log, and only then acts.

use api::wire::ListBody;
use api::{Error, ErrorKind, Write as Mode};
use audit::record::Change;
use resource::cluster_auth_preference::{self, ClusterAuthPreference};
use resource::{Kind, RemoteClusterStatus, Resource, Secrets, User};
use serde_json::value::{RawValue, to_raw_value};

use crate::clusters::{self, Joined};
use crate::cx::{OpCx, Target};
use crate::records::{Condition, conflict};
use crate::selection::Selection;
use crate::verb::Verb;
use crate::{
    address, app, app_auth_config, app_server, bot, confidence, connector, events, lock, oauth,
    preference, role, token, tools, user,
};

/// How often a replacement is tried again when somebody else writes the same resource.
const MAX_RETRIES: usize = 8;

/// Reads a resource that came in a request.
pub(crate) fn parse(kind: Kind, body: &[u8]) -> Result<Resource, Error> {
    let resource = parse_any(body)?;
    if resource.kind() != kind {
        let found = resource.kind();
        return Err(Error::invalid(format!("expected a resource of kind {kind}, found {found}")));
    }
    Ok(resource)
}

/// Reads a resource of whichever kind it says.
pub(crate) fn parse_any(body: &[u8]) -> Result<Resource, Error> {
    Resource::from_json(body).map_err(|report| {
        let mut problems = report.problems().iter();
        let first = problems.next().map_or_else(String::new, ToString::to_string);
        problems
            .fold(Error::invalid(first), |error, problem| error.hint(format!("also: {problem}")))
    })
}

/// All resources of a kind that the caller may see, as the JSON of a [`ListBody`].
pub(crate) async fn list(
    cx: &OpCx,
    kind: Kind,
    secrets: Secrets,
    selection: &Selection,
    one_per_app: bool,
) -> Result<Vec<u8>, Error> {
    let verb = Verb::reading(secrets);
    for needed in [Verb::List, verb] {
        if !cx.may_some(needed, kind) {
            cx.authorize(needed, kind, Target::Any)?;
        }
    }
    match kind {
        Kind::App => return cx.core().catalog.apps(cx, secrets, selection),
        Kind::AppServer => return cx.core().catalog.servers(cx, secrets, one_per_app),
        _ => {}
    }
    let (mut resources, cursor) = cx.core().records.list(kind).await?;
    if kind.is_singleton() && resources.is_empty() {
        resources.extend(default_of(kind));
    }
    resources.retain(|resource| cx.sees(verb, resource));
    if cx.caller().service().is_none() {
        clusters::observe(cx.core(), &mut resources).await?;
    }
    let items =
        resources.iter().map(|resource| raw(resource, secrets)).collect::<Result<_, _>>()?;
    let body = ListBody { items, cursor: cursor.as_str().to_owned() };
    serde_json::to_vec(&body).map_err(Error::internal)
}

/// One resource.
pub(crate) async fn get(
    cx: &OpCx,
    kind: Kind,
    name: &str,
    secrets: Secrets,
) -> Result<Resource, Error> {
    let name = canonical_name(kind, name);
    let found = cx.core().records.find(kind, name).await?.or_else(|| default_of(kind));
    cx.authorize(Verb::reading(secrets), kind, Target::found(found.as_ref(), name))?;
    let mut found = reached(cx, kind, name, found)?;
    if cx.caller().service().is_none() {
        app::observe(cx, &mut found).await?;
        clusters::observe(cx.core(), std::slice::from_mut(&mut found)).await?;
    }
    confidence::conceal(cx, &mut found, secrets);
    Ok(found)
}

/// A new resource.
pub(crate) async fn create(cx: &OpCx, mut resource: Resource) -> Result<Resource, Error> {
    let kind = resource.kind();
    refuse_observed(cx, kind)?;
    cx.authorize(Verb::Create, kind, Target::Resource(&resource))?;
    if cx.core().records.find(kind, resource.name()).await?.is_some() {
        return Err(already_exists(kind, resource.name()));
    }
    let joined = clusters::establish(cx, &mut resource).await?;
    let name = resource.name().to_owned();
    if joined.is_some() {
        // The name is the other cluster's own.
        cx.authorize(Verb::Create, kind, Target::Resource(&resource))?;
    }
    let mut outcome = Err(conflict(kind, &name));
    for _ in 0..MAX_RETRIES {
        outcome = write(cx, resource.clone(), None, joined.as_ref()).await;
        match &outcome {
            // Not of this one, but of what is written with it: that is looked at again.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            _ => break,
        }
    }
    outcome.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => already_exists(kind, &name),
        _ => error,
    })
}

/// A resource instead of the one of that name.
pub(crate) async fn put(cx: &OpCx, mut resource: Resource, mode: Mode) -> Result<Resource, Error> {
    let kind = resource.kind();
    refuse_observed(cx, kind)?;
    let verbs: &[Verb] = match mode {
        Mode::Update => &[Verb::Update],
        Mode::Upsert => &[Verb::Create, Verb::Update],
    };
    for verb in verbs {
        cx.authorize(*verb, kind, Target::Resource(&resource))?;
    }
    if kind == Kind::TrustedCluster && mode == Mode::Update {
        let before = cx.core().records.find(kind, resource.name()).await?;
        before.ok_or_else(|| Error::not_found(kind.not_found(resource.name())))?;
    }
    let joined = clusters::establish(cx, &mut resource).await?;
    let name = resource.name().to_owned();
    if joined.is_some() {
        // The name is the other cluster's own.
        for verb in verbs {
            cx.authorize(*verb, kind, Target::Resource(&resource))?;
        }
    }
    for _ in 0..MAX_RETRIES {
        let before = cx.core().records.find(kind, &name).await?;
        if let Some(before) = &before {
            cx.authorize(Verb::Update, kind, Target::Resource(before))?;
        }
        let before = match (before, mode) {
            (None, Mode::Upsert) => None,
            (before, _) => Some(reached(cx, kind, &name, before)?),
        };
        let named = resource.metadata().revision.as_ref();
        let current = before.as_ref().and_then(|before| before.metadata().revision.as_ref());
        if mode == Mode::Update && named.is_some() && named != current {
            return Err(conflict(kind, &name));
        }
        match write(cx, resource.clone(), before.as_ref(), joined.as_ref()).await {
            Err(error)
                if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists)
                    && (mode == Mode::Upsert || named.is_none()) => {}
            outcome => return outcome,
        }
    }
    Err(conflict(kind, &name))
}

/// No resource any more.
pub(crate) async fn delete(cx: &OpCx, kind: Kind, name: &str) -> Result<(), Error> {
    let name = canonical_name(kind, name);
    // What was granted can be taken back.
    if kind != Kind::OauthGrant {
        refuse_observed(cx, kind)?;
    }
    let core = cx.core();
    let found = core.records.find(kind, name).await?;
    cx.authorize(Verb::Delete, kind, Target::found(found.as_ref(), name))?;
    let found = match found {
        None if kind.is_singleton() => return Ok(()),
        found => reached(cx, kind, name, found)?,
    };
    if let Resource::User(user) = &found {
        bot::refuse_bot(user)?;
    }
    if kind == Kind::Role {
        role::refuse_in_use(core, name).await?;
    }
    let Some(revision) = found.metadata().revision.clone() else {
        return Err(Error::internal("a stored resource has no revision"));
    };
    let others = match kind {
        Kind::User => user::remains(core, name).await?,
        Kind::App => match &found {
            Resource::App(app) => address::release(core, app).await?,
            _ => Vec::new(),
        },
        Kind::Bot => bot::remains(core, name).await?,
        Kind::TrustedCluster => clusters::of_trusted(core, name).await?,
        Kind::RemoteCluster => clusters::of_remote(core, name).await?,
        _ => Vec::new(),
    };
    events::changed(&core.audit, &events::actor(cx.caller()), Change::Deleted, &found).await?;
    if let Resource::OauthGrant(grant) = &found {
        oauth::removed(core, grant, &cx.caller().name()).await?;
    }
    if let Err(error) = core.records.delete(kind, name, &revision, others).await {
        events::failed(cx, &format!("deletion of {kind}"), &error).await;
        return Err(error);
    }
    core.settle(kind, name, None).await;
    match kind {
        Kind::App => tools::forget(core, name).await,
        Kind::User => oauth::end_all_of(core, name, "the user was deleted").await?,
        Kind::OauthGrant => oauth::forget(core, name).await?,
        _ => {}
    }
    if kind == Kind::Bot {
        bot::settle(core, name).await?;
    }
    if matches!(kind, Kind::TrustedCluster | Kind::RemoteCluster) {
        clusters::settle(core, name, false).await;
    }
    Ok(())
}

/// Lets the kind check and fill in, tells the audit log, and writes.
async fn write(
    cx: &OpCx,
    mut resource: Resource,
    before: Option<&Resource>,
    joined: Option<&Joined>,
) -> Result<Resource, Error> {
    if let Resource::TrustedCluster(cluster) = &mut resource {
        clusters::prepare(cluster, before, joined)?;
    }
    prepare(cx, &mut resource, before).await?;
    let is_same = |before: &&Resource| joined.is_none() && is_same(before, &resource);
    if let Some(before) = before.filter(is_same) {
        return Ok(before.clone());
    }
    let core = cx.core();
    let (condition, change) = match before.map(|before| before.metadata().revision.clone()) {
        None => (Condition::Absent, Change::Created),
        Some(Some(revision)) => (Condition::At(revision), Change::Updated),
        Some(None) => return Err(Error::internal("a stored resource has no revision")),
    };
    let others = match (&resource, change) {
        // Whoever had the name before leaves nothing to the new user.
        (Resource::User(user), Change::Created) => user::remains(core, user.name()).await?,
        (Resource::App(app), _) => {
            let before = before.and_then(|before| match before {
                Resource::App(app) => Some(app),
                _ => None,
            });
            address::claim(core, app, before).await?
        }
        (Resource::Bot(bot), _) => bot::companions(cx, bot).await?,
        (Resource::TrustedCluster(cluster), _) => {
            clusters::companions(core, cluster, joined).await?
        }
        _ => Vec::new(),
    };
    if change == Change::Created && resource.kind() == Kind::App {
        // One that ended by itself may have left something.
        tools::forget(core, resource.name()).await;
    }
    events::changed(&core.audit, &events::actor(cx.caller()), change, &resource).await?;
    match core.records.write(&resource, condition, others).await {
        Ok(written) => {
            let revision = written.metadata().revision.as_ref();
            core.settle(written.kind(), written.name(), revision).await;
            if let Resource::Bot(bot) = &written {
                bot::settle(core, bot.name()).await?;
            }
            if let Resource::TrustedCluster(cluster) = &written {
                clusters::settle(core, cluster.name(), cluster.spec.enabled).await;
            }
            Ok(written)
        }
        Err(error) => {
            if !resource.kind().is_observed() {
                events::failed(cx, &format!("change of {}", resource.kind()), &error).await;
            }
            Err(error)
        }
    }
}

/// Whether nothing would change, so that nobody needs to be told. Records of services are written again to
/// live on.
fn is_same(before: &Resource, after: &Resource) -> bool {
    let bare = |resource: &Resource| {
        let mut resource = resource.clone();
        resource.metadata_mut().revision = None;
        resource.to_json(Secrets::Include)
    };
    !after.kind().is_observed() && bare(before) == bare(after)
}

/// What each kind checks and fills in.
async fn prepare(
    cx: &OpCx,
    resource: &mut Resource,
    before: Option<&Resource>,
) -> Result<(), Error> {
    let now = cx.core().clock.now();
    if !resource.kind().is_observed() && resource.metadata().expires.is_some_and(|end| end <= now) {
        return Err(Error::invalid("metadata.expires: the resource would end before it begins"));
    }
    match resource {
        Resource::App(app) => app::prepare(cx, app, before).await,
        Resource::Role(role) => role::prepare(role),
        Resource::User(new) => {
            let before = before.and_then(|before| match before {
                Resource::User(user) => Some::<&User>(user),
                _ => None,
            });
            user::prepare(cx, new, before).await
        }
        Resource::Token(token) => {
            let before = before.and_then(|before| match before {
                Resource::Token(token) => Some(token),
                _ => None,
            });
            token::prepare(cx, token, before)?;
            token::fill_in(token, before);
            Ok(())
        }
        Resource::Lock(new) => {
            let before = before.and_then(|before| match before {
                Resource::Lock(lock) => Some(lock),
                _ => None,
            });
            lock::prepare(cx, new, before).await
        }
        Resource::ClusterAuthPreference(preference) => preference::prepare(preference),
        Resource::AppServer(server) => app_server::prepare(&mut server.metadata, now),
        Resource::Proxy(proxy) if proxy.spec.host_id != proxy.metadata.name => {
            Err(Error::invalid("spec.host_id: a proxy's record is named after its host"))
        }
        Resource::Agent(agent) if agent.spec.host_id != agent.metadata.name => {
            Err(Error::invalid("spec.host_id: an agent's record is named after its host"))
        }
        Resource::Agent(agent) => app_server::prepare(&mut agent.metadata, now),
        Resource::Proxy(proxy) => app_server::prepare(&mut proxy.metadata, now),
        Resource::Oidc(_) | Resource::Saml(_) | Resource::Github(_) => {
            connector::prepare(cx.core(), resource, before)
        }
        Resource::AppAuthConfig(config) => app_auth_config::prepare(config),
        Resource::Bot(bot) => bot::prepare(cx, bot).await,
        Resource::RemoteCluster(cluster) => {
            // Worked out, never believed.
            cluster.status = RemoteClusterStatus::default();
            Ok(())
        }
        Resource::CertAuthority(_) | Resource::TrustedCluster(_) | Resource::OauthGrant(_) => {
            Ok(())
        }
    }
}

/// What people cannot write, however powerful.
fn refuse_observed(cx: &OpCx, kind: Kind) -> Result<(), Error> {
    if !kind.is_observed() || (cx.caller().service().is_some() && kind != Kind::CertAuthority) {
        return Ok(());
    }
    Err(Error::denied(format!(
        "{} are written by the cluster's services, nobody else can change them",
        kind.plural()
    )))
}

/// The resource, unless it is not there or is an app that the caller may not know of.
fn reached(cx: &OpCx, kind: Kind, name: &str, found: Option<Resource>) -> Result<Resource, Error> {
    let absent = || Error::not_found(kind.not_found(name));
    let found = found.ok_or_else(absent)?;
    let reached = match &found {
        Resource::App(app) => cx.reaches(app),
        Resource::AppServer(server) => cx.reaches_server(server),
        _ => true,
    };
    if reached { Ok(found) } else { Err(absent()) }
}

fn already_exists(kind: Kind, name: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, kind.already_exists(name))
        .hint("use -f or --force flag to overwrite")
}

/// The one name that a singleton has.
fn canonical_name(kind: Kind, name: &str) -> &str {
    if kind.is_singleton() { cluster_auth_preference::NAME } else { name }
}

/// What holds while nobody has written anything.
fn default_of(kind: Kind) -> Option<Resource> {
    (kind == Kind::ClusterAuthPreference).then(|| ClusterAuthPreference::default().into())
}

fn raw(resource: &Resource, secrets: Secrets) -> Result<Box<RawValue>, Error> {
    to_raw_value(&resource.to_json(secrets)).map_err(Error::internal)
}
