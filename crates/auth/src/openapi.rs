//! The published description of the auth API (OpenAPI 3.1), made from the same table as the router.

use api::{
    Access, AnyResource, ENDPOINTS, EndpointRow, Error, ErrorBody, Operation, ServiceClass, wire,
};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// A query parameter: its name, whether it is needed, what it says.
type Parameter = (&'static str, bool, &'static str);

/// What an operation takes and gives beyond its path.
struct Shape {
    query: &'static [Parameter],
    request: Option<Schema>,
    response: Schema,
    streams: bool,
}

const SECRETS: Parameter = ("with_secrets", false, "true includes secrets; needs the verb read");

const SELECTORS: Parameter =
    ("apps", false, "Of apps only those that one of these label selectors, a JSON array, fits");

const ONE_PER_APP: Parameter = (
    "one_per_app",
    false,
    "true gives, of live records that differ in nothing but the agent, one of each app",
);

const WATCH: &[Parameter] = &[
    ("kinds", true, "The kinds to watch, separated by commas"),
    (
        "changed",
        false,
        "Kinds, separated by commas, of which only is told that something is different: roles and users, to proxies",
    ),
    ("cursor", true, "The position after which to begin, from a list or an earlier watch"),
    SELECTORS,
];

const WRITE: &[Parameter] =
    &[("mode", false, "update (the default) needs the resource to exist, upsert does not")];

const BOT_INSTANCES: &[Parameter] = &[("bot", false, "Only of this bot")];

const SEEN: &[Parameter] = &[("app", false, "Only of this app")];

const AUDIT: &[Parameter] = &[
    ("user", false, "Only of this user"),
    ("app", false, "Only of this app"),
    ("event", false, "Only of this event type"),
    ("since", false, "Not before this instant (RFC 3339)"),
    ("until", false, "Before this instant (RFC 3339)"),
    ("limit", false, "At most this many, the newest first"),
];

/// The document.
///
/// # Errors
/// A schema is not JSON, which is a fault of ours.
pub fn document() -> Result<Value, Error> {
    let mut schemas = generator();
    let mut paths = Map::new();
    for row in ENDPOINTS {
        let operation = operation(row, &mut schemas)?;
        let path = paths.entry(row.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(row.method.as_str().to_lowercase(), operation);
        }
    }
    // Errors are not the body of any one operation, so nothing has named their schema yet.
    drop(schemas.subschema_for::<ErrorBody>());
    let components = schemas.take_definitions(true);
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tessera auth API",
            "version": "v1",
            "description": "HTTP/2 with JSON bodies over mutual TLS, or over the auth service's \
                local socket. Every error has the shape of ErrorBody. Members that a client does \
                not know are to be ignored.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": { "Error": {
                "description": "What went wrong, in the one shape that all errors have",
                "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/ErrorBody" },
                } },
            } },
            "securitySchemes": { "certificate": {
                "type": "mutualTLS",
                "description": "A certificate of the cluster's user or host authority",
            } },
        },
    }))
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator()
}

fn operation(row: &EndpointRow, schemas: &mut SchemaGenerator) -> Result<Value, Error> {
    let shape = shape(row.operation, schemas);
    let encode = |schema: Schema| serde_json::to_value(schema).map_err(Error::internal);
    let media = if shape.streams { "application/x-ndjson" } else { "application/json" };
    let mut operation = json!({
        "operationId": operation_id(row.operation),
        "summary": row.summary,
        "security": security(row.access),
        "x-access": access(row.access),
        "responses": {
            "200": {
                "description": "Done",
                "content": { media: { "schema": encode(shape.response)? } },
            },
            "default": { "$ref": "#/components/responses/Error" },
        },
    });
    let parameters: Vec<Value> = path_parameters(row.path)
        .chain(shape.query.iter().map(|(name, required, description)| {
            json!({
                "name": name,
                "in": "query",
                "required": required,
                "description": description,
                "schema": { "type": "string" },
            })
        }))
        .collect();
    if let Some(members) = operation.as_object_mut() {
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(request) = shape.request {
            let body = json!({
                "required": true,
                "content": { "application/json": { "schema": encode(request)? } },
            });
            members.insert("requestBody".to_owned(), body);
        }
    }
    Ok(operation)
}

