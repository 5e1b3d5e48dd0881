//! Finds the name somebody probably meant.

/// Names longer than this are not compared: the comparison is quadratic.
const MAX_COMPARED: usize = 64;

/// The known name nearest to a misspelt one, when one is near enough to be worth naming.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > MAX_COMPARED {
        return None;
    }
    let plain = flatten(name);
    known
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (strsim::damerau_levenshtein(&plain, &flatten(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= tolerance(&plain, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// One mistake for each three letters of the shorter name, but not for names of one or two letters.
fn tolerance(name: &str, candidate: &str) -> usize {
    name.chars().count().min(candidate.chars().count()) / 3
}

/// `publicAddr`, `public-addr` and `public_addr` are the same mistake.
fn flatten(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
