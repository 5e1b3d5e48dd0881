mod sequences;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use resource::Revision;

use super::{Action, reconcile};
use crate::catalog::Wanted;
use crate::catalog::tests::app;

type Table = BTreeMap<String, Wanted>;

/// Few names and few commands, so that tables overlap.
fn table() -> impl Strategy<Value = Table> {
    prop::collection::btree_map("[a-f]", ("[xy]", any::<bool>(), any::<bool>()), 0..6).prop_map(
        |entries| {
            let entry = |(name, (command, labelled, shadows)): (String, (String, bool, bool))| {
                let labels: &[_] = if labelled { &[("env", "prod")] } else { &[] };
                let app = Arc::new(app(&name, labels, &command));
                (name, Wanted { app, shadows })
            };
            entries.into_iter().map(entry).collect()
        },
    )
}

/// Carries the actions out, as the agent does.
fn carry_out(actions: Vec<Action>, mut actual: Table) -> Table {
    for action in actions {
        match action {
            Action::Register(wanted) => {
                let name = wanted.app.name().to_owned();
                assert!(actual.insert(name, wanted).is_none(), "registered twice");
            }
            Action::Update(wanted) => {
                let name = wanted.app.name().to_owned();
                assert!(actual.insert(name, wanted).is_some(), "updated what is not served");
            }
            Action::Unregister(name) => {
                assert!(actual.remove(&name).is_some(), "removed what is not served");
            }
        }
    }
    actual
}

fn same(one: &Table, other: &Table) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, wanted)| other.get(name).is_some_and(|w| w.same_as(wanted)))
}

fn names(actions: &[Action]) -> Vec<String> {
    actions.iter().map(|action| action.name().to_owned()).collect()
}

proptest! {
    #[test]
    fn the_actions_lead_to_what_is_wanted(wanted in table(), actual in table()) {
        let actions = reconcile(&wanted, &actual);
        prop_assert!(same(&carry_out(actions, actual), &wanted));
    }

    #[test]
    fn then_nothing_is_left_to_do(wanted in table(), actual in table()) {
        let settled = carry_out(reconcile(&wanted, &actual), actual);
        prop_assert!(reconcile(&wanted, &settled).is_empty());
    }

    #[test]
    fn what_is_as_it_should_be_is_not_touched(wanted in table(), actual in table()) {
        let touched: BTreeSet<String> = names(&reconcile(&wanted, &actual)).into_iter().collect();
        for name in wanted.keys().chain(actual.keys()) {
            let right = match (wanted.get(name), actual.get(name)) {
                (Some(one), Some(other)) => one.same_as(other),
                _ => false,
            };
            prop_assert_eq!(touched.contains(name), !right, "{}", name);
        }
    }

    #[test]
    fn no_name_is_touched_twice(wanted in table(), actual in table()) {
        let touched = names(&reconcile(&wanted, &actual));
        prop_assert!(touched.is_sorted_by(|one, other| one < other), "{:?}", touched);
    }

    #[test]
    fn one_change_touches_one_app(wanted in table(), name in "[a-f]", command in "[xyz]") {
        let mut changed = wanted.clone();
        let new = Wanted { app: Arc::new(app(&name, &[], &command)), shadows: false };
        changed.insert(name.clone(), new);
        let touched = names(&reconcile(&changed, &wanted));
        prop_assert!(touched.is_empty() || touched == [name]);
    }
}

#[test]
fn a_new_revision_of_the_same_is_no_change() {
    let old = app("a", &[], "x");
    let mut new = old.clone();
    new.metadata.revision = Some(Revision::new("2"));
    let table =
        |app| Table::from([("a".to_owned(), Wanted { app: Arc::new(app), shadows: false })]);
    assert!(reconcile(&table(new), &table(old)).is_empty());
}
