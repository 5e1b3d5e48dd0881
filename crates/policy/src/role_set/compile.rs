//! From roles to compiled roles.

use std::sync::Arc;

use resource::role::{Conditions, MfaRequirement};
use resource::{LabelSelector, Role, RoleVersion};

use super::{
    Compiled, CompiledExpression, CompiledRole, CompiledSide, IMPLICIT_ROLE, Options, User,
};
use crate::entries::{EntryList, Kind, PATTERNS_FULL, PatternCache};
use crate::expression::LabelExpression;
use crate::index::Index;
use crate::label::{LabelMatcher, Side};
use crate::rule::Rules;
use crate::template::Values;

// === impl Compiled ===

impl Compiled {
    pub(super) fn new(roles: &[Arc<Role>], missing: Vec<String>, user: User<'_>) -> Self {
        let root = user.root;
        let values = Values {
            user: user.name,
            traits: user.traits,
            root_tools: root.map_or(&[], |root| root.allowed),
        };
        let mut cache = PatternCache::default();
        let compiled: Vec<_> =
            roles.iter().map(|role| CompiledRole::new(role, values, &mut cache)).collect();
        let index = |side: fn(&CompiledRole) -> &CompiledSide| {
            Kind::ALL.map(|kind| Index::new(compiled.iter().map(|role| side(role).list(kind))))
        };
        let role_names = user.roles.map_or_else(
            || {
                let named = roles.iter().map(|role| role.name());
                named.filter(|name| *name != IMPLICIT_ROLE).map(str::to_owned).collect()
            },
            <[String]>::to_vec,
        );
        Self {
            user: user.name.to_owned(),
            traits: user.traits.clone(),
            role_names,
            allow: index(|role| &role.allow),
            deny: index(|role| &role.deny),
            guarded: root.is_some()
                && compiled.iter().any(|role| {
                    Kind::ALL.iter().any(|kind| {
                        role.allow.list(*kind).entries.iter().any(|entry| entry.guarded)
                    })
                }),
            root_denied: EntryList::literal(root.map_or(&[], |root| root.denied), &mut cache),
            options: Options::of(roles),
            roles: compiled,
            missing,
        }
    }
}

// === impl CompiledRole ===

impl CompiledRole {
    fn new(role: &Role, values: Values<'_>, cache: &mut PatternCache) -> Self {
        let options = &role.spec.options;
        let wildcard = LabelSelector::wildcard();
        // Roles of the oldest version reach every app unless they say otherwise.
        let default = (role.version == RoleVersion::V3).then_some(&wildcard);
        Self {
            name: role.name().into(),
            allow: CompiledSide::new(Side::Allow, &role.spec.allow, default, values, cache),
            deny: CompiledSide::new(Side::Deny, &role.spec.deny, None, values, cache),
            demands_mfa: options.require_session_mfa.is_some_and(MfaRequirement::is_required),
            demands_device: options
                .device_trust_mode
                .as_deref()
                .is_some_and(|mode| matches!(mode, "required" | "required-for-humans")),
        }
    }
}

// === impl CompiledSide ===

impl CompiledSide {
    fn new(
        side: Side,
        conditions: &Conditions,
        default: Option<&LabelSelector>,
        values: Values<'_>,
        cache: &mut PatternCache,
    ) -> Self {
        let selector = conditions.app_labels.as_ref().or(default);
        let mcp = &conditions.mcp;
        let labels = selector
            .filter(|selector| !selector.is_empty())
            .map(|selector| LabelMatcher::expand(selector, side, values, cache));
        let expression = conditions.app_labels_expression.as_deref();
        let expression = expression
            .filter(|text| !text.is_empty())
            .map(|text| CompiledExpression::new(text, cache));
        let mut list = |entries: &Option<Vec<String>>| {
            EntryList::compile(entries.as_deref(), side, values, cache)
        };
        Self {
            side,
            namespaces: conditions.namespaces.clone(),
            labels,
            expression,
            lists: [list(&mcp.tools), list(&mcp.prompts), list(&mcp.resources)],
            rules: Rules::compile(&conditions.rules),
        }
    }
}

// === impl CompiledExpression ===

impl CompiledExpression {
    fn new(text: &str, cache: &mut PatternCache) -> Self {
        let parsed = if cache.is_full() {
            Err(format!("the expression has no room for its patterns: {PATTERNS_FULL}"))
        } else {
            LabelExpression::parse(text)
                .map_err(|error| format!("the expression does not parse: {error}"))
        };
        if let Ok(parsed) = &parsed {
            cache.keep(parsed.program_bytes());
        }
        Self { text: text.to_owned(), parsed }
    }
}
