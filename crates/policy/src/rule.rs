//! Rules: rights over the cluster's own resources by kind and verb.

use std::collections::BTreeMap;
use std::sync::Arc;

use resource::Rule;

use crate::clause::{self, Clause, check_action};

const WILDCARD: &str = "*";

/// The rules of one side of a role, by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    by_kind: BTreeMap<Box<str>, Vec<Arc<CompiledRule>>>,
}

/// One rule, compiled.
#[derive(Debug)]
pub(crate) struct CompiledRule {
    /// Position among the rules of its side.
    pub(crate) index: usize,
    verbs: Vec<String>,
    pub(crate) clause: Option<Result<Clause, String>>,
    /// The first action that does not parse.
    broken_action: Option<String>,
    score: i32,
}

/// How the rules of a side fare with a question.
#[derive(Debug, Clone)]
pub(crate) enum RuleVerdict<'a> {
    Hit(&'a CompiledRule),
    Error(&'a CompiledRule, &'a str),
    Miss,
}

/// How clauses are taken where no resource is at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clauses<'a> {
    Evaluated(clause::Context<'a>),
    /// Every clause that parses has this value.
    Assumed(bool),
}

// === impl Rules ===

impl Rules {
    pub(crate) fn compile(rules: &[Rule]) -> Self {
        let mut by_kind: BTreeMap<Box<str>, Vec<Arc<CompiledRule>>> = BTreeMap::new();
        for (index, rule) in rules.iter().enumerate() {
            let compiled = Arc::new(CompiledRule::new(index, rule));
            for kind in &rule.resources {
                by_kind.entry(kind.as_str().into()).or_default().push(Arc::clone(&compiled));
            }
        }
        for rules in by_kind.values_mut() {
            // Stable: rules of one score keep the order in which they are written.
            rules.sort_by_key(|rule| std::cmp::Reverse(rule.score));
        }
        Self { by_kind }
    }

    /// The first rule that decides: those of the kind, most specific first, then those of every kind.
    pub(crate) fn judge(&self, kind: &str, verb: &str, clauses: Clauses<'_>) -> RuleVerdict<'_> {
        for kind in [kind, WILDCARD] {
            for rule in self.by_kind.get(kind).into_iter().flatten() {
                match rule.applies(clauses) {
                    Err(message) => return RuleVerdict::Error(rule, message),
                    Ok(true) if rule.has_verb(verb) => {
                        return match &rule.broken_action {
                            Some(message) => RuleVerdict::Error(rule, message),
                            None => RuleVerdict::Hit(rule),
                        };
                    }
                    Ok(_) => {}
                }
            }
        }
        RuleVerdict::Miss
    }
}

// === impl CompiledRule ===

impl CompiledRule {
    fn new(index: usize, rule: &Rule) -> Self {
        let clause = rule.where_clause.as_deref().filter(|clause| !clause.is_empty());
        let wildcard = |list: &[String]| list.iter().any(|item| item == WILDCARD);
        let mut score = 0;
        if wildcard(&rule.resources) {
            score -= 4;
        } else if rule.resources.len() == 1 {
            score += 2;
        }
        if wildcard(&rule.verbs) {
            score -= 2;
        }
        if clause.is_some() {
            score += 8;
        }
        if !rule.actions.is_empty() {
            score += 8;
        }
        Self {
            index,
            verbs: rule.verbs.clone(),
            clause: clause.map(|text| {
                Clause::parse(text)
                    .map_err(|error| format!("could not parse 'where' rule: {error}"))
            }),
            broken_action: rule
                .actions
                .iter()
                .find_map(|action| check_action(action).err())
                .map(|error| format!("could not parse action: {error}")),
            score,
        }
    }

    fn applies(&self, clauses: Clauses<'_>) -> Result<bool, &str> {
        match (&self.clause, clauses) {
            (None, _) => Ok(true),
            (Some(Err(message)), _) => Err(message),
            (Some(Ok(_)), Clauses::Assumed(value)) => Ok(value),
            (Some(Ok(clause)), Clauses::Evaluated(context)) => Ok(clause.eval(context)),
        }
    }

    /// `readnosecrets` is part of `read`.
    fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| {
            known == WILDCARD || known == verb || (verb == "readnosecrets" && known == "read")
        })
    }
}
