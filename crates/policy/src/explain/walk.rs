//! The walk: deny pass, allow pass, role by role.

use std::sync::Arc;

use super::{Explanation, Finding, Step, Verdict};
use crate::access::AppAccess;
use crate::decision::{DenialKind, Subject};
use crate::entries::{EntryList, Kind, ListVerdict, Source};
use crate::expression::Context;
use crate::label::{KeyOutcome, Side};
use crate::limits::MAX_SUBJECT_BYTES;
use crate::role_set::{CompiledRole, CompiledSide, LabelOutcome, MfaDemand};

struct Walk<'a> {
    access: &'a AppAccess,
    named: Option<(Kind, &'a str)>,
    root_denies: bool,
    steps: Vec<Step>,
}

pub(super) fn walk(access: &AppAccess, subject: &Subject<'_>) -> Explanation {
    let set = &access.roles().0;
    let named = subject.named();
    let root_denies =
        set.guarded && named.is_some_and(|(kind, name)| access.root_denies(kind, name));
    let mut walk = Walk { access, named, root_denies, steps: Vec::new() };
    let outcome = walk.run();
    Explanation {
        user: set.user.clone(),
        app: access.app().to_owned(),
        subject: subject.clone().into_owned(),
        outcome,
        missing_roles: set.missing.clone(),
        steps: walk.steps,
    }
}

// === impl Walk ===

impl<'a> Walk<'a> {
    fn run(&mut self) -> Result<(), DenialKind> {
        let (set, state) = (&self.access.roles().0, self.access.state());
        if !set.missing.is_empty() {
            return Err(DenialKind::UnknownRole);
        }
        let always = state.cluster_requires_mfa || set.options.mfa == MfaDemand::Always;
        if always && !state.mfa_verified {
            return Err(DenialKind::MfaRequired);
        }
        if self.named.is_some_and(|(_, name)| name.len() > MAX_SUBJECT_BYTES) {
            return Err(DenialKind::TooLong);
        }
        for role in &set.roles {
            match self.deny(role) {
                Verdict::Applies => return Err(DenialKind::Denied),
                Verdict::Fails => return Err(DenialKind::Evaluation),
                Verdict::Passes | Verdict::Demands => {}
            }
        }
        let mut granted = Err(DenialKind::NotGranted);
        for role in &set.roles {
            match self.allow(role) {
                Ok(Verdict::Applies) => {
                    granted = Ok(());
                    if self.access.mfa_satisfied() && self.access.device_satisfied() {
                        break;
                    }
                }
                Ok(Verdict::Passes | Verdict::Demands) => {}
                Ok(Verdict::Fails) => return Err(DenialKind::Evaluation),
                Err(demand) => return Err(demand),
            }
        }
        granted
    }

    fn record(
        &mut self,
        role: &CompiledRole,
        side: Side,
        verdict: Verdict,
        findings: Vec<Finding>,
    ) {
        self.steps.push(Step { role: Arc::clone(&role.name), side, verdict, findings });
    }

    fn deny(&mut self, role: &'a CompiledRole) -> Verdict {
        let mut findings = Vec::new();
        let verdict = self.judge_deny(&role.deny, &mut findings);
        self.record(role, Side::Deny, verdict, findings);
        verdict
    }

    fn judge_deny(&self, side: &CompiledSide, findings: &mut Vec<Finding>) -> Verdict {
        if !side.covers(self.access.namespace()) {
            findings.push(Finding::OtherNamespaces(side.namespaces.clone()));
            return Verdict::Passes;
        }
        match self.labels(side, findings) {
            LabelOutcome::Hit => return Verdict::Applies,
            LabelOutcome::Error => return Verdict::Fails,
            LabelOutcome::Miss => {}
        }
        // Denied names are denied on every app, whatever the labels say.
        match self.named {
            Some((kind, name)) => self.list(side.list(kind), kind, Side::Deny, name, findings),
            None => Verdict::Passes,
        }
    }

    /// What the allow side of a role comes to, or what it demands.
    fn allow(&mut self, role: &'a CompiledRole) -> Result<Verdict, DenialKind> {
        let mut findings = Vec::new();
        let mut verdict = self.judge_allow(&role.allow, &mut findings);
        let mut demand = None;
        if verdict == Verdict::Applies {
            if role.demands_mfa && !self.access.mfa_satisfied() {
                demand = Some(DenialKind::MfaRequired);
                findings.push(Finding::MfaRequired);
            } else if role.demands_device && !self.access.device_satisfied() {
                demand = Some(DenialKind::DeviceRequired);
                findings.push(Finding::DeviceRequired);
            }
        }
        if demand.is_some() {
            verdict = Verdict::Demands;
        }
        self.record(role, Side::Allow, verdict, findings);
        demand.map_or(Ok(verdict), Err)
    }

