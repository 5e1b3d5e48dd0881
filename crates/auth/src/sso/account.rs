//! From what a provider says of somebody to a user with roles and traits, for as long as the login lives.

use api::wire::{SsoRole, UserCredentials};
use api::{Error, ErrorKind};
use audit::record::{Change, MappedBy, SsoLogin, UserMetadata};
use audit::{Outcome as Ended, Text};
use policy::AttributeMap;
use resource::metadata::check_name;
use resource::user::CreatedBy;
use resource::{Kind, Resource, Traits, User};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::connector::{Connector, Origin};
use super::kept::Started;
use super::{Statement, names, origin_of, refused};
use crate::certificate::{self, Ticket};
use crate::core::Core;
use crate::records::Condition;
use crate::{events, locks, user};

/// How often the user is written again when somebody else writes it at the same time.
const MAX_RETRIES: usize = 8;

/// A user as a login makes one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) traits: Traits,
    pub(super) roles: Vec<SsoRole>,
    client: Option<String>,
    /// When it is to end at the latest, whatever else would let it last.
    #[serde(default, with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
}

/// What comes of a statement, and why it would be refused.
pub(super) struct Judged {
    pub(super) name: Option<String>,
    pub(super) roles: Vec<SsoRole>,
    pub(super) refusal: Option<Error>,
}

/// Judges what a provider said. The outer error is a fault; the inner one is recorded and for the person.
pub(super) async fn judge(
    core: &Core,
    connector: &Connector,
    said: Result<Statement, Error>,
    client: Option<&str>,
) -> Result<Result<Account, Error>, Error> {
    let said = match said {
        Ok(said) => said,
        Err(error) => {
            fail(core, connector, &error, client).await?;
            return Ok(Err(error));
        }
    };
    let judged = weigh(core, connector, &said).await?;
    if let Some(error) = judged.refusal {
        let mappings = mapped(&judged.roles);
        let name = judged.name.as_deref().unwrap_or_default();
        let failure = Ended::Failure(Text::new(error.message()));
        let event = event(connector, name, Some(&said.subject), client, failure);
        let detail = error.cause().map(Text::new);
        core.audit.record(&SsoLogin { detail, mappings: &mappings, ..event }).await?;
        return Ok(Err(error));
    }
    let Some(name) = judged.name else { return Err(Error::internal("a login without a name")) };
    Ok(Ok(Account {
        name,
        origin: connector.origin(&said.subject),
        traits: said.traits,
        roles: judged.roles,
        client: client.map(str::to_owned),
        until: said.until,
    }))
}

/// Records a login of which nobody knows whose it was to be. Whoever opens a link can cause one.
pub(super) async fn fail(
    core: &Core,
    connector: &Connector,
    error: &Error,
    client: Option<&str>,
) -> Result<(), Error> {
    let failure = Ended::Failure(Text::new(error.message()));
    let event = event(connector, "", None, client, failure);
    let detail = error.cause().map(Text::new);
    core.audit.record_anonymous(&SsoLogin { detail, ..event }).await
}

