//! What came of the tests of one file.

use policy::{AppAccess, AppRef, Kind, RoleSet, Subject};
use resource::{Problem, Report, Source, Span};
use serde_json::{Value, json};

use super::suite::{Check, Expect, Suite, TestCase};
use crate::tctl::policy::account::Account;
use crate::tctl::policy::case::{Case, Question};
use crate::tctl::policy::target::{self, Target};

/// How many of the names that differ in a list are explained.
const MAX_EXPLAINED: usize = 3;
/// Lists up to this length are shown whole; of longer ones only what differs.
const MAX_SHOWN: usize = 12;

/// What came of a file.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) source: Source,
    description: String,
    pub(super) warnings: Vec<String>,
    pub(super) tests: Vec<TestOutcome>,
}

/// What came of one test.
#[derive(Debug)]
pub(super) struct TestOutcome {
    pub(super) name: String,
    pub(super) span: Span,
    /// Expectations, counted once for every user and app.
    pub(super) total: usize,
    pub(super) failures: Vec<Failure>,
}

/// An expectation that does not hold.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) path: String,
    pub(super) span: Span,
    user: String,
    app: Option<String>,
    /// What was expected and what came.
    pub(super) message: String,
    /// Line by line, where a list was expected.
    pub(super) difference: Vec<Line>,
    accounts: Vec<Account>,
}

/// A line of a list as it was expected and as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    AsExpected(String),
    /// Expected, and not shown to the client.
    Missing(String),
    /// Shown to the client, and not expected.
    Unexpected(String),
    /// This many as expected.
    Omitted(usize),
}

/// One user, one app, and the engine's answers about them.
struct Bench<'s> {
    suite: &'s Suite,
    test: &'s TestCase,
    user: &'s str,
    app: Option<&'s str>,
    set: &'s RoleSet,
    access: Option<AppAccess>,
}

// === impl Outcome ===

impl Outcome {
    /// Runs the tests of a file.
    pub(super) fn of(suite: &Suite) -> Self {
        Self {
            source: suite.source.clone(),
            description: suite.description.clone(),
            warnings: suite.warnings.clone(),
            tests: suite.tests.iter().map(|test| TestOutcome::of(suite, test)).collect(),
        }
    }

    /// Whether everything is as expected.
    pub(super) fn holds(&self) -> bool {
        self.tests.iter().all(|test| test.failures.is_empty())
    }

    pub(super) fn total(&self) -> usize {
        self.tests.iter().map(|test| test.total).sum()
    }

    pub(super) fn failed(&self) -> usize {
        self.tests.iter().map(|test| test.failures.len()).sum()
    }
}

// === impl TestOutcome ===

impl TestOutcome {
    fn of(suite: &Suite, test: &TestCase) -> Self {
        let (mut total, mut failures) = (0, Vec::new());
        for user in &test.users {
            let Some(holder) = suite.users.get(user) else { continue };
            let set = holder.role_set(user, &suite.roles);
            let mut run = |app: Option<&str>| {
                let access = app.and_then(|app| {
                    let labels = suite.apps.get(app)?;
                    Some(set.access_with(AppRef::new(app, labels), test.state))
                });
                let bench = Bench { suite, test, user, app, set: &set, access };
                for check in &test.checks {
                    total += 1;
                    failures.extend(bench.check(check));
                }
            };
            if test.apps.is_empty() {
                run(None);
            }
            test.apps.iter().for_each(|app| run(Some(app)));
        }
        // By expectation rather than by user, as the file has it.
        failures.sort_by_key(|failure: &Failure| failure.span.start);
        Self { name: test.name.clone(), span: test.span, total, failures }
    }
}

// === impl Bench ===

