//! Whatever happens one after the other, what is served is what is registered, and nothing else is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::{Index, Snapshot, WatchEvent};
use proptest::prelude::*;
use resource::{App, Kind, LabelSelector, Resource, Revision};
use runtime::Clock;

use crate::catalog::Catalog;
use crate::catalog::tests::app;
use crate::reconcile::{Action, follow};
use crate::served::{Served, Table};

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// An app is created or changed. With the label the agent's selector fits it.
    Put { name: String, command: String, fits: bool },
    /// An app is deleted, or ends.
    Gone(String),
    /// The agent hears of what has happened since it last did.
    Hear,
    /// It could not hear, and lists anew: everything is read again.
    List,
    /// It compares everything, as it does now and then.
    LookAtAll,
}

fn step() -> impl Strategy<Value = Step> {
    // `s` is an app of the configuration file as well.
    let put = ("[abcs]", "[xy]", any::<bool>());
    prop_oneof![
        4 => put.prop_map(|(name, command, fits)| Step::Put { name, command, fits }),
        2 => "[abcs]".prop_map(Step::Gone),
        4 => Just(Step::Hear),
        1 => Just(Step::List),
        1 => Just(Step::LookAtAll),
    ]
}

/// An agent without its tasks: what it heard, and what it serves.
struct Agent {
    catalog: Catalog,
    heard: Index<App>,
    table: Table,
}

/// What is true, whoever knows of it.
#[derive(Default)]
struct World {
    /// By name: the command, and whether the selector fits.
    apps: BTreeMap<String, (String, bool)>,
    snapshot: Snapshot,
    revision: u32,
}

// === impl Agent ===

impl Agent {
    fn new() -> Self {
        let fixed = vec![app("s", &[], "own")];
        let selector = LabelSelector::from_pairs([("env", "here")]);
        let catalog = Catalog::new(fixed, &[selector]);
        Self { catalog, heard: Index::default(), table: Table::new(Clock::system()) }
    }

    /// As `serve::run` does it; gives the names that were touched.
    fn hear(&mut self, apps: &Index<App>, all: bool) -> BTreeSet<String> {
        let mut names: BTreeSet<String> =
            self.heard.changed(apps).into_iter().map(str::to_owned).collect();
        self.heard = apps.clone();
        if all {
            names.extend(apps.keys().map(str::to_owned));
            names.extend(self.catalog.fixed().cloned());
            names.extend(self.table.all().into_iter().map(|(name, _)| name));
        }
        let names: Vec<String> = names.into_iter().collect();
        let serving = |name: &str| Some(self.table.get(name)?.newest());
        let actions = follow(&self.catalog, &self.heard, &names, serving);
        let touched = actions.iter().map(|action| action.name().to_owned()).collect();
        for action in actions {
            match action {
                Action::Register(wanted) => drop(self.table.register(wanted)),
                Action::Update(wanted) => {
                    self.table.get(wanted.app.name()).unwrap().update(wanted);
                }
                Action::Unregister(name) => self.table.unregister(&name),
            }
        }
        touched
    }

    fn serves(&self) -> BTreeMap<String, (String, bool)> {
        let tell = |(name, served): (String, Arc<Served>)| {
            let newest = served.newest();
            (name, (command(&newest.app), newest.shadows))
        };
        self.table.all().into_iter().map(tell).collect()
    }
}

// === impl World ===

impl World {
    fn put(&mut self, name: String, command: String, fits: bool) {
        self.revision += 1;
        let labels: &[_] = if fits { &[("env", "here")] } else { &[("env", "there")] };
        let mut app = app(&name, labels, &command);
        app.metadata.revision = Some(Revision::new(self.revision.to_string()));
        self.apps.insert(name, (command, fits));
        let resource = Arc::new(Resource::App(app));
        self.snapshot.apply(&WatchEvent::Put { resource, cursor: String::new() });
    }

    fn remove(&mut self, name: String) {
        self.apps.remove(&name);
        self.snapshot.apply(&WatchEvent::Delete { kind: Kind::App, name, cursor: String::new() });
    }

    /// The same apps, read anew: nothing of them is what it was in memory.
    fn list(&mut self) {
        let again = |app: &Arc<App>| (app.name().to_owned(), Arc::new(App::clone(app)));
        self.snapshot.apps = self.snapshot.apps.values().map(again).collect();
    }

    /// What is to be served by all that: by name the command, and whether it hides another app.
    fn expected(&self) -> BTreeMap<String, (String, bool)> {
        let mut expected: BTreeMap<_, _> = self
            .apps
            .iter()
            .filter(|(_, (_, fits))| *fits)
            .map(|(name, (command, _))| (name.clone(), (command.clone(), false)))
            .collect();
        let shadows = expected.contains_key("s");
        expected.insert("s".to_owned(), ("own".to_owned(), shadows));
        expected
    }
}

fn command(app: &App) -> String {
    app.spec.mcp.as_ref().unwrap().command.clone()
}

proptest! {
    #[test]
    fn after_whatever_happened_agents_serve_what_the_resources_say(
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let (mut agent, mut world) = (Agent::new(), World::default());
        agent.hear(&world.snapshot.apps, true);
        for step in steps.into_iter().chain([Step::Hear]) {
            let all = match step {
                Step::Put { name, command, fits } => {
                    world.put(name, command, fits);
                    continue;
                }
                Step::Gone(name) => {
                    world.remove(name);
                    continue;
                }
                Step::Hear => false,
                Step::List => {
                    world.list();
                    false
                }
                Step::LookAtAll => true,
            };
            let before = agent.serves();
            let places: BTreeMap<_, _> = agent.table.all().into_iter().collect();
            let touched = agent.hear(&world.snapshot.apps, all);
            let (expected, after) = (world.expected(), agent.serves());
            prop_assert_eq!(&after, &expected);
            for (name, now) in &after {
                let was = before.get(name);
                // What is as it was keeps its place, its connections and what is known of it; what is
                // new, also under an old name, does not take anything over.
                if was.is_some() {
                    let kept = agent.table.get(name).unwrap();
                    prop_assert!(Arc::ptr_eq(&kept, &places[name]), "{} lost its place", name);
                }
                if was == Some(now) && touched.contains(name) {
                    // Only its labels can have changed, and none that this agent looks at has.
                    prop_assert!(false, "{} was touched for nothing", name);
                }
            }
        }
        // Once more: there is nothing left to do.
        prop_assert!(agent.hear(&world.snapshot.apps, true).is_empty());
    }
}
