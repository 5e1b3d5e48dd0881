//! The tables that kinds are printed as.

use resource::cluster_auth_preference::SecondFactor;
use resource::{
    Agent, App, AppServer, AttributeMapping, CertAuthority, ClusterAuthPreference,
    ClusterConnection, GithubConnector, Kind, Labels, Lock, OauthGrant, OauthGrantSpec,
    OidcConnector, Proxy, RemoteCluster, Resource, Role, SamlConnector, Secrets, Token,
    TrustedCluster, User,
};
use time::OffsetDateTime;

use super::when;
use crate::labels;
use crate::table::Table;

/// How much a table shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail {
    /// What remaining times count from.
    pub(super) now: OffsetDateTime,
    /// All labels, and nothing cut.
    pub(super) verbose: bool,
    /// Whether tokens are shown.
    pub(super) secrets: Secrets,
}

/// Resources of one kind as a table, without a line break at its end.
pub(super) fn text(
    kind: Kind,
    resources: &[Resource],
    detail: Detail,
    width: Option<u16>,
) -> String {
    let (columns, elastic) = columns(kind);
    let mut table = Table::new(columns).elastic(elastic);
    for resource in resources.iter().filter(|resource| resource.kind() == kind) {
        table.row(cells(resource, detail));
    }
    table.render(width.filter(|_| !detail.verbose))
}

/// Who serves which app, and the apps that nobody serves, with why.
pub(super) fn served_and_not(
    servers: &[Resource],
    unserved: &[Resource],
    detail: Detail,
    width: Option<u16>,
) -> String {
    let (columns, elastic) = columns(Kind::AppServer);
    let mut table = Table::new(columns).elastic(elastic);
    for resource in servers {
        table.row(cells(resource, detail));
    }
    for resource in unserved {
        if let Resource::App(app) = resource {
            table.row(of_unserved(app, detail));
        }
    }
    table.render(width.filter(|_| !detail.verbose))
}

/// The columns of a kind, and the one that gives way on a narrow terminal.
fn columns(kind: Kind) -> (&'static [&'static str], &'static str) {
    match kind {
        Kind::App => {
            (&["Name", "Description", "URI", "Public Address", "Labels", "Version"], "Labels")
        }
        Kind::AppServer => {
            const COLUMNS: &[&str] =
                &["Host", "Name", "Type", "Public Address", "URI", "Labels", "Version", "Status"];
            (COLUMNS, "Labels")
        }
        Kind::Role => (&["Name", "App Labels", "Allowed Tools", "Denied Tools"], "Allowed Tools"),
        Kind::User => (&["User", "Roles"], "Roles"),
        Kind::Token => {
            (&["Token", "ID", "Type", "Labels", "Uses Left", "Expiry Time (UTC)"], "Labels")
        }
        Kind::Lock => (&["ID", "Target", "Message", "Expires"], "Message"),
        Kind::CertAuthority => (&["Cluster Name", "CA Type", "Keys"], "Cluster Name"),
        Kind::ClusterAuthPreference => (&["Type", "Second Factors"], "Second Factors"),
        Kind::Proxy => (&["Host", "Public Address", "Version"], "Public Address"),
        Kind::Oidc => (&["Name", "Issuer URL", "Claims to Roles"], "Claims to Roles"),
        Kind::Saml => (&["Name", "Provider", "Attributes to Roles"], "Attributes to Roles"),
        Kind::Github => (&["Name", "Endpoint URL", "Teams to Roles"], "Teams to Roles"),
        Kind::AppAuthConfig => (&["Name", "Kind"], "Name"),
        Kind::Bot => (&["Bot", "User", "Roles"], "Roles"),
        Kind::TrustedCluster => {
            (&["Name", "Enabled", "Web Proxy Addr", "Tunnel Addr", "Role Map"], "Role Map")
        }
        Kind::RemoteCluster => (&["Name", "Status", "Last Heartbeat", "Labels"], "Labels"),
        Kind::OauthGrant => (&["Name", "User", "Client", "App", "Created", "Expires"], "Client"),
        Kind::Agent => (&["Host", "Serves", "Own Apps", "Version"], "Serves"),
    }
}