fn nothing() -> Schema {
    Schema::from(Map::from_iter([("type".to_owned(), json!("object"))]))
}

fn of_bot(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    let body = match operation {
        Operation::JoinBot => schema::<wire::BotJoinRequest>(s),
        Operation::RenewBot => schema::<wire::BotRenewRequest>(s),
        Operation::ListBotInstances => {
            return Shape { query: BOT_INSTANCES, ..of(None, schema::<wire::BotInstances>(s)) };
        }
        Operation::ReadBotInstance => return of(None, schema::<wire::BotInstance>(s)),
        Operation::RemoveBotInstance => return of(None, nothing()),
        _ => schema::<wire::BotOutputRequest>(s),
    };
    of(Some(body), schema::<wire::UserCredentials>(s))
}

fn of_service(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    let body = match operation {
        Operation::Join => schema::<wire::JoinRequest>(s),
        _ => schema::<wire::RenewRequest>(s),
    };
    of(Some(body), schema::<wire::ServiceCredentials>(s))
}

fn of_clusters(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    match operation {
        Operation::JoinCluster => {
            of(Some(schema::<wire::ClusterJoin>(s)), schema::<wire::ClusterWelcome>(s))
        }
        Operation::ExchangeCluster => {
            of(Some(schema::<wire::ClusterExchange>(s)), schema::<wire::ClusterWelcome>(s))
        }
        Operation::Visit => {
            of(Some(schema::<wire::VisitRequest>(s)), schema::<wire::VisitEvidence>(s))
        }
        Operation::VisitByToken => {
            of(Some(schema::<wire::AppTokenRequest>(s)), schema::<wire::VisitEvidence>(s))
        }
        Operation::VisitorApps => {
            of(Some(schema::<wire::VisitorRequest>(s)), schema::<wire::VisitorApps>(s))
        }
        _ => of(None, schema::<wire::ClusterList>(s)),
    }
}

fn of_sso(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    match operation {
        Operation::StartSso => of(Some(schema::<wire::SsoStart>(s)), schema::<wire::SsoStarted>(s)),
        Operation::BeginSso => of(Some(schema::<wire::SsoBegin>(s)), schema::<wire::SsoBegun>(s)),
        Operation::AnswerSso => {
            of(Some(schema::<wire::SsoAnswer>(s)), schema::<wire::SsoAnswered>(s))
        }
        Operation::FinishSso => {
            of(Some(schema::<wire::SsoFinish>(s)), schema::<wire::UserCredentials>(s))
        }
        Operation::TestSso => of(Some(schema::<wire::SsoTest>(s)), schema::<wire::SsoStarted>(s)),
        _ => of(Some(schema::<wire::SsoFinish>(s)), schema::<wire::SsoReport>(s)),
    }
}

fn of_oauth(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    match operation {
        Operation::RegisterOauthClient => {
            of(Some(schema::<wire::OauthRegistration>(s)), schema::<wire::OauthRegistered>(s))
        }
        Operation::StartOauth => {
            of(Some(schema::<wire::OauthAuthorization>(s)), schema::<wire::OauthStarted>(s))
        }
        Operation::ReadOauthConsent => {
            of(Some(schema::<wire::OauthConsentRead>(s)), schema::<wire::OauthConsent>(s))
        }
        Operation::AnswerOauthConsent => {
            of(Some(schema::<wire::OauthConsentAnswer>(s)), schema::<wire::OauthConsented>(s))
        }
        Operation::OauthTokens => {
            of(Some(schema::<wire::OauthTokenRequest>(s)), schema::<wire::OauthTokenAnswer>(s))
        }
        _ => of(Some(schema::<wire::OauthRevocation>(s)), nothing()),
    }
}

fn of_resources(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    let resource = schema::<AnyResource>(s);
    match operation {
        Operation::List => Shape {
            query: &[SECRETS, SELECTORS, ONE_PER_APP],
            ..of(None, schema::<wire::ListBody>(s))
        },
        Operation::Create => of(Some(resource.clone()), resource),
        Operation::Get => Shape { query: &[SECRETS], ..of(None, resource) },
        Operation::Put => Shape { query: WRITE, ..of(Some(resource.clone()), resource) },
        Operation::Delete => of(None, nothing()),
        _ => Shape { query: WATCH, streams: true, ..of(None, schema::<wire::WatchLine>(s)) },
    }
}

