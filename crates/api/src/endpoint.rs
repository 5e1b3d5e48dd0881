//! The table of the auth API's endpoints: the router, the OpenAPI description and the tests that
//! walk every endpoint are made from it, so that none of them can know fewer than the others.

mod operation;

use http::Method;

pub use self::operation::Operation;

/// Who may call an endpoint, before the operation itself looks closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody who can reach it.
    Public,
    /// Any identity that verifies.
    Authenticated,
    /// Only the named kind of service.
    Service(ServiceClass),
    /// Whoever has a rule for the verb on the kind, decided by the policy engine.
    Rule,
}

/// Services, as far as endpoints tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceClass {
    /// A proxy.
    Proxy,
    /// An agent.
    App,
    /// Any service of the cluster.
    Any,
    /// An auth service of another cluster that joined this one, and nobody of this one.
    ForeignAuth,
}

/// One endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// What it does.
    pub operation: Operation,
    /// The HTTP method.
    pub method: Method,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// One line for people.
    pub summary: &'static str,
}

const fn row(
    operation: Operation,
    method: Method,
    path: &'static str,
    access: Access,
    summary: &'static str,
) -> Endpoint {
    Endpoint { operation, method, path, access, summary }
}

/// Every endpoint there is.
pub const ENDPOINTS: &[Endpoint] = &[
    row(
        Operation::Ping,
        Method::GET,
        "/v1/ping",
        Access::Public,
        "The cluster's name, version and certificate authorities",
    ),
    row(
        Operation::OpenApi,
        Method::GET,
        "/v1/openapi.json",
        Access::Public,
        "This API as an OpenAPI document",
    ),
    row(
        Operation::Join,
        Method::POST,
        "/v1/join",
        Access::Public,
        "Join the cluster as a service, by a join token",
    ),
    row(
        Operation::JoinCluster,
        Method::POST,
        "/v1/clusters/join",
        Access::Public,
        "Become a cluster where users of this one may go, by a join token",
    ),
    row(
        Operation::ExchangeCluster,
        Method::POST,
        "/v1/clusters/exchange",
        Access::Service(ServiceClass::ForeignAuth),
        "Tell that the calling cluster is there and what its authorities are, and learn this one's",
    ),
    row(
        Operation::ListClusters,
        Method::GET,
        "/v1/clusters",
        Access::Authenticated,
        "The clusters that users of this one can reach",
    ),
    row(
        Operation::Visit,
        Method::POST,
        "/v1/clusters/{name}/visits",
        Access::Service(ServiceClass::Proxy),
        "A certificate, good in another cluster only, for the user of a certificate of this one",
    ),
    row(
        Operation::VisitByToken,
        Method::POST,
        "/v1/clusters/{name}/tokens",
        Access::Service(ServiceClass::Proxy),
        "The same, good for one app there, for whom an accepted token names",
    ),
    row(
        Operation::VisitorApps,
        Method::POST,
        "/v1/visitors/apps",
        Access::Service(ServiceClass::Proxy),
        "The apps that a user of another cluster, who shows such a certificate, can reach here",
    ),
    row(
        Operation::Renew,
        Method::POST,
        "/v1/services/renew",
        Access::Service(ServiceClass::Any),
        "Renew the calling service's certificate",
    ),
    row(
        Operation::JoinBot,
        Method::POST,
        "/v1/bots/join",
        Access::Public,
        "Join the cluster as a bot, by a join token",
    ),
    row(
        Operation::RenewBot,
        Method::POST,
        "/v1/bots/renew",
        Access::Authenticated,
        "Renew what the calling bot holds of itself, once for each certificate",
    ),
    row(
        Operation::BotOutput,
        Method::POST,
        "/v1/bots/outputs",
        Access::Authenticated,
        "A certificate for the programs of the calling bot, with some of its roles",
    ),
    row(
        Operation::ListBotInstances,
        Method::GET,
        "/v1/bots/instances",
        Access::Rule,
        "The places where bots run (verbs list and readnosecrets on bot_instance)",
    ),
    row(
        Operation::ReadBotInstance,
        Method::GET,
        "/v1/bots/{name}/instances/{id}",
        Access::Rule,
        "One place where a bot runs (verb readnosecrets on bot_instance)",
    ),
    row(
        Operation::RemoveBotInstance,
        Method::DELETE,
        "/v1/bots/{name}/instances/{id}",
        Access::Rule,
        "Forget a place where a bot runs, and lock what it holds (verb delete on bot_instance)",
    ),
    row(
        Operation::SignIn,
        Method::POST,
        "/v1/sign-in",
        Access::Service(ServiceClass::Proxy),
        "Sign a local user in by password and one-time code",
    ),
    row(
        Operation::StartSso,
        Method::POST,
        "/v1/sso/logins",
        Access::Service(ServiceClass::Proxy),
        "Prepare a login through a connector: the link that a browser opens",
    ),
    row(
        Operation::BeginSso,
        Method::POST,
        "/v1/sso/logins/{token}",
        Access::Service(ServiceClass::Proxy),
        "Where a browser that opened such a link is sent, once",
    ),
    row(
        Operation::AnswerSso,
        Method::POST,
        "/v1/sso/answers",
        Access::Service(ServiceClass::Proxy),
        "Take what an identity provider said of somebody",
    ),
    row(
        Operation::FinishSso,
        Method::POST,
        "/v1/sso/finish",
        Access::Service(ServiceClass::Proxy),
        "Give whoever prepared a login what came of it, once",
    ),
    row(
        Operation::ArriveSso,
        Method::POST,
        "/v1/sso/arrivals",
        Access::Service(ServiceClass::Proxy),
        "Take what an identity provider said of somebody whom nobody here sent there",
    ),
    row(
        Operation::ReadArrival,
        Method::POST,
        "/v1/sso/arrivals/{token}/page",
        Access::Service(ServiceClass::Proxy),
        "What the page of somebody who arrived so shows, in the same browser",
    ),
    row(
        Operation::AnswerArrival,
        Method::POST,
        "/v1/sso/arrivals/{token}/answers",
        Access::Service(ServiceClass::Proxy),
        "Let in a machine that waits, or not, by somebody who arrived so",
    ),
    row(
        Operation::TestSso,
        Method::POST,
        "/v1/sso/tests",
        Access::Rule,
        "Prepare one login through a connector that need not exist, which creates nothing",
    ),
    row(
        Operation::FinishSsoTest,
        Method::POST,
        "/v1/sso/tests/finish",
        Access::Authenticated,
        "What a login would yield that was prepared so, once",
    ),
    row(
        Operation::VerifyAppToken,
        Method::POST,
        "/v1/apps/tokens",
        Access::Service(ServiceClass::Proxy),
        "A certificate, good for one app, for whom an accepted token names",
    ),
    row(
        Operation::ReadInvite,
        Method::GET,
        "/v1/invites/{token}",
        Access::Service(ServiceClass::Proxy),
        "What the page behind an invite link shows",
    ),
    row(
        Operation::AnswerInvite,
        Method::POST,
        "/v1/invites/{token}",
        Access::Service(ServiceClass::Proxy),
        "Set what the invited user signs in with",
    ),
    row(
        Operation::StartHeadless,
        Method::POST,
        "/v1/headless/logins",
        Access::Service(ServiceClass::Proxy),
        "Prepare a login of a machine without a browser: the code that is typed elsewhere",
    ),
    row(
        Operation::OpenHeadless,
        Method::POST,
        "/v1/headless/codes",
        Access::Service(ServiceClass::Proxy),
        "Where a browser that typed such a code is sent, once",
    ),
    row(
        Operation::FinishHeadless,
        Method::POST,
        "/v1/headless/finish",
        Access::Service(ServiceClass::Proxy),
        "Give the machine what came of it, once, or tell it to wait",
    ),
    row(
        Operation::ReadLogin,
        Method::POST,
        "/v1/logins/{token}/page",
        Access::Service(ServiceClass::Proxy),
        "What the sign-in page shows to the browser that a login was begun in",
    ),
    row(
        Operation::AnswerLogin,
        Method::POST,
        "/v1/logins/{token}",
        Access::Service(ServiceClass::Proxy),
        "Take what a person showed on the sign-in page",
    ),
    row(
        Operation::ListMfa,
        Method::GET,
        "/v1/mfa/devices",
        Access::Authenticated,
        "The calling user's devices",
    ),
    row(
        Operation::BeginMfa,
        Method::POST,
        "/v1/mfa/changes",
        Access::Authenticated,
        "Prepare to add a device of the calling user, or to remove one",
    ),
    row(
        Operation::AnswerMfa,
        Method::POST,
        "/v1/mfa/changes/{token}",
        Access::Authenticated,
        "Finish such a change where it was begun, by typing codes",
    ),
    row(
        Operation::ReadMfaPage,
        Method::POST,
        "/v1/mfa/changes/{token}/page",
        Access::Service(ServiceClass::Proxy),
        "What the page of such a change shows to the browser that opened it first",
    ),
    row(
        Operation::AnswerMfaPage,
        Method::POST,
        "/v1/mfa/changes/{token}/answers",
        Access::Service(ServiceClass::Proxy),
        "Take what a person showed at that page",
    ),
    row(
        Operation::StartSessionMfa,
        Method::POST,
        "/v1/mfa/sessions",
        Access::Authenticated,
        "Prepare a page at which the calling user shows a second factor for sessions with one app",
    ),
    row(
        Operation::FinishSessionMfa,
        Method::POST,
        "/v1/mfa/session-certificates",
        Access::Authenticated,
        "A certificate, good for one app, for whom it was shown, once",
    ),
    row(
        Operation::TypeSessionMfa,
        Method::POST,
        "/v1/mfa/session-codes",
        Access::Authenticated,
        "The same for a one-time code that the calling user typed",
    ),
    row(
        Operation::ReadSessionMfa,
        Method::POST,
        "/v1/mfa/sessions/{token}/page",
        Access::Service(ServiceClass::Proxy),
        "What such a page shows to the browser that opened it first",
    ),
    row(
        Operation::AnswerSessionMfa,
        Method::POST,
        "/v1/mfa/sessions/{token}/answers",
        Access::Service(ServiceClass::Proxy),
        "Take what a person showed at such a page",
    ),
    row(
        Operation::WhoAmI,
        Method::GET,
        "/v1/whoami",
        Access::Authenticated,
        "The calling identity as the auth service sees it",
    ),
    row(
        Operation::Status,
        Method::GET,
        "/v1/status",
        Access::Authenticated,
        "The cluster's name, version, pins and authorities",
    ),
    row(
        Operation::RotateAuthorities,
        Method::POST,
        "/v1/authorities/rotate",
        Access::Rule,
        "Take a step of a change of the cluster's keys (verb rotate on cert_authority)",
    ),
    row(
        Operation::List,
        Method::GET,
        "/v1/resources/{kind}",
        Access::Rule,
        "List the resources of a kind; with_secrets=true includes secrets",
    ),
    row(Operation::Create, Method::POST, "/v1/resources/{kind}", Access::Rule, "Create a resource"),
    row(
        Operation::Get,
        Method::GET,
        "/v1/resources/{kind}/{name}",
        Access::Rule,
        "Read a resource",
    ),
    row(
        Operation::Put,
        Method::PUT,
        "/v1/resources/{kind}/{name}",
        Access::Rule,
        "Replace a resource: mode=update needs it to exist (at metadata.revision when given), mode=upsert does not",
    ),
    row(
        Operation::Delete,
        Method::DELETE,
        "/v1/resources/{kind}/{name}",
        Access::Rule,
        "Delete a resource",
    ),
    row(
        Operation::Watch,
        Method::GET,
        "/v1/watch",
        Access::Rule,
        "Changes of kinds=a,b from cursor=…, one JSON object a line",
    ),
    row(
        Operation::CreateInvite,
        Method::POST,
        "/v1/users/{name}/invites",
        Access::Rule,
        "Make a link by which a user sets credentials",
    ),
    row(
        Operation::SignUser,
        Method::POST,
        "/v1/users/{name}/certificate",
        Access::Rule,
        "Certify a key for another user (verb impersonate on user)",
    ),
    row(
        Operation::SignAssertion,
        Method::POST,
        "/v1/assertions",
        Access::Service(ServiceClass::App),
        "Sign, for the MCP server of an app, who the user is that uses it",
    ),
    row(
        Operation::Heartbeat,
        Method::POST,
        "/v1/heartbeats",
        Access::Service(ServiceClass::App),
        "Tell which apps the calling agent serves, and that it is still there",
    ),
    row(
        Operation::ReportTools,
        Method::POST,
        "/v1/tools",
        Access::Service(ServiceClass::App),
        "Tell which tools the servers of apps were seen to offer",
    ),
    row(
        Operation::SeenTools,
        Method::GET,
        "/v1/tools",
        Access::Rule,
        "The names of the tools that apps were last seen to offer, for who may change the apps or roles",
    ),
    row(
        Operation::ShipAudit,
        Method::POST,
        "/v1/audit/batches",
        Access::Service(ServiceClass::Any),
        "Hand over audit records in order",
    ),
    row(
        Operation::SearchAudit,
        Method::GET,
        "/v1/audit/events",
        Access::Rule,
        "Search the audit log, newest first",
    ),
];