    fn judge_allow(&self, side: &CompiledSide, findings: &mut Vec<Finding>) -> Verdict {
        if !side.covers(self.access.namespace()) {
            findings.push(Finding::OtherNamespaces(side.namespaces.clone()));
            return Verdict::Passes;
        }
        match self.labels(side, findings) {
            LabelOutcome::Hit => {}
            LabelOutcome::Error => return Verdict::Fails,
            LabelOutcome::Miss => return Verdict::Passes,
        }
        match self.named {
            Some((kind, name)) => self.list(side.list(kind), kind, Side::Allow, name, findings),
            None => Verdict::Applies,
        }
    }

    fn labels(&self, side: &CompiledSide, findings: &mut Vec<Finding>) -> LabelOutcome {
        let set = &self.access.roles().0;
        let (labels, unknown) = (self.access.labels(), self.access.unknown_labels());
        let context = Context { labels, user: &set.user, traits: &set.traits };
        let outcome = side.judge_labels(context, unknown);
        if side.labels.is_none() && side.expression.is_none() {
            findings.push(Finding::NoLabels);
        }
        let mut decided = false;
        if let Some(matcher) = &side.labels {
            let holds = matcher.matches_with(labels, unknown, side.side);
            decided = holds.is_err() || (side.side == Side::Deny && holds == Ok(true));
            if matcher.is_everything() {
                findings.push(Finding::EveryApp);
            } else {
                findings.extend(matcher.findings(labels, unknown).into_iter().map(Finding::of_key));
            }
        }
        if let Some(expression) = &side.expression
            && !decided
        {
            let result = expression.eval(context, unknown);
            findings.push(Finding::Expression { text: expression.text.clone(), result });
        }
        outcome
    }

    fn list(
        &self,
        list: &EntryList,
        kind: Kind,
        side: Side,
        name: &str,
        findings: &mut Vec<Finding>,
    ) -> Verdict {
        findings.extend(list.dropped.iter().map(|dropped| {
            let Source { index, entry, .. } = &dropped.source;
            let (entry, message) = (entry.to_string(), dropped.message.clone());
            Finding::DroppedEntry { kind, index: *index, entry, message }
        }));
        match list.judge(kind, side, name, self.root_denies) {
            ListVerdict::Hit(hit) => {
                findings.push(Finding::Entry {
                    kind,
                    index: hit.source.index,
                    entry: hit.source.entry.to_string(),
                    pattern: hit.text.to_string(),
                    trait_name: hit.source.trait_name.as_deref().map(str::to_owned),
                });
                Verdict::Applies
            }
            ListVerdict::Unrestricted => {
                findings.push(Finding::Unlisted(kind));
                Verdict::Applies
            }
            ListVerdict::Broken(broken) => {
                let Source { index, entry, .. } = &broken.source;
                let (entry, message) = (entry.to_string(), broken.message.clone());
                findings.push(Finding::BrokenEntry { kind, index: *index, entry, message });
                Verdict::Fails
            }
            ListVerdict::Miss => {
                let guarded = list
                    .entries
                    .iter()
                    .any(|entry| entry.guarded && self.root_denies && entry.pattern.is_match(name));
                if guarded {
                    findings.push(Finding::RootDenies);
                }
                if list.mentioned || side == Side::Allow {
                    findings.push(Finding::NoEntry { kind, tried: list.entries.len() });
                }
                Verdict::Passes
            }
        }
    }
}

// === impl Finding ===

impl Finding {
    fn of_key(finding: crate::label::KeyFinding<'_>) -> Self {
        let key = finding.key.to_owned();
        let accepted_by = match finding.outcome {
            KeyOutcome::Error(message) => return Self::BrokenLabel { key, message },
            KeyOutcome::AnyValue => Some(("*".to_owned(), "*".to_owned())),
            KeyOutcome::Value(value) => Some((value.entry.to_string(), value.text.to_string())),
            KeyOutcome::NoValue | KeyOutcome::Absent => None,
        };
        Self::Label { key, found: finding.found.map(str::to_owned), accepted_by }
    }
}