fn shape(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    match operation {
        Operation::Ping => of(None, schema::<wire::Ping>(s)),
        Operation::OpenApi => of(None, nothing()),
        Operation::Join | Operation::Renew => of_service(operation, s),
        Operation::JoinBot
        | Operation::RenewBot
        | Operation::BotOutput
        | Operation::ListBotInstances
        | Operation::ReadBotInstance
        | Operation::RemoveBotInstance => of_bot(operation, s),
        Operation::SignIn => {
            of(Some(schema::<wire::SignInRequest>(s)), schema::<wire::UserCredentials>(s))
        }
        Operation::StartSso
        | Operation::BeginSso
        | Operation::AnswerSso
        | Operation::FinishSso
        | Operation::TestSso
        | Operation::FinishSsoTest => of_sso(operation, s),
        Operation::VerifyAppToken => {
            of(Some(schema::<wire::AppTokenRequest>(s)), schema::<wire::AppTokenIdentity>(s))
        }
        Operation::WhoAmI => of(None, schema::<wire::WhoAmI>(s)),
        Operation::Status => of(None, schema::<wire::Status>(s)),
        Operation::RotateAuthorities => {
            of(Some(schema::<wire::RotationRequest>(s)), schema::<wire::RotationReport>(s))
        }
        Operation::List
        | Operation::Create
        | Operation::Get
        | Operation::Put
        | Operation::Delete
        | Operation::Watch => of_resources(operation, s),
        Operation::SignUser => {
            of(Some(schema::<wire::UserCertificateRequest>(s)), schema::<wire::UserCredentials>(s))
        }
        Operation::SignAssertion
        | Operation::Heartbeat
        | Operation::ReportTools
        | Operation::SeenTools
        | Operation::ShipAudit
        | Operation::SearchAudit => of_agents(operation, s),
        Operation::JoinCluster
        | Operation::ExchangeCluster
        | Operation::ListClusters
        | Operation::Visit
        | Operation::VisitByToken
        | Operation::VisitorApps => of_clusters(operation, s),
        Operation::ReadInvite
        | Operation::AnswerInvite
        | Operation::CreateInvite
        | Operation::ReadLogin
        | Operation::AnswerLogin
        | Operation::StartHeadless
        | Operation::OpenHeadless
        | Operation::FinishHeadless
        | Operation::ArriveSso
        | Operation::ReadArrival
        | Operation::AnswerArrival
        | Operation::ListMfa
        | Operation::BeginMfa
        | Operation::AnswerMfa
        | Operation::ReadMfaPage
        | Operation::AnswerMfaPage
        | Operation::StartSessionMfa
        | Operation::FinishSessionMfa
        | Operation::TypeSessionMfa
        | Operation::ReadSessionMfa
        | Operation::AnswerSessionMfa => local_users(operation, s),
        Operation::RegisterOauthClient
        | Operation::StartOauth
        | Operation::ReadOauthConsent
        | Operation::AnswerOauthConsent
        | Operation::OauthTokens
        | Operation::RevokeOauth => of_oauth(operation, s),
    }
}

/// What agents tell and ask, and what is read of that.
fn of_agents(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    match operation {
        Operation::SignAssertion => {
            of(Some(schema::<wire::AssertionRequest>(s)), schema::<wire::Assertion>(s))
        }
        Operation::Heartbeat => {
            of(Some(schema::<wire::Heartbeat>(s)), schema::<wire::HeartbeatReceipt>(s))
        }
        Operation::ReportTools => of(Some(schema::<wire::SeenReport>(s)), nothing()),
        Operation::SeenTools => Shape { query: SEEN, ..of(None, schema::<wire::SeenTools>(s)) },
        Operation::ShipAudit => {
            of(Some(schema::<wire::AuditBatch>(s)), schema::<wire::AuditReceipt>(s))
        }
        _ => Shape { query: AUDIT, ..of(None, schema::<wire::AuditPage>(s)) },
    }
}