impl Bench<'_> {
    fn check(&self, check: &Check) -> Option<Failure> {
        match (&check.expect, &self.access) {
            (Expect::Connect { allowed }, Some(access)) => {
                let found = access.connect().is_allowed();
                (found != *allowed)
                    .then(|| self.decided(check, "connect to", *allowed, Subject::Connect))
            }
            (Expect::Use { kind, name, allowed }, Some(access)) => {
                let found = access.decide(*kind, name).is_allowed();
                (found != *allowed).then(|| {
                    let what = format!("use the {} {name:?} of", kind.noun());
                    self.decided(check, &what, *allowed, Subject::of(*kind, name.clone().into()))
                })
            }
            (Expect::List { kind, of, shows }, Some(access)) => {
                let differ = of.iter().filter(|name| {
                    access.visible(*kind, name) != shows.iter().any(|shown| shown == *name)
                });
                let differ: Vec<&String> = differ.collect();
                (!differ.is_empty()).then(|| self.listed(check, *kind, of, shows, &differ))
            }
            (Expect::Verb { kind, verb, name, labels, allowed }, _) => {
                let target = name.clone().map(|name| Target::described(kind, name, labels.clone()));
                let answer = target::decide(self.set, self.user, kind, verb, target.as_ref());
                (answer.is_allowed() != *allowed).then(|| {
                    let what = match name {
                        Some(name) => format!("{verb} {kind}/{name}"),
                        None => format!("{verb} resources of kind {kind:?}"),
                    };
                    let message = self.message(&what, *allowed);
                    let question =
                        Question::Rule { kind: kind.clone(), verb: verb.clone(), target };
                    self.failure(check, message, Vec::new(), vec![self.account(question)])
                })
            }
            // A file in which something is expected of no app is refused where it is read.
            (_, None) => None,
        }
    }

    fn decided(
        &self,
        check: &Check,
        what: &str,
        expected: bool,
        subject: Subject<'static>,
    ) -> Failure {
        let accounts = self.question(subject).map(|question| self.account(question));
        let accounts = accounts.into_iter().collect();
        let what = format!("{what}{}", self.app_name());
        self.failure(check, self.message(&what, expected), Vec::new(), accounts)
    }

    fn listed(
        &self,
        check: &Check,
        kind: Kind,
        of: &[String],
        shows: &[String],
        differ: &[&String],
    ) -> Failure {
        let subject = |name: &&&String| Subject::of(kind, (**name).clone().into());
        let accounts = differ
            .iter()
            .take(MAX_EXPLAINED)
            .filter_map(|name| self.question(subject(&name)))
            .map(|question| self.account(question))
            .collect();
        let message = format!(
            "user {:?} does not see the list of {} that is expected of{}",
            self.user,
            kind.field(),
            self.app_name()
        );
        self.failure(check, message, lines(of, shows, differ), accounts)
    }

    fn message(&self, what: &str, expected: bool) -> String {
        let (may, but) = if expected { ("may", "may not") } else { ("may not", "may") };
        format!("expected that user {:?} {may} {what}, but {:?} {but}", self.user, self.user)
    }

    fn app_name(&self) -> String {
        self.app.map(|app| format!(" app {app:?}")).unwrap_or_default()
    }

    fn question(&self, subject: Subject<'static>) -> Option<Question> {
        let app = self.app?;
        let labels = self.suite.apps.get(app)?.clone().into();
        Some(Question::Use { app: app.to_owned(), labels, subject })
    }

    fn account(&self, question: Question) -> Account {
        Account::of(&Case {
            roles: self.suite.roles.clone(),
            user: self.user.to_owned(),
            holder: self.suite.users.get(self.user).cloned().unwrap_or_default(),
            state: self.test.state,
            question,
        })
    }

    fn failure(
        &self,
        check: &Check,
        message: String,
        difference: Vec<Line>,
        accounts: Vec<Account>,
    ) -> Failure {
        Failure {
            path: check.path.clone(),
            span: check.span,
            user: self.user.to_owned(),
            app: self.app.map(str::to_owned),
            message,
            difference,
            accounts,
        }
    }
}

/// The list of a server, line by line.
fn lines(of: &[String], shows: &[String], differ: &[&String]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut omitted = 0;
    for name in of {
        let expected = shows.contains(name);
        if differ.contains(&name) {
            let name = name.clone();
            lines.push(if expected { Line::Missing(name) } else { Line::Unexpected(name) });
        } else if expected && of.len() <= MAX_SHOWN {
            lines.push(Line::AsExpected(name.clone()));
        } else if expected {
            omitted += 1;
        }
    }
    if omitted > 0 {
        lines.push(Line::Omitted(omitted));
    }
    lines
}

// === impl Failure ===

impl Failure {
    /// The expectation as it stands in its file, marked, and why it does not hold.
    pub(super) fn text(&self, source: &Source) -> String {
        let problem = Problem::new(self.path.as_str(), self.message.as_str()).at(self.span);
        let mut text = Report::new(source, vec![problem]).to_string();
        for line in &self.difference {
            text.push_str(&format!("\n    {line}"));
        }
        for account in &self.accounts {
            for line in account.to_string().lines() {
                text.push_str(&format!("\n  {line}"));
            }
        }
        text
    }

    fn to_json(&self) -> Value {
        let names = |wanted: fn(&Line) -> Option<&String>| -> Vec<&String> {
            self.difference.iter().filter_map(wanted).collect()
        };
        let mut value = json!({
            "path": self.path,
            "line": self.span.start.line,
            "column": self.span.start.column,
            "user": self.user,
            "app": self.app,
            "message": self.message,
            "explanations": self.accounts.iter().map(Account::to_json).collect::<Vec<_>>(),
        });
        if let (false, Some(value)) = (self.difference.is_empty(), value.as_object_mut()) {
            let missing = names(|line| match line {
                Line::Missing(name) => Some(name),
                _ => None,
            });
            let unexpected = names(|line| match line {
                Line::Unexpected(name) => Some(name),
                _ => None,
            });
            value.insert("missing".to_owned(), json!(missing));
            value.insert("unexpected".to_owned(), json!(unexpected));
        }
        value
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AsExpected(name) => write!(f, "  {}", name.escape_debug()),
            Self::Missing(name) => {
                write!(f, "- {}  (expected, but not shown)", name.escape_debug())
            }
            Self::Unexpected(name) => {
                write!(f, "+ {}  (shown, but not expected)", name.escape_debug())
            }
            Self::Omitted(count) => write!(f, "  … and {count} as expected"),
        }
    }
}

/// What came of all files, for programs.
pub(super) fn to_json(outcomes: &[Outcome]) -> Value {
    let files: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let tests: Vec<Value> = outcome
                .tests
                .iter()
                .map(|test| {
                    json!({
                        "name": test.name,
                        "line": test.span.start.line,
                        "passed": test.failures.is_empty(),
                        "expectations": test.total,
                        "failures": test.failures.iter().map(Failure::to_json).collect::<Vec<_>>(),
                    })
                })
                .collect();
            json!({
                "file": outcome.source.name(),
                "description": outcome.description,
                "warnings": outcome.warnings,
                "tests": tests,
            })
        })
        .collect();
    let failed: usize = outcomes.iter().map(Outcome::failed).sum();
    json!({
        "passed": failed == 0,
        "expectations": outcomes.iter().map(Outcome::total).sum::<usize>(),
        "failed": failed,
        "files": files,
    })
}
