//! The roles and users of a quickstart, and how alice signs in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use api::wire::{InviteAnswer, InvitePurpose, InviteRequest};
use api::{Client, ErrorKind, ProxyTrust, Write};
use cli::profile::{Home, Profile};
use cli::tsh::{SignIn, sign_in};
use pki::CaPin;
use resource::{Secret, Source};
use runtime::{Clock, Tasks};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::place::Place;

const ROLES: &str = include_str!("../../../../examples/quickstart/roles.yaml");
const USERS: &str = include_str!("../../../../examples/quickstart/users.yaml");

/// A tool of the demo server that alice's role allows.
pub(super) const ALLOWED_TOOL: &str = "tessera_user_info";
/// One that it does not.
pub(super) const REFUSED_TOOL: &str = "tessera_session_info";

/// A profile that ends sooner than this is renewed.
const FRESH_ENOUGH: Duration = Duration::from_secs(3600);
/// A one-time code is good for so long (RFC 6238, section 4.1).
const CODE_PERIOD: Duration = Duration::from_secs(30);

/// The passwords and second factors of the users, kept for the next run in a file that only its
/// owner reads. People have theirs in their heads and telephones.
#[derive(Serialize, Deserialize)]
pub(super) struct People {
    users: BTreeMap<String, Credentials>,
}

#[derive(Serialize, Deserialize)]
struct Credentials {
    password: String,
    totp_url: String,
}

/// Creates the roles, or brings them up to date.
pub(super) async fn ensure_roles(admin: &Client) -> anyhow::Result<()> {
    upsert(admin, ROLES).await
}

/// Creates the users and their credentials, as far as they are not there.
pub(super) async fn ensure(admin: &Client, place: &Place, clock: &Clock) -> anyhow::Result<People> {
    upsert(admin, USERS).await?;
    let mut people = People::load(place)?;
    for user in ["admin", "alice"] {
        if !people.users.contains_key(user) {
            // What the credentials of before opened is locked with them.
            forget(&Home::at(place.home()), user)?;
            let credentials = invite(admin, user, clock).await?;
            people.users.insert(user.to_owned(), credentials);
            people.save(place)?;
        }
    }
    Ok(people)
}

pub(super) async fn upsert(admin: &Client, text: &str) -> anyhow::Result<()> {
    for parsed in resource::parse_documents(&Source::new("quickstart", text))? {
        admin.put(&parsed.resource, Write::Upsert).await?;
    }
    Ok(())
}

/// Makes an invite and accepts it, as the user would in a browser.
async fn invite(admin: &Client, user: &str, clock: &Clock) -> anyhow::Result<Credentials> {
    let request = InviteRequest { purpose: InvitePurpose::Reset, ttl_seconds: Some(600) };
    let invite = admin.create_invite(user, &request).await?;
    let details = admin.read_invite(&invite.token).await?;
    let password = random_password();
    let totp = details.totp.context("this cluster takes no one-time codes")?;
    let credentials = Credentials { password: password.clone(), totp_url: totp.url };
    let answer = InviteAnswer {
        password: Some(password),
        totp: Some(credentials.code(clock.now())?),
        ..InviteAnswer::default()
    };
    admin.answer_invite(&invite.token, &answer).await?;
    Ok(credentials)
}

fn random_password() -> String {
    let bytes: [u8; 18] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// === impl People ===

impl People {
    fn file(place: &Place) -> PathBuf {
        place.root.join("credentials.json")
    }

    fn load(place: &Place) -> anyhow::Result<Self> {
        let path = Self::file(place);
        if !path.try_exists()? {
            return Ok(Self { users: BTreeMap::new() });
        }
        let text = pki::secret_file::read(&path)?;
        serde_json::from_str(&text).with_context(|| {
            format!("{} is damaged: delete it and new credentials are made", path.display())
        })
    }

    fn save(&self, place: &Place) -> anyhow::Result<()> {
        Ok(pki::secret_file::write(&Self::file(place), &serde_json::to_vec_pretty(self)?)?)
    }

    /// Signs a user in through the proxy, unless the kept profile is good for a while; tells until
    /// when.
    pub(super) async fn sign_in(
        &self,
        user: &str,
        proxy: &str,
        pins: Vec<CaPin>,
        place: &Place,
        clock: &Clock,
        tasks: &Tasks,
    ) -> anyhow::Result<OffsetDateTime> {
        let home = Home::at(place.home());
        if let Some(profile) = kept(&home, user, proxy, &pins, clock)? {
            home.save(&profile)?;
            return Ok(profile.user()?.expires);
        }
        let credentials = self.users.get(user).context("the user has no credentials")?;
        let mut request = SignIn {
            proxy: proxy.to_owned(),
            user: user.to_owned(),
            trust: ProxyTrust::Pins(pins),
            password: Secret::new(credentials.password.clone()),
            code: Secret::new(credentials.code(clock.now())?),
            ttl: None,
        };
        let profile = match sign_in(&request, tasks).await {
            Err(error) if is_unauthenticated(&error) => {
                // This code may have been used a moment ago, by setting it up, and none works
                // twice. The cluster allows for clocks that are ahead, so the next one does.
                request.code = Secret::new(credentials.code(clock.now() + CODE_PERIOD)?);
                sign_in(&request, tasks).await?
            }
            outcome => outcome?,
        };
        home.save(&profile)?;
        Ok(profile.user()?.expires)
    }
}

/// Drops the profiles of a user whose credentials are made anew.
fn forget(home: &Home, user: &str) -> anyhow::Result<()> {
    for known in home.proxies()? {
        let Ok(profile) = home.load(Some(&known)) else { continue };
        if profile.user().is_ok_and(|identity| identity.name == user) {
            home.forget(&known)?;
        }
    }
    Ok(())
}

/// The profile of an earlier run, if it is good for a while. The proxy may have had another port.
fn kept(
    home: &Home,
    user: &str,
    proxy: &str,
    pins: &[CaPin],
    clock: &Clock,
) -> anyhow::Result<Option<Profile>> {
    let mut found = None;
    for known in home.proxies()? {
        let Ok(mut profile) = home.load(Some(&known)) else { continue };
        let Ok(identity) = profile.user() else { continue };
        let is_ours = profile.identity.trust().is_ok_and(|trust| trust.pins() == pins);
        if is_ours && identity.name == user && identity.expires > clock.now() + FRESH_ENOUGH {
            proxy.clone_into(&mut profile.proxy);
            profile.identity.proxy = Some(proxy.to_owned());
            found = Some(profile);
        }
        if is_ours && known != proxy {
            // The cluster is not there any more.
            home.forget(&known)?;
        }
    }
    Ok(found)
}

fn is_unauthenticated(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<api::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::Unauthenticated)
}

// === impl Credentials ===

impl Credentials {
    /// The one-time code of this moment.
    fn code(&self, now: OffsetDateTime) -> anyhow::Result<String> {
        let totp =
            totp_rs::Totp::from_url(&self.totp_url).context("the second factor is damaged")?;
        Ok(totp.generate(now.unix_timestamp().unsigned_abs()).to_string())
    }
}