fn cells(resource: &Resource, detail: Detail) -> Vec<String> {
    match resource {
        Resource::App(app) => of_app(app, detail),
        Resource::AppServer(server) => of_app_server(server, detail),
        Resource::Role(role) => of_role(role),
        Resource::User(user) => of_user(user),
        Resource::Token(token) => of_token(token, detail),
        Resource::Lock(lock) => of_lock(lock),
        Resource::CertAuthority(authority) => of_authority(authority),
        Resource::ClusterAuthPreference(preference) => of_preference(preference),
        Resource::Proxy(proxy) => of_proxy(proxy),
        Resource::Oidc(OidcConnector { metadata, spec }) => {
            of_connector(&metadata.name, &spec.issuer_url, &spec.claims_to_roles)
        }
        Resource::Saml(SamlConnector { metadata, spec }) => {
            of_connector(&metadata.name, spec.provider(), &spec.attributes_to_roles)
        }
        Resource::Github(GithubConnector { metadata, spec }) => {
            of_connector(&metadata.name, spec.endpoint(), &spec.teams_to_roles)
        }
        Resource::AppAuthConfig(config) => vec![config.name().to_owned(), "JWT".to_owned()],
        Resource::Bot(bot) => {
            vec![bot.name().to_owned(), bot.user_name(), bot.spec.roles.join(", ")]
        }
        Resource::Agent(agent) => of_agent(agent),
        Resource::TrustedCluster(cluster) => of_trusted_cluster(cluster),
        Resource::RemoteCluster(cluster) => of_remote_cluster(cluster, detail),
        Resource::OauthGrant(grant) => of_oauth_grant(grant),
    }
}

fn of_trusted_cluster(cluster: &TrustedCluster) -> Vec<String> {
    let spec = &cluster.spec;
    let map = spec.role_map.iter().map(|one| format!("{} => {}", one.remote, one.local.join(", ")));
    vec![
        cluster.name().to_owned(),
        spec.enabled.to_string(),
        spec.web_proxy_addr.clone(),
        spec.tunnel_addr.clone(),
        map.collect::<Vec<_>>().join("; "),
    ]
}

fn of_oauth_grant(grant: &OauthGrant) -> Vec<String> {
    let OauthGrantSpec { user, client, app, cluster, created, .. } = &grant.spec;
    let app = cluster.as_ref().map_or_else(|| app.clone(), |cluster| format!("{cluster}/{app}"));
    let known = if client.name.is_empty() { &client.id } else { &client.name };
    vec![
        grant.name().to_owned(),
        user.clone(),
        known.clone(),
        app,
        when::to_the_second(*created),
        when::to_the_second(grant.ends()),
    ]
}

fn of_remote_cluster(cluster: &RemoteCluster, detail: Detail) -> Vec<String> {
    let status = &cluster.status;
    vec![
        cluster.name().to_owned(),
        status.connection.map(ClusterConnection::as_str).unwrap_or_default().to_owned(),
        status.last_heartbeat.map(when::to_the_second).unwrap_or_default(),
        of_labels(&cluster.metadata.labels, detail),
    ]
}

fn of_app(app: &App, detail: Detail) -> Vec<String> {
    vec![
        app.name().to_owned(),
        app.metadata.description.clone(),
        app.spec.uri.clone(),
        app.spec.public_addr.clone(),
        of_labels(&app.metadata.labels, detail),
        Kind::App.version().to_owned(),
    ]
}

fn of_app_server(server: &AppServer, detail: Detail) -> Vec<String> {
    let app = &server.spec.app;
    let transport = app.transport();
    vec![
        server.spec.hostname.clone(),
        app.name().to_owned(),
        transport.map(|transport| transport.as_str().to_owned()).unwrap_or_default(),
        app.spec.public_addr.clone(),
        app.spec.uri.clone(),
        of_labels(&app.all_labels(), detail),
        server.spec.version.clone(),
        of_state(server),
    ]
}

/// `serving`, or what else and why; and how the server is, where that is looked at.
fn of_state(server: &AppServer) -> String {
    let health = server.spec.health.as_ref();
    let state = match health {
        Some(health) => format!("{}, {}", server.spec.state.as_str(), health.status.as_str()),
        None => server.spec.state.as_str().to_owned(),
    };
    if let Some(why) = health.and_then(|health| health.message.as_ref()) {
        return format!("{state}: {why}");
    }
    let labels = &server.spec.app.spec.dynamic_labels;
    let broken = labels.iter().find_map(|(key, label)| Some((key, label.error.as_ref()?)));
    match (&server.spec.last_error, broken) {
        (Some(error), _) => format!("{state}: {}", error.message),
        (None, Some((key, error))) => format!("{state}: label {key}: {}", error.message),
        (None, None) => state,
    }
}

