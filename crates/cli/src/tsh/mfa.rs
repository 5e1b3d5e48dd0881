//! `tsh mfa`: the devices by which a local user proves who they are.
//!
//! A terminal has no security keys: what needs one goes on at a page of the proxy, and this waits until it is
//! done there.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use api::wire::{MfaAnswer, MfaBegin, MfaBegun, MfaDevice, MfaDeviceKind};
use api::{Client, Error, ErrorKind};
use resource::plain;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::args::{Global, MfaAdd, MfaCommand, MfaMode, MfaRm};
use crate::browser::{self, Link, Opening};
use crate::exit::{Refused, Usage};
use crate::format::Format;
use crate::run::Context;
use crate::session::Session;
use crate::table::Table;

/// How often it is looked whether a page has done its work.
const GLANCE: Duration = Duration::from_secs(1);

/// `tsh mfa`.
pub(super) async fn mfa(
    cx: Context,
    global: Global,
    command: MfaCommand,
) -> anyhow::Result<ExitCode> {
    let session = Session::open(global.identity().as_deref(), global.proxy().as_deref())?;
    session.require_valid(cx.clock.now())?;
    let client = session.auth(&cx.tasks)?;
    match command {
        MfaCommand::Ls(args) => list(&cx, &client, args.format).await,
        MfaCommand::Add(args) => add(&cx, &client, global.mfa_mode, args).await,
        MfaCommand::Rm(args) => {
            let own: Vec<&str> = session.user.mfa.devices().collect();
            remove(&cx, &client, global.mfa_mode, args, &own).await
        }
    }
}

