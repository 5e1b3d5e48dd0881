//! `tsh login` and `tsh logout`.

mod headless;
mod vouched;

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use api::wire::{Ping, SignInRequest, SsoFinish, SsoStart, UserCredentials};
use api::{Client, ErrorKind, ProxyTrust, discover, proxy_endpoint};
use pki::{CaPin, PrivateKey};
use resource::{Secret, plain};
use runtime::Tasks;
use time::OffsetDateTime;

use super::args::{Global, Login, MfaMode};
use super::{clusters, status};
use crate::browser::{Link, Waiting};
use crate::exit::{Refused, Usage};
use crate::profile::{Home, Profile};
use crate::run::Context;
use crate::session::identity_file;

/// What is called like a connector and is none: users of the cluster's own.
const LOCAL: &str = "local";

/// What a sign-in needs.
#[derive(Debug)]
pub struct SignIn {
    /// `host:port` of the proxy.
    pub proxy: String,
    /// The user's name.
    pub user: String,
    /// How the proxy is checked.
    pub trust: ProxyTrust,
    /// The password.
    pub password: Secret<String>,
    /// The one-time code.
    pub code: Secret<String>,
    /// How long the certificate is to live; the cluster's default if not given.
    pub ttl: Option<Duration>,
}

/// Signs in and returns the profile, without keeping it.
///
/// # Errors
/// The proxy cannot be reached or is not to be trusted, or the credentials are wrong.
pub async fn sign_in(request: &SignIn, tasks: &Tasks) -> anyhow::Result<Profile> {
    let key = PrivateKey::generate()?;
    let client = Client::new(proxy_endpoint(&request.proxy, &request.trust)?, tasks.clone());
    let credentials = client
        .sign_in(&SignInRequest {
            user: request.user.clone(),
            password: request.password.expose().clone(),
            totp: Some(request.code.expose().clone()).filter(|code| !code.is_empty()),
            public_key: key.public().to_pem(),
            ttl_seconds: request.ttl.map(|ttl| ttl.as_secs()),
            client_addr: None,
        })
        .await?;
    keep(key, credentials, &request.proxy, &request.trust, tasks).await
}

/// The profile of who was given credentials for a key.
async fn keep(
    key: PrivateKey,
    credentials: UserCredentials,
    proxy: &str,
    checked: &ProxyTrust,
    tasks: &Tasks,
) -> anyhow::Result<Profile> {
    let credentials = vouched::vouched(credentials, proxy, checked, tasks).await?;
    let identity = identity_file(key, &credentials, Some(proxy.to_owned()))?;
    let insecure = matches!(checked, ProxyTrust::Insecure);
    Ok(Profile { proxy: proxy.to_owned(), identity, insecure, selected: None })
}

/// How somebody signs in.
#[derive(Debug, PartialEq, Eq)]
enum Method {
    /// With a password.
    Local,
    /// Through this connector, or the cluster's choice.
    Connector(Option<String>),
}

/// What the command line says, else what the cluster prefers.
fn method(args: &Login, mfa: MfaMode, ping: &Ping) -> Method {
    let choice = ping.sign_in.as_ref();
    let local = || {
        let needs_browser = choice.is_some_and(|choice| choice.needs_browser);
        if mfa == MfaMode::Browser || (mfa == MfaMode::Auto && needs_browser) {
            // The page that a browser is sent to is the cluster's own.
            Method::Connector(Some(LOCAL.to_owned()))
        } else {
            Method::Local
        }
    };
    match args.auth.as_deref() {
        Some(LOCAL) | None if args.credentials_from_stdin => Method::Local,
        Some(LOCAL) => local(),
        Some(name) => Method::Connector(Some(name.to_owned())),
        None => match choice {
            Some(choice) if choice.kind != LOCAL && mfa == MfaMode::Auto => Method::Connector(None),
            _ => local(),
        },
    }
}

/// Signs in through a connector, with a browser.
async fn through_browser(
    cx: &Context,
    args: &Login,
    connector: Option<String>,
    proxy: &str,
    trust: &ProxyTrust,
) -> anyhow::Result<Profile> {
    let key = PrivateKey::generate()?;
    let client = Client::new(proxy_endpoint(proxy, trust)?, cx.tasks.clone());
    let waiting = Waiting::open().await?;
    let started = client
        .start_sso(&SsoStart {
            connector,
            public_key: key.public().to_pem(),
            ttl_seconds: args.ttl.map(|ttl| ttl.as_secs()),
            callback: waiting.callback(),
            challenge: waiting.challenge(),
            client_addr: None,
            proxy_addr: None,
        })
        .await?;
    let link = Link::parse(&started.url)?;
    let brought = waiting.code(&link, args.browser, &cx.printer, &cx.tasks).await?;
    let verifier = brought.verifier.expose().clone();
    let credentials = client.finish_sso(&SsoFinish { code: brought.code, verifier }).await?;
    keep(key, credentials, proxy, trust, &cx.tasks).await
}

