//! The headers of requests to upstreams: few of the client's, and what the app sets.

use std::fmt;

use api::Brought;
use http::HeaderMap;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT,
};
use pki::UserIdentity;
use policy::{Template, TemplateValues};
use resource::Traits;
use resource::app::{Given, Header};

use super::caller::Tokens;
use super::error::DialError;
use crate::given::Supply;

/// What a client may say to a server by headers. Everything else is between the client and us:
/// credentials, cookies, addresses.
const CARRIED: [&str; 4] = ["baggage", "last-event-id", "traceparent", "tracestate"];
const CARRIED_PREFIX: &str = "mcp-";

const OWN_NAME: &str = concat!("tessera/", env!("CARGO_PKG_VERSION"));

/// The signed statement of who the user is; it is always sent when there is one.
const ASSERTION: HeaderName = HeaderName::from_static("tessera-jwt-assertion");

/// What an app sets.
#[derive(Debug, Default)]
pub(super) struct Rewriting {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    name: HeaderName,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Template(Template),
    Supply(Supply),
}

/// The headers of a client's request that travel on, with those that every request has.
pub(super) fn carried(client: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(client.len() + 4);
    for (name, value) in client {
        let text = name.as_str();
        let travels = *name == ACCEPT
            || *name == CONTENT_TYPE
            || CARRIED.contains(&text)
            || text.starts_with(CARRIED_PREFIX);
        if travels {
            headers.append(name.clone(), value.clone());
        }
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(OWN_NAME));
    headers
}

/// What a server was told in confidence with a request, kept with its answer: servers repeat what they
/// are told in their complaints.
#[derive(Clone, Default)]
pub(crate) struct Confidences(Vec<HeaderValue>);

impl fmt::Debug for Confidences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confidences({})", self.0.len())
    }
}

// === impl Confidences ===

impl Confidences {
    /// Values shorter than this are no secrets, and would be found everywhere.
    const SHORTEST: usize = 4;

    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self(headers.values().filter(|value| value.is_sensitive()).cloned().collect())
    }

    /// A text without them.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for value in self.0.iter().filter_map(|value| value.to_str().ok()) {
            for part in value.split_whitespace().chain([value]) {
                if part.len() >= Self::SHORTEST && hidden.contains(part) {
                    hidden = hidden.replace(part, "***");
                }
            }
        }
        hidden
    }
}

// === impl Rewriting ===

impl Rewriting {
    /// # Errors
    /// A header that cannot be set, or a template that does not exist.
    pub(super) fn new(headers: &[Header]) -> Result<Self, String> {
        let rules = headers.iter().map(Rule::new).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// Whether it is the app that says this, and not the client.
    pub(super) fn sets(&self, name: &HeaderName) -> bool {
        self.rules.iter().any(|rule| rule.name == *name)
    }

    /// The headers that only a user's request can have in full.
    pub(super) fn of_users(&self) -> impl Iterator<Item = &HeaderName> {
        self.rules.iter().filter(|rule| rule.needs_user()).map(|rule| &rule.name)
    }

    /// Whether the header by which servers tell sites apart is set: HTTP/2 has another way.
    pub(super) fn sets_host(&self) -> bool {
        self.sets(&HOST)
    }

    /// Adds what the client brings for the server. What the app sets is the app's, even where a template
    /// leaves it out.
    pub(super) fn bring(&self, headers: &mut HeaderMap, brought: &Brought) {
        for (name, value) in brought.iter().filter(|(name, _)| !self.sets(name)) {
            headers.append(name, value.clone());
        }
    }

    /// Sets what the app says, for a user. For nobody, what is filled in for users is left out.
    pub(super) async fn apply(
        &self,
        headers: &mut HeaderMap,
        user: Option<&UserIdentity>,
        tokens: &Tokens,
    ) -> Result<(), DialError> {
        if let Some(jwt) = tokens.jwt() {
            headers.insert(ASSERTION, jwt.clone());
        }
        let mut set: Vec<&HeaderName> = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            if !set.contains(&&rule.name) {
                headers.remove(&rule.name);
                set.push(&rule.name);
            }
            let values = rule.values(user, tokens).await;
            for value in values.map_err(|reason| rule.cannot(&reason))? {
                headers.append(&rule.name, value);
            }
        }
        Ok(())
    }
}

// === impl Rule ===

impl Rule {
    fn new(header: &Header) -> Result<Self, String> {
        let cannot = |why: &str| format!("the header {:?} cannot be set: {why}", header.name);
        if header.is_reserved() {
            return Err(cannot("it is the gateway's own"));
        }
        let name: HeaderName = header.name.parse().map_err(|_e| cannot("it has no such name"))?;
        let value = match &header.value {
            Given::Here(text) => {
                Value::Template(Template::parse(text).map_err(|error| cannot(&error.to_string()))?)
            }
            elsewhere => Value::Supply(Supply::new(elsewhere.clone())),
        };
        Ok(Self { name, value })
    }

    async fn values(
        &self,
        user: Option<&UserIdentity>,
        tokens: &Tokens,
    ) -> Result<Vec<HeaderValue>, String> {
        let template = match &self.value {
            Value::Supply(supply) => return Ok(vec![header_value(supply.get().await?.expose())?]),
            Value::Template(template) => template,
        };
        let values = match user {
            Some(user) => expand(template, user, tokens)?,
            None if self.needs_user() => Vec::new(),
            None => {
                let (name, traits) = ("", Traits::new());
                let values = template.expand(TemplateValues::new(name, &traits));
                values.map_err(|error| error.to_string())?
            }
        };
        values.iter().map(|value| header_value(value)).collect()
    }

    fn needs_user(&self) -> bool {
        matches!(&self.value, Value::Template(template) if template.is_of_user())
    }

    fn cannot(&self, reason: &str) -> DialError {
        DialError::Request { reason: format!("the header {:?} cannot be set: {reason}", self.name) }
    }
}

/// A header whose template asks for what the user does not have is left out.
fn expand(
    template: &Template,
    user: &UserIdentity,
    tokens: &Tokens,
) -> Result<Vec<String>, String> {
    // Never a trait of that name: users must not be able to bring a token of their own.
    let own: Traits;
    let traits = match template.trait_name() {
        Some(name @ ("jwt" | "id_token")) => {
            let token = tokens.named(name)?.to_str().map_err(|error| error.to_string())?;
            own = Traits::from([(name.to_owned(), vec![token.to_owned()])]);
            &own
        }
        _ => &user.traits,
    };
    match template.expand(TemplateValues::new(&user.known_as(), traits)) {
        Ok(values) => Ok(values),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

fn header_value(text: &str) -> Result<HeaderValue, String> {
    let value = HeaderValue::from_bytes(text.as_bytes());
    let mut value = value.map_err(|_e| "its value has control characters".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
