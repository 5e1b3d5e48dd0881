//! From what is wanted and what there is to what is to be done. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use resource::{Kind, Resource};
use serde_json::{Value, json};

use super::difference::{self, Difference};
use crate::tctl::create::shown_name;

/// The order in which kinds are written, so that what others need is there before them; they are
/// deleted in the opposite order.
const ORDER: [Kind; 13] = [
    Kind::ClusterAuthPreference,
    Kind::Role,
    Kind::TrustedCluster,
    Kind::RemoteCluster,
    Kind::Oidc,
    Kind::Saml,
    Kind::Github,
    Kind::App,
    Kind::AppAuthConfig,
    Kind::User,
    Kind::Bot,
    Kind::Token,
    Kind::Lock,
];

/// A resource of a file.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) resource: Resource,
    pub(super) file: String,
}

/// What may be deleted.
#[derive(Debug)]
pub(super) struct Removal {
    pub(super) kinds: BTreeSet<Kind>,
    /// All of these are needed.
    pub(super) labels: Vec<(String, String)>,
}

/// One thing to do.
#[derive(Debug)]
pub(super) enum Step {
    Add(Wanted),
    /// The wanted resource bears the revision of the one that it replaces.
    Change {
        wanted: Wanted,
        differences: Vec<Difference>,
    },
    Remove(Resource),
}

/// All that is to be done, in order.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    unchanged: usize,
}

// === impl Plan ===

impl Plan {
    pub(super) fn new(
        wanted: Vec<Wanted>,
        actual: Vec<Resource>,
        removal: Option<&Removal>,
    ) -> Self {
        let mut actual: BTreeMap<(Kind, String), Resource> = actual
            .into_iter()
            .map(|found| ((found.kind(), found.name().to_owned()), found))
            .collect();
        let (mut writes, mut unchanged) = (Vec::new(), 0);
        for mut wanted in wanted {
            let key = (wanted.resource.kind(), wanted.resource.name().to_owned());
            let Some(found) = actual.remove(&key) else {
                wanted.resource.metadata_mut().revision = None;
                writes.push(Step::Add(wanted));
                continue;
            };
            wanted.resource.metadata_mut().revision.clone_from(&found.metadata().revision);
            let differences = difference::between(&found, &wanted.resource);
            if differences.is_empty() {
                unchanged += 1;
            } else {
                writes.push(Step::Change { wanted, differences });
            }
        }
        writes.sort_by_key(|step| (step.rank(), step.name()));
        let mut removals: Vec<_> = removal
            .map(|removal| actual.into_values().filter(|found| removal.is_of(found)))
            .into_iter()
            .flatten()
            .map(Step::Remove)
            .collect();
        removals.sort_by_key(|step| (Reverse(step.rank()), step.name()));
        writes.extend(removals);
        Self { steps: writes, unchanged }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut lines: Vec<String> = self.steps.iter().flat_map(Step::lines).collect();
        let [add, change, remove] = self.counts();
        lines.push(format!(
            "plan: {add} to add, {change} to change, {remove} to remove, {} unchanged",
            self.unchanged
        ));
        lines.join("\n")
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let [add, change, remove] = self.counts();
        json!({
            "add": add, "change": change, "remove": remove, "unchanged": self.unchanged,
            "steps": self.steps.iter().map(Step::to_json).collect::<Vec<_>>(),
        })
    }

    fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        let [add, change, remove] = &mut counts;
        for step in &self.steps {
            *match step {
                Step::Add(_) => &mut *add,
                Step::Change { .. } => &mut *change,
                Step::Remove(_) => &mut *remove,
            } += 1;
        }
        counts
    }
}

// === impl Removal ===

impl Removal {
    /// Whether something that no file speaks of is to go. What every cluster has stays.
    fn is_of(&self, found: &Resource) -> bool {
        let is_preset = found.kind() == Kind::Role
            && policy::preset_roles().iter().any(|preset| preset.name() == found.name());
        let labels = &found.metadata().labels;
        self.kinds.contains(&found.kind())
            && !is_preset
            // It goes with its bot.
            && !matches!(found, Resource::User(user) if user.bot().is_some())
            && self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

// === impl Step ===

impl Step {
    fn resource(&self) -> &Resource {
        match self {
            Self::Add(wanted) | Self::Change { wanted, .. } => &wanted.resource,
            Self::Remove(resource) => resource,
        }
    }

    fn rank(&self) -> usize {
        let kind = self.resource().kind();
        ORDER.iter().position(|one| *one == kind).unwrap_or(ORDER.len())
    }

    fn name(&self) -> String {
        shown_name(self.resource())
    }

    fn lines(&self) -> Vec<String> {
        let resource = self.resource();
        let what = format!("{} {:?}", resource.kind().display_name(), self.name());
        match self {
            Self::Add(wanted) => vec![format!("+ {what}  ({})", wanted.file)],
            Self::Change { wanted, differences } => {
                let first = format!("~ {what}  ({})", wanted.file);
                let rest = differences.iter().map(|difference| format!("    {difference}"));
                std::iter::once(first).chain(rest).collect()
            }
            Self::Remove(_) => vec![format!("- {what}")],
        }
    }

    fn to_json(&self) -> Value {
        let (kind, name) = (self.resource().kind().as_str(), self.name());
        match self {
            Self::Add(wanted) => {
                json!({"action": "add", "kind": kind, "name": name, "file": wanted.file})
            }
            Self::Change { wanted, differences } => {
                let differences: Vec<_> = differences.iter().map(Difference::to_json).collect();
                json!({
                    "action": "change", "kind": kind, "name": name, "file": wanted.file,
                    "differences": differences,
                })
            }
            Self::Remove(_) => json!({"action": "remove", "kind": kind, "name": name}),
        }
    }

    /// What to say when it is done.
    pub(super) fn done(&self) -> String {
        let (kind, name) = (self.resource().kind(), self.name());
        match self {
            Self::Add(_) => kind.created(&name),
            Self::Change { .. } => kind.updated(&name),
            Self::Remove(_) => kind.deleted(&name),
        }
    }
}
