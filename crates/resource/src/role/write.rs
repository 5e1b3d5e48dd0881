//! Prints roles.

use serde_json::Value;

use super::read::spelling;
use super::{Conditions, DEFAULT_NAMESPACE, McpConditions, Role, RoleOptions, Rule};
use crate::kind::Kind;
use crate::object::{Object, document};

impl Role {
    /// The role as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut spec = Object::default();
        spec.put_object("options", options(&self.spec.options))
            .put_object("allow", conditions(&self.spec.allow))
            .put_object("deny", conditions(&self.spec.deny));
        let version = self.version.as_str();
        document(Kind::Role, "", version, &self.metadata, spec, Object::default())
    }
}

fn options(options: &RoleOptions) -> Object {
    let mut object = Object::default();
    object
        .put_duration("max_session_ttl", options.max_session_ttl)
        .put_duration("client_idle_timeout", options.client_idle_timeout)
        .put_some("disconnect_expired_cert", options.disconnect_expired_cert)
        .put_some("require_session_mfa", options.require_session_mfa.map(spelling))
        .put_some("device_trust_mode", options.device_trust_mode.as_deref())
        .put_some("lock", options.lock.map(super::LockMode::as_str))
        .put_some("pin_source_ip", options.pin_source_ip)
        .put_kept(&options.other);
    object
}

fn conditions(conditions: &Conditions) -> Object {
    let mut object = Object::default();
    if conditions.namespaces != [DEFAULT_NAMESPACE] {
        object.put("namespaces", conditions.namespaces.clone());
    }
    object
        .put_some("app_labels", conditions.app_labels.as_ref().map(crate::LabelSelector::to_json))
        .put_some("app_labels_expression", conditions.app_labels_expression.as_deref())
        .put_object("mcp", mcp(&conditions.mcp))
        .put_list("rules", &conditions.rules.iter().map(rule).collect::<Vec<_>>())
        .put_kept(&conditions.other);
    object
}

fn mcp(mcp: &McpConditions) -> Object {
    let mut object = Object::default();
    object
        .put_some("tools", mcp.tools.clone())
        .put_some("prompts", mcp.prompts.clone())
        .put_some("resources", mcp.resources.clone());
    object
}

fn rule(rule: &Rule) -> Value {
    let mut object = Object::default();
    object
        .put("resources", rule.resources.clone())
        .put("verbs", rule.verbs.clone())
        .put_some("where", rule.where_clause.as_deref())
        .put_list("actions", &rule.actions);
    object.into()
}
