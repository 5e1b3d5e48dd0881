//! Roles: what is checked when one is written or deleted.

use api::Error;
use resource::{Kind, Resource, Role};

use crate::core::Core;

/// The most mistakes that one refusal names.
const MAX_NAMED: usize = 20;

/// Checks that everything in a role means something.
pub(crate) fn prepare(role: &Role) -> Result<(), Error> {
    let problems = policy::validate_role(role);
    let Some(first) = problems.first() else { return Ok(()) };
    let mut error = Error::invalid(format!(
        "role {:?} is not valid: {}: {}",
        role.name(),
        first.path,
        first.message
    ));
    for problem in problems.iter().skip(1).take(MAX_NAMED) {
        error = error.hint(format!("also: {}: {}", problem.path, problem.message));
    }
    Err(error)
}

/// Refuses to delete a role that a user has: it would take all rights of that user.
pub(crate) async fn refuse_in_use(core: &Core, name: &str) -> Result<(), Error> {
    let (users, _cursor) = core.records.list(Kind::User).await?;
    let mut holders = users.into_iter().filter_map(|user| match user {
        Resource::User(user) if user.spec.roles.iter().any(|role| role == name) => {
            Some(user.metadata.name)
        }
        _ => None,
    });
    let Some(holder) = holders.next() else { return Ok(()) };
    let others = match holders.count() {
        0 => String::new(),
        1 => " and another one".to_owned(),
        more => format!(" and {more} others"),
    };
    Err(Error::invalid(format!("role {name:?} is in use by user {holder:?}{others}"))
        .hint(format!("`tctl users update {holder} --set-roles=…` gives other roles")))
}
