//! From an endpoint to its operation: what a request says becomes arguments, what comes back an
//! answer.

use api::wire::{Ping, Status, WhoAmI};
use api::{Error, Operation, Write as Mode};
use resource::{Kind, Secrets};
use serde::Deserialize;

use crate::caller::Caller;
use crate::core::Core;
use crate::cx::{self, OpCx};
use crate::http::Call;
use crate::http::answer::{self, Answer};
use crate::selection::Selection;
use crate::{
    app_auth_config, assertion, audit_api, bot, certificate, clusters, confidence, heartbeat,
    invite, join, mfa, oauth, openapi, resources, rotation, session_mfa, sign_in, sso, tools,
    watch,
};

/// The version of this service.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Deserialize)]
struct ReadQuery {
    #[serde(default)]
    with_secrets: bool,
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    one_per_app: bool,
}

#[derive(Deserialize)]
struct WriteQuery {
    #[serde(default)]
    mode: WriteMode,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WriteMode {
    #[default]
    Update,
    Upsert,
}

/// Carries out the operation of an endpoint.
pub(crate) async fn operate(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    match operation {
        Operation::List
        | Operation::Get
        | Operation::Create
        | Operation::Put
        | Operation::Delete => resource(cx, operation, call).await,
        Operation::Ping => answer::json(&ping(cx.core())?),
        Operation::OpenApi => answer::json(&openapi::document()?),
        Operation::WhoAmI => answer::json(&who_am_i(cx)),
        Operation::Status => answer::json(&status(cx.core())?),
        Operation::RotateAuthorities => answer::json(&rotation::rotate(cx, &call.json()?).await?),
        Operation::Join => answer::json(&join::join(cx, call.json()?).await?),
        Operation::JoinCluster
        | Operation::ExchangeCluster
        | Operation::ListClusters
        | Operation::Visit
        | Operation::VisitByToken
        | Operation::VisitorApps => cluster(cx, operation, call).await,
        Operation::Renew => answer::json(&join::renew(cx, call.json()?).await?),
        Operation::JoinBot
        | Operation::RenewBot
        | Operation::BotOutput
        | Operation::ListBotInstances
        | Operation::ReadBotInstance
        | Operation::RemoveBotInstance => bot_of(cx, operation, call).await,
        Operation::SignIn => answer::json(&sign_in::sign_in(cx, call.json()?).await?),
        Operation::StartSso
        | Operation::BeginSso
        | Operation::AnswerSso
        | Operation::FinishSso
        | Operation::ArriveSso
        | Operation::ReadArrival
        | Operation::AnswerArrival
        | Operation::TestSso
        | Operation::FinishSsoTest => through_provider(cx, operation, call).await,
        Operation::VerifyAppToken => {
            answer::json(&app_auth_config::verify(cx, &call.json()?).await?)
        }
        Operation::ReadInvite => {
            answer::json(&invite::read(cx.core(), call.parameter("token")?).await?)
        }
        Operation::AnswerInvite => {
            answer::json(&invite::answer(cx, call.parameter("token")?, call.json()?).await?)
        }
        Operation::StartHeadless
        | Operation::OpenHeadless
        | Operation::FinishHeadless
        | Operation::ReadLogin
        | Operation::AnswerLogin => login(cx.core(), operation, call).await,
        Operation::ListMfa
        | Operation::BeginMfa
        | Operation::AnswerMfa
        | Operation::ReadMfaPage
        | Operation::AnswerMfaPage => devices(cx, operation, call).await,
        Operation::StartSessionMfa
        | Operation::FinishSessionMfa
        | Operation::TypeSessionMfa
        | Operation::ReadSessionMfa
        | Operation::AnswerSessionMfa => session(cx, operation, call).await,
        Operation::RegisterOauthClient
        | Operation::StartOauth
        | Operation::ReadOauthConsent
        | Operation::AnswerOauthConsent
        | Operation::OauthTokens
        | Operation::RevokeOauth => oauth_of(cx, operation, call).await,
        Operation::CreateInvite | Operation::SignUser => of_user(cx, operation, call).await,
        Operation::SignAssertion => answer::json(&assertion::sign(cx, call.json()?).await?),
        Operation::Watch => watch::watch(cx, call).await,
        Operation::Heartbeat => answer::json(&heartbeat::heartbeat(cx, &call.json()?).await?),
        Operation::ReportTools => {
            tools::report(cx, call.json()?).await?;
            Ok(answer::nothing())
        }
        Operation::SeenTools => answer::json(&tools::list(cx, &call.query()?).await?),
        Operation::ShipAudit => answer::json(&audit_api::ship(cx, call.json()?).await?),
        Operation::SearchAudit => answer::json(&audit_api::search(cx, call.query()?).await?),
    }
}

async fn of_user(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    let name = call.parameter("name")?;
    match operation {
        Operation::CreateInvite => answer::json(&invite::create(cx, name, &call.json()?).await?),
        _ => answer::json(&certificate::sign(cx, name, &call.json()?).await?),
    }
}

async fn login(core: &Core, operation: Operation, call: &Call) -> Result<Answer, Error> {
    match operation {
        Operation::StartHeadless => answer::json(&sso::start_headless(core, call.json()?).await?),
        Operation::OpenHeadless => answer::json(&sso::open_headless(core, &call.json()?).await?),
        Operation::FinishHeadless => {
            answer::json(&sso::finish_headless(core, &call.json()?).await?)
        }
        Operation::ReadLogin => {
            answer::json(&sso::read_page(core, call.parameter("token")?, &call.json()?).await?)
        }
        _ => answer::json(&sso::answer_page(core, call.parameter("token")?, call.json()?).await?),
    }
}

async fn devices(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    match operation {
        Operation::ListMfa => answer::json(&mfa::list(cx).await?),
        Operation::BeginMfa => answer::json(&mfa::begin(cx, call.json()?).await?),
        Operation::AnswerMfa => {
            answer::json(&mfa::answer_typed(cx, call.parameter("token")?, call.json()?).await?)
        }
        Operation::ReadMfaPage => {
            answer::json(&mfa::read(cx.core(), call.parameter("token")?, &call.json()?).await?)
        }
        _ => answer::json(&mfa::answer(cx.core(), call.parameter("token")?, call.json()?).await?),
    }
}

async fn through_provider(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    match operation {
        Operation::StartSso => answer::json(&sso::start(cx, call.json()?).await?),
        Operation::BeginSso => {
            answer::json(&sso::begin(cx.core(), call.parameter("token")?, call.json()?).await?)
        }
        Operation::AnswerSso => answer::json(&sso::answer(cx.core(), call.json()?).await?),
        Operation::FinishSso => answer::json(&sso::finish(cx.core(), &call.json()?).await?),
        Operation::ArriveSso => answer::json(&sso::arrive(cx.core(), call.json()?).await?),
        Operation::ReadArrival => {
            let token = call.parameter("token")?;
            answer::json(&sso::read_arrival(cx.core(), token, &call.json()?).await?)
        }
        Operation::AnswerArrival => {
            let token = call.parameter("token")?;
            answer::json(&sso::answer_arrival(cx.core(), token, &call.json()?).await?)
        }
        Operation::TestSso => answer::json(&sso::test(cx, call.json()?).await?),
        _ => answer::json(&sso::finish_test(cx, &call.json()?).await?),
    }
}

async fn bot_of(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    match operation {
        Operation::JoinBot => answer::json(&bot::join(cx, call.json()?).await?),
        Operation::RenewBot => answer::json(&bot::renew(cx, call.json()?).await?),
        Operation::BotOutput => answer::json(&bot::output(cx, call.json()?).await?),
        Operation::ListBotInstances => {
            answer::json(&bot::list_instances(cx, &call.query()?).await?)
        }
        Operation::ReadBotInstance => {
            let (bot, id) = (call.parameter("name")?, call.parameter("id")?);
            answer::json(&bot::show_instance(cx, bot, id).await?)
        }
        _ => {
            bot::remove_instance(cx, call.parameter("name")?, call.parameter("id")?).await?;
            Ok(answer::nothing())
        }
    }
}

async fn session(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    match operation {
        Operation::StartSessionMfa => answer::json(&session_mfa::start(cx, call.json()?).await?),
        Operation::FinishSessionMfa => answer::json(&session_mfa::finish(cx, &call.json()?).await?),
        Operation::TypeSessionMfa => answer::json(&session_mfa::typed(cx, call.json()?).await?),
        Operation::ReadSessionMfa => {
            let token = call.parameter("token")?;
            answer::json(&session_mfa::read(cx.core(), token, &call.json()?).await?)
        }
        _ => {
            let token = call.parameter("token")?;
            answer::json(&session_mfa::answer(cx.core(), token, call.json()?).await?)
        }
    }
}

async fn oauth_of(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    let core = cx.core();
    match operation {
        Operation::RegisterOauthClient => answer::json(&oauth::register(core, call.json()?).await?),
        Operation::StartOauth => answer::json(&oauth::start(cx, call.json()?).await?),
        Operation::ReadOauthConsent => {
            answer::json(&oauth::read(core, call.parameter("token")?, &call.json()?).await?)
        }
        Operation::AnswerOauthConsent => {
            answer::json(&oauth::answer(core, call.parameter("token")?, &call.json()?).await?)
        }
        Operation::OauthTokens => answer::json(&oauth::tokens(core, call.json()?).await?),
        _ => {
            oauth::revoke(core, &call.json()?).await?;
            Ok(answer::nothing())
        }
    }
}

async fn cluster(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    match operation {
        Operation::JoinCluster => answer::json(&clusters::join(cx, call.json()?).await?),
        Operation::ExchangeCluster => answer::json(&clusters::exchange(cx, call.json()?).await?),
        Operation::Visit => {
            answer::json(&clusters::visit(cx, call.parameter("name")?, call.json()?).await?)
        }
        Operation::VisitByToken => {
            let (cluster, request) = (call.parameter("name")?, call.json()?);
            answer::json(&app_auth_config::verify_for_visit(cx, cluster, &request).await?)
        }
        Operation::VisitorApps => answer::json(&clusters::list_for_visitor(cx, &call.json()?)?),
        _ => answer::json(&clusters::list(cx.core()).await?),
    }
}

async fn resource(cx: &OpCx, operation: Operation, call: &Call) -> Result<Answer, Error> {
    let kind = kind(call)?;
    // Whoever wrote a resource knows its secrets, but for those that were kept in their places.
    let written = |mut resource: resource::Resource| {
        confidence::conceal(cx, &mut resource, Secrets::Redact);
        answer::json(&resource.to_json(Secrets::Include))
    };
    match operation {
        Operation::List => {
            let selection = Selection::of(call)?;
            let ListQuery { one_per_app } = call.query()?;
            let list = resources::list(cx, kind, secrets(call)?, &selection, one_per_app).await?;
            Ok(answer::bytes(list.into()))
        }
        Operation::Get => {
            let secrets = secrets(call)?;
            let found = resources::get(cx, kind, call.parameter("name")?, secrets).await?;
            answer::json(&found.to_json(secrets))
        }
        Operation::Create => {
            written(resources::create(cx, resources::parse(kind, &call.body)?).await?)
        }
        Operation::Put => {
            let WriteQuery { mode } = call.query()?;
            let mode = match mode {
                WriteMode::Update => Mode::Update,
                WriteMode::Upsert => Mode::Upsert,
            };
            let resource = resources::parse(kind, &call.body)?;
            if !kind.is_singleton() && resource.name() != call.parameter("name")? {
                return Err(Error::invalid("the resource has another name than its address"));
            }
            written(resources::put(cx, resource, mode).await?)
        }
        _ => {
            resources::delete(cx, kind, call.parameter("name")?).await?;
            Ok(answer::nothing())
        }
    }
}

fn kind(call: &Call) -> Result<Kind, Error> {
    Kind::parse(call.parameter("kind")?).map_err(|unknown| Error::invalid(unknown.to_string()))
}

fn secrets(call: &Call) -> Result<Secrets, Error> {
    let ReadQuery { with_secrets } = call.query()?;
    Ok(if with_secrets { Secrets::Include } else { Secrets::Redact })
}

fn ping(core: &Core) -> Result<Ping, Error> {
    let authorities = core.authorities.current();
    Ok(Ping {
        cluster: core.cluster.clone(),
        version: VERSION.to_owned(),
        ca_pins: authorities.pins()?,
        host_authorities: authorities.wire().host,
        sign_in: Some(sso::choice(core)),
    })
}

fn status(core: &Core) -> Result<Status, Error> {
    let authorities = core.authorities.current();
    Ok(Status {
        cluster: core.cluster.clone(),
        version: VERSION.to_owned(),
        ca_pins: authorities.pins()?,
        authorities: authorities.status(),
    })
}

fn who_am_i(cx: &OpCx) -> WhoAmI {
    let caller = cx.caller();
    let roles = match caller {
        Caller::User(user) | Caller::Visitor(user) => user.roles.clone(),
        Caller::Service(service) | Caller::ForeignAuth(service) => {
            service.services.iter().map(|service| service.as_str().to_owned()).collect()
        }
        Caller::LocalAdmin { .. } | Caller::Anonymous => Vec::new(),
    };
    WhoAmI {
        kind: caller.kind().to_owned(),
        name: caller.name(),
        roles,
        cluster: cx.core().cluster.clone(),
        second_factor_per_session: cx::cluster_requires_mfa(cx.core()),
    }
}
