//! What change would turn a decision. Changes are proposed from what the engine found, made to a copy, and
//! only told when the engine then decides otherwise.

mod edit;
mod propose;

use policy::Finding;

use super::case::{Answer, Case, Question};

pub(super) use edit::Edit;

/// How many changes are told.
const MAX_CHANGES: usize = 3;
/// How many first steps are tried.
const MAX_TRIED: usize = 8;
/// How many steps one change may take: what needs more is no advice.
const MAX_STEPS: usize = 5;
/// How many other roles are tried on the user.
const MAX_ROLES_TRIED: usize = 200;

/// The changes that each by itself turn the decision, the smallest first.
pub(super) fn turning(case: &Case) -> Vec<Vec<Edit>> {
    let wanted = !case.is_allowed();
    let mut found: Vec<Vec<Edit>> = Vec::new();
    for first in propose::edits(case).into_iter().take(MAX_TRIED) {
        if let Some(path) = complete(case, first, wanted)
            && !found.contains(&path)
        {
            found.push(path);
        }
    }
    if wanted {
        found.extend(giving_a_role(case).into_iter().map(|edit| vec![edit]).take(1));
    }
    // Stable: of equally small ones those proposed first are the nearest to what is there.
    found.sort_by_key(Vec::len);
    found.truncate(MAX_CHANGES);
    found
}

/// Makes an edit, and what is proposed after it, until the decision is the one wanted.
fn complete(original: &Case, first: Edit, wanted: bool) -> Option<Vec<Edit>> {
    let mut case = original.clone();
    let mut path = Vec::new();
    let mut next = Some(first);
    while let Some(edit) = next.take() {
        edit.apply(&mut case);
        path.push(edit);
        if case.is_allowed() == wanted {
            return Some(needed(original, path, wanted));
        }
        if path.len() < MAX_STEPS {
            next = propose::edits(&case).into_iter().find(|edit| !path.contains(edit));
            if next.is_none() && wanted {
                next = giving_a_role(&case).into_iter().next();
            }
        }
    }
    None
}

/// Of edits that are enough, those without which they are not.
fn needed(case: &Case, mut path: Vec<Edit>, wanted: bool) -> Vec<Edit> {
    let mut at = 0;
    while at < path.len() && path.len() > 1 {
        let dropped = path.remove(at);
        let mut changed = case.clone();
        path.iter().for_each(|edit| edit.apply(&mut changed));
        if changed.is_allowed() != wanted {
            path.insert(at, dropped);
            at += 1;
        }
    }
    path
}

/// Roles that would be enough if the user held them, those first that bring the least beside it.
fn giving_a_role(case: &Case) -> Vec<Edit> {
    // Rights over the cluster are not recommended by the way: a role may bring many more.
    if matches!(case.question, Question::Rule { .. }) {
        return Vec::new();
    }
    let others = case.roles.keys().filter(|name| !case.holder.roles.contains(name));
    let mut enough: Vec<(usize, Edit)> = others
        .take(MAX_ROLES_TRIED)
        .filter_map(|role| {
            let edit = Edit::GiveRole { role: role.clone() };
            let mut changed = case.clone();
            edit.apply(&mut changed);
            Some((breadth(&changed.answer())?, edit))
        })
        .collect();
    enough.sort_by_key(|(breadth, _)| *breadth);
    enough.into_iter().map(|(_, edit)| edit).collect()
}

/// How much more than what was asked for is granted by what grants it; `None` where nothing does.
fn breadth(answer: &Answer) -> Option<usize> {
    let Answer::Use(explanation) = answer else { return None };
    let granting = explanation.decisive().filter(|_| explanation.is_allowed())?;
    let of_finding = |finding: &Finding| match finding {
        Finding::EveryApp => 4,
        Finding::Unlisted(_) => 2,
        Finding::Entry { pattern, .. } if pattern == "*" => 2,
        Finding::Entry { pattern, .. } if pattern.contains('*') || pattern.starts_with('^') => 1,
        _ => 0,
    };
    Some(granting.findings.iter().map(of_finding).sum())
}

#[cfg(test)]
mod tests;
