//! Evaluating clauses.

use std::borrow::Cow;
use std::collections::HashSet;

use resource::canonical_label_key;

use super::{Context, Test, Value};
use crate::golang::Comparison;

/// What a value is for this user and resource.
enum Found<'a> {
    Text(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
    /// There is no such thing here: every comparison with it is false.
    Absent,
    Opaque,
}

// === impl Test ===

impl Test {
    pub(super) fn eval(&self, context: Context<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.eval(context)),
            Self::Any(parts) => parts.iter().any(|part| part.eval(context)),
            Self::Not(inner) => !inner.eval(context),
            Self::Compare(comparison, left, right) => {
                let (left, right) = (left.find(context), right.find(context));
                let absent = matches!(left, Found::Absent) || matches!(right, Found::Absent);
                !absent && left.equals(&right) == (*comparison == Comparison::Equal)
            }
            Self::Contains(items, item) => match (items.find(context), item.find(context)) {
                (Found::List(items), Found::Text(item)) => items.contains(&item),
                _ => false,
            },
            Self::ContainsAny(items, wanted) => lists(items, wanted, context)
                .is_some_and(|(items, wanted)| !set(&items).is_disjoint(&set(&wanted))),
            Self::ContainsAll(items, wanted) => {
                lists(items, wanted, context).is_some_and(|(items, wanted)| {
                    !wanted.is_empty() && set(&wanted).is_subset(&set(&items))
                })
            }
            Self::HasPrefix(text, prefix) => match (text.find(context), prefix.find(context)) {
                (Found::Text(text), Found::Text(prefix)) => text.starts_with(&*prefix),
                _ => false,
            },
            Self::IsSubset(items, wanted) => {
                let Found::List(items) = items.find(context) else { return false };
                let wanted: Option<Vec<_>> =
                    wanted.iter().map(|item| item.find(context).into_text()).collect();
                wanted.is_some_and(|wanted| set(&items).is_subset(&set(&wanted)))
            }
            Self::AllEqual(items, wanted) => {
                every(items, wanted, context, |item, text| item == text)
            }
            Self::AllEndWith(items, wanted) => {
                every(items, wanted, context, |item, text| item.ends_with(text))
            }
            Self::CanView => false,
        }
    }
}

type List<'a> = Vec<Cow<'a, str>>;

/// What is in a list. The lists of a user may be long.
fn set<'a>(items: &'a [Cow<'_, str>]) -> HashSet<&'a str> {
    items.iter().map(|item| &**item).collect()
}

/// Both values, where both are lists.
fn lists<'a>(
    left: &'a Value,
    right: &'a Value,
    context: Context<'a>,
) -> Option<(List<'a>, List<'a>)> {
    match (left.find(context), right.find(context)) {
        (Found::List(left), Found::List(right)) => Some((left, right)),
        _ => None,
    }
}

fn every(items: &Value, text: &Value, context: Context<'_>, fits: fn(&str, &str) -> bool) -> bool {
    match (items.find(context), text.find(context)) {
        (Found::List(items), Found::Text(text)) => items.iter().all(|item| fits(item, &text)),
        _ => false,
    }
}

// === impl Value ===

impl Value {
    fn find<'a>(&'a self, context: Context<'a>) -> Found<'a> {
        let borrowed = |text: &'a str| Found::Text(Cow::Borrowed(text));
        let list = |items: &'a [String]| {
            Found::List(items.iter().map(|item| Cow::Borrowed(item.as_str())).collect())
        };
        let of_resource = |text: fn(super::ResourceRef<'a>) -> &'a str| {
            context.resource.map_or(Found::Absent, |resource| borrowed(text(resource)))
        };
        match self {
            Self::Text(text) => borrowed(text),
            Self::Set(members) => {
                let texts: Option<Vec<_>> =
                    members.iter().map(|member| member.find(context).into_text()).collect();
                texts.map_or(Found::Opaque, Found::List)
            }
            Self::UserName => borrowed(context.user),
            Self::UserRoles => list(context.roles),
            Self::UserTrait(name) => match name.find(context) {
                Found::Text(name) => {
                    list(context.traits.get(&*name).map(Vec::as_slice).unwrap_or_default())
                }
                _ => Found::Absent,
            },
            Self::ResourceKind => of_resource(|resource| resource.kind),
            Self::ResourceName => of_resource(|resource| resource.name),
            Self::ResourceDescription => of_resource(|resource| resource.description),
            Self::ResourceLabel(key) => match (context.resource, key.find(context)) {
                (Some(resource), Found::Text(key)) => {
                    // Callers may hold labels under either spelling.
                    let canonical = canonical_label_key(&key);
                    let label =
                        resource.labels.get(&*canonical).or_else(|| resource.labels.get(&*key));
                    borrowed(label.map_or("", String::as_str))
                }
                _ => Found::Absent,
            },
            Self::CaType => borrowed(context.resource.map_or("", |resource| resource.ca_type)),
            Self::Absent => Found::Absent,
            Self::Opaque => Found::Opaque,
        }
    }
}

// === impl Found ===

impl<'a> Found<'a> {
    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::List(left), Self::List(right)) => left == right,
            _ => false,
        }
    }

    fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