async fn list(cx: &Context, client: &Client, format: Format) -> anyhow::Result<ExitCode> {
    let devices = client.mfa_devices().await?.devices;
    match format {
        Format::Text => {
            let mut table = Table::new(&["Name", "Type", "Added at", "Last used", "ID"]);
            for device in &devices {
                table.row(vec![
                    device.name.clone(),
                    kind(device.kind).to_owned(),
                    resource::timestamp::format(device.added_at),
                    device.last_used.map(resource::timestamp::format).unwrap_or_default(),
                    device.id.clone(),
                ]);
            }
            cx.printer.data(&table.render(cx.printer.width()))?;
        }
        Format::Json | Format::Yaml => {
            let all: Vec<Value> = devices.iter().map(value).collect();
            cx.printer.value(&all.into(), format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn kind(kind: MfaDeviceKind) -> &'static str {
    match kind {
        MfaDeviceKind::Totp => "TOTP",
        MfaDeviceKind::Key => "WebAuthn",
        MfaDeviceKind::Passkey => "WebAuthn (passkey)",
    }
}

fn value(device: &MfaDevice) -> Value {
    let time = |time: OffsetDateTime| resource::timestamp::format(time);
    json!({
        "id": device.id,
        "name": device.name,
        "type": kind(device.kind),
        "added_at": time(device.added_at),
        "last_used": device.last_used.map(time),
    })
}

async fn add(
    cx: &Context,
    client: &Client,
    mode: MfaMode,
    args: MfaAdd,
) -> anyhow::Result<ExitCode> {
    let kind = match (args.r#type, args.allow_passwordless) {
        (super::args::MfaType::Totp, false) => MfaDeviceKind::Totp,
        (super::args::MfaType::Totp, true) => {
            return Err(Usage("an authenticator app is no passkey".to_owned()).into());
        }
        (super::args::MfaType::Webauthn, false) => MfaDeviceKind::Key,
        (super::args::MfaType::Webauthn, true) => MfaDeviceKind::Passkey,
    };
    // A code in the terminal for a code, and a page for all that has to do with keys.
    let terminal = kind == MfaDeviceKind::Totp && mode != MfaMode::Browser;
    if terminal && mode == MfaMode::Auto && !has_app(client).await? {
        let begun = begin_add(client, kind, &args, false).await?;
        return at_page(cx, client, &begun, &args.browser, Awaited::Added).await;
    }
    let begun = begin_add(client, kind, &args, terminal).await?;
    let Some(totp) = begun.totp.as_ref().filter(|_| terminal) else {
        return at_page(cx, client, &begun, &args.browser, Awaited::Added).await;
    };
    cx.printer.talk(&format!(
        "Set up the new app with this secret, or with the address after it:\n\n  {}\n  {}\n",
        plain::one_line(&totp.secret),
        plain::one_line(&totp.url)
    ));
    let mut input = Input::new(args.codes_from_stdin)?;
    let (code, password) = input.factor(begun.has_devices)?;
    let new = input.ask("A code of the new app: ")?;
    let answer = MfaAnswer { code, password, totp: Some(new), ..MfaAnswer::default() };
    let done = client.answer_mfa(&begun.token, &answer).await?;
    cx.printer.talk(&format!("Added the device {:?}.", done.done.unwrap_or_default()));
    Ok(ExitCode::SUCCESS)
}

async fn begin_add(
    client: &Client,
    kind: MfaDeviceKind,
    args: &MfaAdd,
    terminal: bool,
) -> Result<MfaBegun, Error> {
    let (kind, name) = (Some(kind), args.name.clone());
    client.begin_mfa(&MfaBegin { kind, name, terminal, ..MfaBegin::default() }).await
}

async fn remove(
    cx: &Context,
    client: &Client,
    mode: MfaMode,
    args: MfaRm,
    own: &[&str],
) -> anyhow::Result<ExitCode> {
    let terminal = match mode {
        MfaMode::Otp => true,
        MfaMode::Browser => false,
        MfaMode::Auto => has_app(client).await?,
    };
    let remove = Some(args.name.clone());
    let begun = client.begin_mfa(&MfaBegin { remove, terminal, ..MfaBegin::default() }).await?;
    let is_own = own.contains(&begun.device.as_str());
    if is_own {
        cx.printer.talk(
            "You signed in with this device: when it is removed, this sign-in ends, and so does what is connected \
             with it. Sign in again with `tsh login` then.",
        );
    }
    if !terminal {
        let awaited = if is_own { Awaited::RemovedWithUs } else { Awaited::Removed };
        return at_page(cx, client, &begun, &args.browser, awaited).await;
    }
    let (code, password) = Input::new(args.codes_from_stdin)?.factor(begun.has_devices)?;
    let answer = MfaAnswer { code, password, ..MfaAnswer::default() };
    let done = client.answer_mfa(&begun.token, &answer).await?;
    cx.printer.talk(&format!("Removed the device {:?}.", done.done.unwrap_or_default()));
    Ok(ExitCode::SUCCESS)
}

/// Whether a code can be typed to prove who one is.
async fn has_app(client: &Client) -> Result<bool, Error> {
    let devices = client.mfa_devices().await?.devices;
    Ok(devices.is_empty() || devices.iter().any(|device| device.kind == MfaDeviceKind::Totp))
}

/// What is to be done at a page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Added,
    Removed,
    /// And what we ask with ends then.
    RemovedWithUs,
}

/// Whether what is refused is refused because the device is gone. Other locks say something else.
fn is_end_of_device(error: &Error) -> bool {
    let says = |hint: &String| hint.starts_with("the device ") && hint.contains(" was removed");
    error.kind() == ErrorKind::Denied && error.hints().iter().any(says)
}

/// Sends the person to a page, and waits until what is done there is done.
async fn at_page(
    cx: &Context,
    client: &Client,
    begun: &MfaBegun,
    opening: &Opening,
    awaited: Awaited,
) -> anyhow::Result<ExitCode> {
    let link = Link::parse(&begun.url)?;
    cx.printer.talk(&format!(
        "This goes on at a page, in the browser that opens it first:\n\n  {link}\n"
    ));
    if *opening == Opening::Default {
        browser::launch(&link);
    }
    while cx.clock.now() < begun.expires {
        let devices = match client.mfa_devices().await {
            Ok(found) => found.devices,
            Err(error) if awaited == Awaited::RemovedWithUs && is_end_of_device(&error) => {
                cx.printer.talk("Removed the device, and this sign-in ended with it.");
                return Ok(ExitCode::SUCCESS);
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(name) = outcome(&devices, &begun.device, awaited) {
            let what = if awaited == Awaited::Added { "Added" } else { "Removed" };
            cx.printer.talk(&format!("{what} the device{name}."));
            return Ok(ExitCode::SUCCESS);
        }
        cx.clock.sleep(GLANCE).await;
    }
    Err(Refused::new("nothing was done at the page in time").hint("begin again").into())
}

/// What the device is called, once it is as it was to be.
fn outcome(devices: &[MfaDevice], id: &str, awaited: Awaited) -> Option<String> {
    let adds = awaited == Awaited::Added;
    match devices.iter().find(|device| device.id == id) {
        Some(device) => adds.then(|| format!(" {:?}", device.name)),
        None => (!adds).then(String::new),
    }
}

/// Where codes are typed.
enum Input {
    Terminal,
    Lines(std::io::Lines<std::io::StdinLock<'static>>),
}

// === impl Input ===

impl Input {
    fn new(from_stdin: bool) -> anyhow::Result<Self> {
        if from_stdin {
            return Ok(Self::Lines(std::io::stdin().lock().lines()));
        }
        if !std::io::stdin().is_terminal() {
            let why = "there is no terminal to ask for codes: use --codes-from-stdin";
            return Err(Usage(why.to_owned()).into());
        }
        Ok(Self::Terminal)
    }

    /// A code of a device that is there, or the password of who has none.
    fn factor(&mut self, has_devices: bool) -> anyhow::Result<(Option<String>, Option<String>)> {
        if has_devices {
            Ok((Some(self.ask("A code of an app that you have: ")?), None))
        } else {
            Ok((None, Some(self.line("Your password: ")?)))
        }
    }

    fn ask(&mut self, prompt: &str) -> anyhow::Result<String> {
        Ok(self.line(prompt)?.split_whitespace().collect())
    }

    fn line(&mut self, prompt: &str) -> anyhow::Result<String> {
        match self {
            Self::Terminal => rpassword::prompt_password(prompt).context("cannot read the answer"),
            Self::Lines(lines) => lines
                .next()
                .transpose()
                .context("cannot read standard input")?
                .context("standard input ended before all was said"),
        }
    }
}
