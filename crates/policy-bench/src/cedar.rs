//! The same scene for the `cedar-policy` engine.
//!
//! A role is a policy for the members of a group, its patterns one disjunction; that is quicker for it than a
//! policy for each pattern. It has no regexes and fills in nothing, so patterns are written out.

use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, EvalResult, Expression, PolicySet, Request,
    RestrictedExpression, eval_expression,
};
use serde_json::json;

use crate::Outcome;
use crate::scene::{Entry, Scene, Theirs, USER};

const EXPRESSION: &str =
    r#"resource.env == "dev" && (principal.teams.contains(resource.team) || resource.tier != "1")"#;

pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    expression: Expression,
    request: Request,
}

// === impl Cedar ===

impl Cedar {
    pub(crate) fn new(scene: &Scene) -> Outcome<Self> {
        let uid = |kind: &str, id: &str| json!({"type": kind, "id": id});
        let groups = (0..scene.allowed.len()).map(|at| format!("r{at}"));
        let parents: Vec<_> = groups.clone().map(|id| uid("Role", &id)).collect();
        let mut entities = vec![
            json!({
                "uid": uid("User", USER),
                "attrs": {"teams": ["red", "green", "blue"]},
                "parents": parents,
            }),
            json!({
                "uid": uid("App", "app"),
                "attrs": {"env": "dev", "team": "blue", "tier": "1"},
                "parents": [],
            }),
        ];
        entities
            .extend(groups.map(|id| json!({"uid": uid("Role", &id), "attrs": {}, "parents": []})));
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: Self::policies(scene)?,
            entities: Entities::from_json_value(entities.into(), None)?,
            expression: Self::parse_expression()?,
            request: request("none")?,
        })
    }

    pub(crate) fn policies(scene: &Scene) -> Outcome<PolicySet> {
        let mut text = String::new();
        for (at, entries) in scene.allowed.iter().enumerate() {
            text.push_str(&format!(
                "permit(principal in Role::\"r{at}\", action == Action::\"call\", resource) when {{ \
                 resource.env == \"dev\" && ({}) }};\n",
                any(entries)
            ));
            text.push_str(&format!(
                "forbid(principal in Role::\"r{at}\", action == Action::\"call\", resource) when {{ {} \
                 }};\n",
                any(&scene.denied)
            ));
        }
        Ok(PolicySet::from_str(&text)?)
    }

    pub(crate) fn requests(&self, tools: &[&str]) -> Outcome<Vec<Request>> {
        tools.iter().map(|tool| request(tool)).collect()
    }

    pub(crate) fn allows(&self, request: &Request) -> bool {
        let response = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        response.decision() == Decision::Allow
    }

    pub(crate) fn parse_expression() -> Outcome<Expression> {
        Ok(Expression::from_str(EXPRESSION)?)
    }

    pub(crate) fn evaluate(&self) -> Outcome<bool> {
        let found = eval_expression(&self.request, &self.entities, &self.expression)?;
        Ok(found == EvalResult::Bool(true))
    }
}

fn any(entries: &[Entry]) -> String {
    let terms = entries.iter().flat_map(|entry| match &entry.theirs {
        Theirs::Equal(text) => vec![format!("context.tool == \"{text}\"")],
        Theirs::Like(texts) => {
            texts.iter().map(|text| format!("context.tool like \"{text}\"")).collect()
        }
    });
    terms.collect::<Vec<_>>().join(" || ")
}

fn request(tool: &str) -> Outcome<Request> {
    let uid = |text: &str| EntityUid::from_str(text);
    let context =
        Context::from_pairs([("tool".to_owned(), RestrictedExpression::new_string(tool.into()))])?;
    Ok(Request::new(
        uid(&format!("User::\"{USER}\""))?,
        uid("Action::\"call\"")?,
        uid("App::\"app\"")?,
        context,
        None,
    )?)
}