fn of_unserved(app: &App, detail: Detail) -> Vec<String> {
    let transport = app.transport();
    let reason = app.status.as_ref().and_then(|status| status.reason.as_deref());
    vec![
        "-".to_owned(),
        app.name().to_owned(),
        transport.map(|transport| transport.as_str().to_owned()).unwrap_or_default(),
        app.spec.public_addr.clone(),
        app.spec.uri.clone(),
        of_labels(&app.all_labels(), detail),
        String::new(),
        format!("not served: {}", reason.unwrap_or("no agent serves it")),
    ]
}

fn of_role(role: &Role) -> Vec<String> {
    let (allow, deny) = (&role.spec.allow, &role.spec.deny);
    let mut labels: Vec<String> = allow
        .app_labels
        .iter()
        .flat_map(|selector| &selector.0)
        .map(|(key, values)| format!("{key}={}", values.join("|")))
        .collect();
    labels.extend(allow.app_labels_expression.clone());
    let tools = |tools: &Option<Vec<String>>| tools.iter().flatten().cloned().collect::<Vec<_>>();
    vec![
        role.name().to_owned(),
        labels.join(","),
        tools(&allow.mcp.tools).join(","),
        tools(&deny.mcp.tools).join(","),
    ]
}

fn of_user(user: &User) -> Vec<String> {
    vec![user.name().to_owned(), user.spec.roles.join(",")]
}

fn of_token(token: &Token, detail: Detail) -> Vec<String> {
    let types: Vec<&str> = token.spec.roles.iter().map(|role| role.as_str()).collect();
    let expires = token.metadata.expires;
    vec![
        token_name(token, detail.secrets),
        of_token_id(token),
        types.join(","),
        of_labels(&token.metadata.labels, detail),
        token.uses_left().map_or_else(|| "any".to_owned(), |left| left.to_string()),
        expires.map_or_else(|| "never".to_owned(), |end| when::expiry(end, detail.now)),
    ]
}

/// What stands for a name that is a secret.
fn of_token_id(token: &Token) -> String {
    let id = token.public_name().filter(|_| token.spec.join_method.is_secret());
    id.unwrap_or("-").to_owned()
}

/// The token, or enough of it to tell it from others.
pub(super) fn token_name(token: &Token, secrets: Secrets) -> String {
    match secrets {
        Secrets::Include => token.metadata.name.clone(),
        Secrets::Redact => token.masked_name(),
    }
}

fn of_lock(lock: &Lock) -> Vec<String> {
    let target: Vec<String> = lock
        .spec
        .target
        .fields()
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}={value}")))
        .collect();
    let expires = lock.spec.expires.or(lock.metadata.expires);
    vec![
        lock.metadata.name.clone(),
        target.join(","),
        lock.spec.message.clone(),
        expires.map_or_else(|| "never".to_owned(), when::to_the_second),
    ]
}

fn of_authority(authority: &CertAuthority) -> Vec<String> {
    let keys = authority.spec.active_keys.len() + authority.spec.additional_trusted_keys.len();
    vec![
        authority.spec.cluster_name.clone(),
        authority.spec.authority.as_str().to_owned(),
        keys.to_string(),
    ]
}

fn of_preference(preference: &ClusterAuthPreference) -> Vec<String> {
    let connector = preference.spec.connector_type.map_or("local", |kind| kind.as_str());
    let factors = match preference.spec.second_factors.as_deref() {
        None => "otp".to_owned(),
        Some([]) => "off".to_owned(),
        Some(factors) => {
            factors.iter().copied().map(SecondFactor::as_str).collect::<Vec<_>>().join(",")
        }
    };
    vec![connector.to_owned(), factors]
}

fn of_proxy(proxy: &Proxy) -> Vec<String> {
    let spec = &proxy.spec;
    vec![spec.hostname.clone(), spec.public_addr.clone(), spec.version.clone()]
}

fn of_connector(name: &str, provider: &str, mappings: &[AttributeMapping]) -> Vec<String> {
    let mappings: Vec<String> = mappings
        .iter()
        .map(|mapping| format!("{}={}:{}", mapping.name, mapping.value, mapping.roles.join("|")))
        .collect();
    vec![name.to_owned(), provider.to_owned(), mappings.join(",")]
}

fn of_agent(agent: &Agent) -> Vec<String> {
    let spec = &agent.spec;
    let selectors: Vec<String> = spec.resources.iter().map(ToString::to_string).collect();
    let apps: Vec<&str> = spec.apps.iter().map(|app| app.name.as_str()).collect();
    vec![spec.hostname.clone(), selectors.join(" or "), apps.join(","), spec.version.clone()]
}

fn of_labels(labels: &Labels, detail: Detail) -> String {
    labels::text(labels, detail.verbose)
}

#[cfg(test)]
mod tests;
