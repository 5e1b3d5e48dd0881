//! What a right over the cluster's own resources is asked about, and how the auth service decides it: by
//! rules, for apps by their labels as well, and without either for what is a user's own.

use policy::{AccessState, AppRef, IMPLICIT_ROLE, ResourceRef, RoleSet, RuleContext, Subject};
use resource::app::KnownLabels;
use resource::label::{APP_SUB_KIND_LABEL, SUB_KIND_MCP};
use resource::{Kind, Labels, Resource};

use super::case::Answer;

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    description: String,
    /// Those that are written, which clauses of rules look at.
    labels: Labels,
    /// Of a certificate authority what it certifies.
    ca_type: String,
    /// The app that it is or serves, with all labels.
    app: Option<(String, KnownLabels)>,
}

// === impl Target ===

impl Target {
    /// The resource of this kind that would have these labels.
    pub(super) fn described(kind: &str, name: String, labels: Labels) -> Self {
        let app = (kind == Kind::App.as_str()).then(|| {
            let mut labels = labels.clone();
            // As every MCP server has it.
            labels.entry(APP_SUB_KIND_LABEL.to_owned()).or_insert_with(|| SUB_KIND_MCP.to_owned());
            (name.clone(), labels.into())
        });
        Self { name, description: String::new(), labels, ca_type: String::new(), app }
    }

    /// What is not there yet, and could be created with any labels.
    pub(super) fn unknown(name: &str) -> Self {
        let (description, ca_type) = (String::new(), String::new());
        Self { name: name.to_owned(), description, labels: Labels::new(), ca_type, app: None }
    }

    /// A resource of the cluster.
    pub(super) fn found(resource: &Resource) -> Self {
        let app = match resource {
            Resource::App(app) => Some(app),
            Resource::AppServer(server) => Some(&*server.spec.app),
            _ => None,
        };
        let metadata = resource.metadata();
        Self {
            name: metadata.name.clone(),
            description: metadata.description.clone(),
            labels: metadata.labels.clone(),
            ca_type: match resource {
                Resource::CertAuthority(authority) => authority.spec.authority.as_str().to_owned(),
                _ => String::new(),
            },
            app: app.map(|app| (app.name().to_owned(), app.known_labels())),
        }
    }

    /// Gives the app that it is another label.
    pub(super) fn label_app(&mut self, key: &str, value: &str) {
        if let Some((_, labels)) = &mut self.app {
            labels.labels.insert(key.to_owned(), value.to_owned());
        }
    }
}

/// Whether `user`, who has these roles, may do this to resources of the kind, or to the one meant.
pub(super) fn decide(
    set: &RoleSet,
    user: &str,
    kind: &str,
    verb: &str,
    target: Option<&Target>,
) -> Answer {
    let Some(target) = target else {
        return Answer::Rule(set.rule(kind, verb, &RuleContext::NO_RESOURCE));
    };
    let held = || set.role_names().any(|role| role == target.name && role != IMPLICIT_ROLE);
    let own = verb == "readnosecrets"
        && (kind == Kind::User.as_str() && user == target.name
            || kind == Kind::Role.as_str() && held());
    if own && set.missing_roles().is_empty() {
        return Answer::Own;
    }
    let Target { name, description, labels, ca_type, app } = target;
    let context = RuleContext::of(ResourceRef { kind, name, description, labels, ca_type });
    let decision = set.rule(kind, verb, &context);
    if let (Some((app, labels)), true) = (app, decision.is_allowed()) {
        // A second factor is asked for when an app is used, not when it is administered.
        let state = AccessState { mfa_verified: true, ..AccessState::default() };
        let reached = set.access_with(AppRef::known(app, labels), state).explain(&Subject::Connect);
        if !reached.is_allowed() {
            return Answer::Use(reached);
        }
    }
    Answer::Rule(decision)
}

#[cfg(test)]
mod tests;