/// What has to do with what local users sign in with.
fn local_users(operation: Operation, s: &mut SchemaGenerator) -> Shape {
    match operation {
        Operation::ListMfa => of(None, schema::<wire::MfaDevices>(s)),
        Operation::BeginMfa => of(Some(schema::<wire::MfaBegin>(s)), schema::<wire::MfaBegun>(s)),
        Operation::AnswerMfa | Operation::AnswerMfaPage => {
            of(Some(schema::<wire::MfaAnswer>(s)), schema::<wire::MfaAnswered>(s))
        }
        Operation::ReadMfaPage => of(Some(schema::<wire::MfaRead>(s)), schema::<wire::MfaPage>(s)),
        Operation::StartSessionMfa => {
            of(Some(schema::<wire::SessionMfaStart>(s)), schema::<wire::SessionMfaStarted>(s))
        }
        Operation::FinishSessionMfa => {
            of(Some(schema::<wire::SessionMfaFinish>(s)), schema::<wire::SessionCertificate>(s))
        }
        Operation::TypeSessionMfa => {
            of(Some(schema::<wire::SessionMfaTyped>(s)), schema::<wire::SessionCertificate>(s))
        }
        Operation::ReadSessionMfa => {
            of(Some(schema::<wire::SessionMfaRead>(s)), schema::<wire::SessionMfaPage>(s))
        }
        Operation::AnswerSessionMfa => {
            of(Some(schema::<wire::SessionMfaAnswer>(s)), schema::<wire::SessionMfaAnswered>(s))
        }
        Operation::StartHeadless => {
            of(Some(schema::<wire::HeadlessStart>(s)), schema::<wire::HeadlessStarted>(s))
        }
        Operation::OpenHeadless => {
            of(Some(schema::<wire::HeadlessOpen>(s)), schema::<wire::SsoBegun>(s))
        }
        Operation::ArriveSso => of(Some(schema::<wire::Arrival>(s)), schema::<wire::SsoBegun>(s)),
        Operation::ReadArrival => {
            of(Some(schema::<wire::ArrivalRead>(s)), schema::<wire::ArrivalPage>(s))
        }
        Operation::AnswerArrival => {
            of(Some(schema::<wire::ArrivalAnswer>(s)), schema::<wire::ArrivalAnswered>(s))
        }
        Operation::FinishHeadless => {
            of(Some(schema::<wire::SsoFinish>(s)), schema::<wire::HeadlessFinished>(s))
        }
        Operation::ReadLogin => {
            of(Some(schema::<wire::LoginRead>(s)), schema::<wire::LoginPage>(s))
        }
        Operation::AnswerLogin => {
            of(Some(schema::<wire::LoginAnswer>(s)), schema::<wire::LoginAnswered>(s))
        }
        Operation::ReadInvite => of(None, schema::<wire::InviteDetails>(s)),
        Operation::AnswerInvite => {
            of(Some(schema::<wire::InviteAnswer>(s)), schema::<wire::Enrolled>(s))
        }
        Operation::CreateInvite => {
            of(Some(schema::<wire::InviteRequest>(s)), schema::<wire::Invite>(s))
        }
        _ => of(None, Schema::default()),
    }
}

fn of(request: Option<Schema>, response: Schema) -> Shape {
    Shape { query: &[], request, response, streams: false }
}

fn schema<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

/// `ReadInvite` as `readInvite`.
fn operation_id(operation: Operation) -> String {
    let name = format!("{operation:?}");
    let mut chars = name.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn path_parameters(path: &'static str) -> impl Iterator<Item = Value> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    })
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Authenticated | Access::Service(_) | Access::Rule => json!([{ "certificate": [] }]),
    }
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Public => "anybody",
        Access::Authenticated => "any identity of the cluster",
        Access::Service(ServiceClass::Proxy) => "proxies",
        Access::Service(ServiceClass::App) => "agents",
        Access::Service(ServiceClass::Any) => "services",
        Access::Service(ServiceClass::ForeignAuth) => "auth services of clusters that joined",
        Access::Rule => "by the rules of the caller's roles, or the fixed rights of a service",
    }
}

#[cfg(test)]
mod tests;