/// What comes of a statement. Nothing is written.
pub(super) async fn weigh(
    core: &Core,
    connector: &Connector,
    said: &Statement,
) -> Result<Judged, Error> {
    let map = AttributeMap::compile(connector.mappings());
    let mapped = map.and_then(|map| map.apply(&said.attributes));
    let (mut roles, failure) = match mapped {
        Ok(mapped) => (mapped, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let mut known = Vec::with_capacity(roles.len());
    for found in roles.drain(..) {
        let exists =
            core.records.find(Kind::Role, &found.role).await.is_ok_and(|role| role.is_some());
        let policy::MappedRole { role, name, value, pattern, .. } = found;
        known.push(SsoRole { role, name, value, pattern, exists });
    }
    let name = said.username.as_ref().ok().cloned();
    let refusal = match refusal(core, connector, said, &known, failure).await {
        Ok(()) => None,
        Err(error) if error.kind() == ErrorKind::Denied => Some(error),
        Err(error) => return Err(error),
    };
    Ok(Judged { name, roles: known, refusal })
}

async fn refusal(
    core: &Core,
    connector: &Connector,
    said: &Statement,
    roles: &[SsoRole],
    failure: Option<String>,
) -> Result<(), Error> {
    let display = connector.display();
    let ask = "ask your administrator";
    if let Some(doubt) = said.doubts.first() {
        return Err(refused(format!("{display} does not vouch for you: {doubt}"))
            .hint(ask)
            .because(doubt));
    }
    let name = said.username.as_ref().map_err(|why| {
        refused(format!("{display} does not say what your name is here")).hint(ask).because(why)
    })?;
    check_name(name).map_err(|error| {
        refused(format!("{display} gives you a name that no user can have: {error}")).hint(ask)
    })?;
    if let Some(failure) = failure {
        return Err(refused(format!("what {display} says of you cannot be mapped to roles"))
            .hint(ask)
            .because(failure));
    }
    if roles.is_empty() {
        let detail =
            format!("no entry of {} of {:?} fits", connector.mapping_field(), connector.name());
        return Err(refused(format!(
            "{display} knows you, but nothing that it says of you gives you a role in this cluster"
        ))
        .hint(ask)
        .because(detail));
    }
    let missing: Vec<&str> =
        roles.iter().filter(|role| !role.exists).map(|role| role.role.as_str()).collect();
    if !missing.is_empty() {
        // It may be the one that denies.
        return Err(refused("a role that you are given does not exist in this cluster")
            .hint(ask)
            .because(format!("roles that do not exist: {}", missing.join(", "))));
    }
    let before = find(core, name).await?;
    refuse_other(before.as_ref(), &connector.origin(&said.subject))?;
    let now = core.clock.now();
    if before.as_ref().is_some_and(|before| !user::is_active(before, now)) {
        return Err(refused("this user may not sign in at the moment").hint(ask));
    }
    let roles: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
    let user = User::new(name, roles.iter().copied());
    locks::refuse_user(&core.replica.snapshot(), now, &user, None)?;
    names::refuse_locked(core, &connector.origin(&said.subject), &roles).await
}

/// A name belongs to who has it: local users are never taken over, nor are those of another connector or
/// of another person at the same provider, while their login lives.
fn refuse_other(before: Option<&User>, origin: &Origin) -> Result<(), Error> {
    let Some(before) = before else { return Ok(()) };
    let name = before.name();
    let why = match origin_of(before) {
        Some(known) if known == *origin => return Ok(()),
        None => "a local user has this name",
        Some(known) if known.connector != origin.connector || known.kind != origin.kind => {
            "a user of this name is signed in through another connector"
        }
        Some(_) => "somebody else of this name is signed in through the same connector",
    };
    Err(refused(format!("you cannot sign in as {name:?}: {why}"))
        .hint("ask your administrator")
        .because(format!("{why}; the identity is {:?} of {:?}", origin.subject, origin.connector)))
}

/// Makes the user one, for as long as the certificate lives.
pub(super) async fn admit(
    core: &Core,
    account: Account,
    started: &Started,
) -> Result<UserCredentials, Error> {
    let key = certificate::read_key(&started.public_key)?;
    if account.until.is_some_and(|end| end <= core.clock.now()) {
        return Err(refused("what the provider says of you is over already")
            .hint("begin again with `tsh login`"));
    }
    for _ in 0..MAX_RETRIES {
        let before = find(core, &account.name).await?;
        refuse_other(before.as_ref(), &account.origin)?;
        let mut new = account.to_user(before.as_ref(), core.clock.now());
        locks::refuse_user(&core.replica.snapshot(), core.clock.now(), &new, None)?;
        let roles: Vec<&str> = new.spec.roles.iter().map(String::as_str).collect();
        names::refuse_locked(core, &account.origin, &roles).await?;
        // Its end is the certificate's, which is about to be known.
        new.spec.expires = None;
        new.metadata.expires = None;
        let (ttl_seconds, until) = (started.ttl_seconds, account.until);
        let client = started.asker.client.as_deref();
        let ticket = Ticket { ttl_seconds, until, client, ..Ticket::of(&new, &key) };
        let issued = certificate::issue(core, &ticket).await?;
        let end = before.as_ref().and_then(|before| before.metadata.expires);
        let end = end.map_or(issued.identity.expires(), |end| end.max(issued.identity.expires()));
        new.metadata.expires = Some(end);
        new.spec.expires = Some(end);

        let (condition, change) = match before.and_then(|before| before.metadata.revision) {
            Some(revision) => (Condition::At(revision), Change::Updated),
            None => (Condition::Absent, Change::Created),
        };
        let remains = match change {
            Change::Created => user::remains(core, &account.name).await?,
            Change::Updated | Change::Deleted => Vec::new(),
        };
        let who = UserMetadata::named(&account.name);
        let resource = Resource::User(new);
        events::changed(&core.audit, &who, change, &resource).await?;
        match core.records.write(&resource, condition, remains).await {
            Ok(written) => {
                names::remember(core, &account.origin, &account.name).await?;
                account.record(core, started).await?;
                events::certificate(&core.audit, &who, &issued.identity).await?;
                core.settle(Kind::User, &account.name, written.metadata().revision.as_ref()).await;
                return Ok(issued.credentials);
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Conflict | ErrorKind::AlreadyExists | ErrorKind::NotFound
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Err(crate::records::conflict(Kind::User, &account.name))
}

async fn find(core: &Core, name: &str) -> Result<Option<User>, Error> {
    match core.records.find(Kind::User, name).await? {
        Some(Resource::User(user)) => Ok(Some(user)),
        _ => Ok(None),
    }
}

// === impl Account ===

impl Account {
    fn to_user(&self, before: Option<&User>, now: OffsetDateTime) -> User {
        let mut new =
            before.cloned().unwrap_or_else(|| User::new(&self.name, Vec::<String>::new()));
        new.spec.roles = self.roles.iter().map(|role| role.role.clone()).collect();
        new.spec.traits.clone_from(&self.traits);
        if before.is_none() {
            new.spec.created_by = Some(CreatedBy {
                user: self.origin.connector.clone(),
                time: Some(now),
                connector: Some(self.origin.to_value()),
            });
        }
        new
    }

    async fn record(&self, core: &Core, started: &Started) -> Result<(), Error> {
        let mappings = mapped(&self.roles);
        core.audit
            .record(&SsoLogin {
                user: Text::new(&self.name),
                method: started.connector.kind.method(),
                connector: &self.origin.connector,
                identity: Some(Text::new(&self.origin.subject)),
                outcome: Ended::Success,
                detail: None,
                mappings: &mappings,
                test: false,
                remote_addr: self.client.as_deref(),
            })
            .await
    }
}

/// An event without what only some of them have.
pub(super) fn event<'a>(
    connector: &'a Connector,
    user: &'a str,
    identity: Option<&'a str>,
    client: Option<&'a str>,
    outcome: Ended<'a>,
) -> SsoLogin<'a> {
    SsoLogin {
        user: Text::new(user),
        method: connector.method(),
        connector: connector.name(),
        identity: identity.map(Text::new),
        outcome,
        detail: None,
        mappings: &[],
        test: false,
        remote_addr: client,
    }
}

/// Which mapping gave which role.
pub(super) fn mapped(roles: &[SsoRole]) -> Vec<MappedBy<'_>> {
    roles
        .iter()
        .map(|role| MappedBy {
            role: &role.role,
            claim: &role.name,
            value: Text::new(&role.value),
            pattern: &role.pattern,
        })
        .collect()
}
