//! Who may: labels, predicates, templates, patterns and role sets, and the decisions that follow from them.
//!
//! Pure and total. Nothing here reads a clock, a file or the network; every input has an answer, and an input
//! that cannot be evaluated has the answer no. What goes upstream needs a [`Permit`], and only this crate makes
//! permits.
//!
//! What the roles that come with a cluster may do by way of the API, kind by kind and verb by verb, is the
//! table `crates/auth/tests/it/matrix.txt`, which a test makes from the endpoints themselves. That no input
//! panics or takes more than its bounds ([`limits`]) is what the crate `fuzz` is for; `cargo xtask bench
//! policy` measures.
//!
//! ```
//! use std::sync::Arc;
//!
//! use policy::{AppRef, Decision, RoleSet, User};
//! use resource::{LabelSelector, Labels, Role, Traits};
//!
//! let mut role = Role::new("reader");
//! role.spec.allow.app_labels = Some(LabelSelector::from_pairs([("env", "dev")]));
//! role.spec.allow.mcp.tools = Some(vec!["read_*".into()]);
//!
//! let roles = RoleSet::compile(&[Arc::new(role)], User::new("alice", &Traits::new()));
//! let labels = Labels::from([("env".into(), "dev".into())]);
//! let access = roles.access(AppRef::new("files", &labels));
//!
//! assert!(access.tool("read_file").is_allowed());
//! let Decision::Deny(denial) = access.tool("write_file") else { panic!("granted by mistake") };
//! println!("{denial}");
//! println!("{}", denial.reasons());
//! ```

mod access;
mod attribute_map;
mod budget;
mod clause;
mod decision;
mod email;
mod entries;
mod explain;
mod expression;
mod golang;
mod index;
mod label;
pub mod limits;
mod pattern;
mod preset;
mod regex;
mod role_map;
mod role_set;
mod rule;
mod syntax;
mod template;
mod validate;

pub use access::{AccessState, AppAccess, AppRef, DeviceTrust, Patterns};
pub use attribute_map::{AttributeMap, AttributeMapError, MappedRole};
pub use clause::ResourceRef;
pub use decision::{Decision, Denial, DenialKind, Permit, RuleDecision, RuleDenial, Subject};
pub use entries::Kind;
pub use explain::{Explanation, Finding, Side, Step, Verdict};
pub use expression::{Context as ExpressionContext, EvalError, LabelExpression};
pub use label::{LabelError, LabelMatcher};
pub use preset::{implicit_role, preset_roles};
pub use role_map::{RoleMap, RoleMapError, RoleMapping};
pub use role_set::{
    GrantedToolsError, IMPLICIT_ROLE, MfaDemand, Options, RoleSet, RootTools, RuleContext, User,
};
pub use syntax::SyntaxError;
pub use template::{Template, TemplateError, Values as TemplateValues};
pub use validate::{FieldError, validate_role};