/// `tsh login`.
pub(super) async fn login(cx: Context, global: Global, args: Login) -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let known = home.load(global.proxy().as_deref()).ok();
    if let Some(cluster) = &args.cluster
        && let Some(profile) = known.as_ref()
        && profile.user()?.expires > cx.clock.now()
        && args.asks_for_nothing_else()
        && global.user().is_none_or(|user| profile.user().is_ok_and(|known| known.name == user))
    {
        return clusters::select(&cx, &home, &global, cluster).await;
    }
    let proxy = global.proxy().or_else(|| known.as_ref().map(|profile| profile.proxy.clone()));
    let Some(proxy) = proxy else {
        return Err(Usage("which proxy? give --proxy=HOST:PORT".to_owned()).into());
    };
    let trust = proxy_trust(&global, &args, known.as_ref());
    // Nothing secret is asked for before the proxy is known to be the right one.
    let ping = discover(&proxy, &trust, &cx.tasks).await?;
    if matches!(trust, ProxyTrust::Insecure) {
        cx.printer.talk("WARNING: the proxy's certificate was not checked (--insecure).");
    }
    let mut profile = match method(&args, global.mfa_mode, &ping) {
        _ if args.headless => headless::sign_in(&cx, &global, &args, &proxy, &trust).await?,
        Method::Connector(name) => through_browser(&cx, &args, name, &proxy, &trust).await?,
        Method::Local => {
            let known_user = || Some(known.as_ref()?.user().ok()?.name);
            let Some(user) = global.user().or_else(known_user) else {
                return Err(Usage("which user? give --user=NAME".to_owned()).into());
            };
            let (password, code) = if args.credentials_from_stdin {
                read_credentials()?
            } else {
                ask_credentials(&user, &ping.cluster)?
            };
            let request = SignIn { proxy, user, trust, password, code, ttl: args.ttl };
            sign_in(&request, &cx.tasks).await.map_err(explain)?
        }
    };
    let user = profile.user()?.name;
    let now = cx.clock.now();
    match args.out {
        Some(path) => {
            profile.identity.write(&path)?;
            cx.printer.talk(&format!("Wrote the identity of {user} to {}", path.display()));
        }
        None => {
            profile.selected = known.as_ref().and_then(|known| known.selected_by(&profile));
            home.save(&profile)?;
            if let Some(cluster) = &args.cluster {
                return clusters::select(&cx, &home, &global, cluster).await;
            }
            cx.printer.data(&status::summary(&profile, true, now)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `tsh logout`.
pub(super) fn logout(global: &Global) -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let printer = crate::printer::Printer::new();
    let proxies = match global.proxy() {
        Some(proxy) => vec![proxy],
        None => home.proxies()?,
    };
    if proxies.is_empty() {
        printer.talk("Nobody was signed in.");
        return Ok(ExitCode::SUCCESS);
    }
    for proxy in proxies {
        // Loading first gives the same words as everywhere when there is no such profile.
        home.load(Some(&proxy))?;
        home.forget(&proxy)?;
        printer.talk(&format!("Signed out of {proxy}."));
    }
    Ok(ExitCode::SUCCESS)
}

/// Pins, where given; else what a former sign-in taught; else the machine's roots.
fn proxy_trust(global: &Global, args: &Login, known: Option<&Profile>) -> ProxyTrust {
    if !args.ca_pin.is_empty() {
        return ProxyTrust::Pins(args.ca_pin.clone());
    }
    if global.insecure {
        return ProxyTrust::Insecure;
    }
    let pins: Vec<CaPin> = known
        .filter(|profile| !profile.insecure)
        .and_then(|profile| profile.identity.trust().ok())
        .map(|trust| trust.pins())
        .unwrap_or_default();
    if pins.is_empty() { ProxyTrust::SystemRoots } else { ProxyTrust::Pins(pins) }
}

fn ask_credentials(user: &str, cluster: &str) -> anyhow::Result<(Secret<String>, Secret<String>)> {
    if !std::io::stdin().is_terminal() {
        return Err(Usage(
            "there is no terminal to ask for the password: use --credentials-from-stdin".to_owned(),
        )
        .into());
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).context("cannot read the answer");
    let (user, cluster) = (plain::one_line(user), plain::one_line(cluster));
    let password = ask(format!("Password of {user} in {cluster}: "))?;
    let code = ask("One-time code: ".to_owned())?;
    Ok((Secret::new(password), Secret::new(code.split_whitespace().collect())))
}

fn read_credentials() -> anyhow::Result<(Secret<String>, Secret<String>)> {
    let mut lines = std::io::stdin().lock().lines();
    let mut next = |what: &str| -> anyhow::Result<Secret<String>> {
        let line = lines.next().transpose().context("cannot read standard input")?;
        let line = line.with_context(|| format!("standard input ended before the {what}"))?;
        Ok(Secret::new(line.trim_end_matches('\r').to_owned()))
    };
    Ok((next("password")?, next("one-time code")?))
}

fn explain(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<api::Error>() {
        Some(refused) if refused.kind() == ErrorKind::Unauthenticated => {
            let told = Refused::new(refused.message());
            refused.hints().iter().fold(told, |told, hint| told.hint(hint.clone())).into()
        }
        _ => error,
    }
}

/// What is left of a certificate's life, in words.
pub(super) fn remaining(until: OffsetDateTime, now: OffsetDateTime) -> String {
    let left = until - now;
    if left.is_positive() {
        let minutes = left.whole_minutes();
        format!("valid for {}h{:02}m", minutes / 60, minutes % 60)
    } else {
        "EXPIRED".to_owned()
    }
}
