//! Adding to a lock what a stack serves and the lock does not know.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::compare::{self, Reason, Unpinned};
use super::{Counted, FORMAT, Lock, Pin, identity};
use crate::stack::{Prompt, Stack};

/// A lock with more in it.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// All pins of the old lock as they were, and what was added.
    pub lock: Lock,
    /// What was added, sorted by prompt.
    pub added: Vec<Unpinned>,
}

/// The lock of `stack` with every version in it that is live, named to go back to, or served by a running
/// experiment. What is pinned stays as it is: of a pin, only routes that it does not know are added. Counts are
/// part of what is sealed, so a route that was pinned without them stays without.
/// `count` is asked once for each prompt, version and route that is added.
///
/// The **parent** of a version that is added is
/// 1. of one that an experiment serves: the live version, which it is compared with;
/// 2. of the live one: the version that the prompt names to go back to, which was live before, where that is
///    another one;
/// 3. else the last version of the prompt that the lock knew and that is no other's parent, where versions are
///    compared by the numbers in their names (`v9` before `v10`);
/// 4. and none for the first.
pub fn pin(stack: &Stack, mut count: impl FnMut(&Stack, &str, &str, &str) -> Option<Counted>) -> Pinned {
    let mut lock = Lock { format: FORMAT, prompts: stack.lock.prompts.clone() };
    let added = compare::unpinned(stack);
    for Unpinned { need, routes } in &added {
        let Some(prompt) = stack.prompts.get(&need.prompt) else { continue };
        let Some(mut fresh) = compare::describe(stack, prompt, &need.version) else { continue };
        for (route, on_route) in &mut fresh.routes {
            if routes.as_ref().is_none_or(|routes| routes.contains(route)) {
                on_route.tokens = count(stack, &need.prompt, &need.version, route);
            }
        }
        let pins = lock.prompts.entry(need.prompt.clone()).or_default();
        match routes {
            None => fresh.parent = parent(prompt, &need.version, &need.reason, pins),
            // The pin has the hashes of what was pinned, whatever the version is now, which a check reports.
            Some(routes) => {
                let Some(old) = pins.get(&need.version) else { continue };
                let more: BTreeMap<_, _> = fresh.routes.into_iter().filter(|(route, _)| routes.contains(route)).collect();
                fresh = old.clone();
                fresh.routes.extend(more);
                let again = fresh.clone();
                fresh.routes.values_mut().for_each(|on_route| on_route.sha256 = identity::version(&again, on_route));
            }
        }
        fresh.seal = identity::seal(&need.prompt, &need.version, &fresh);
        pins.insert(need.version.clone(), fresh);
    }
    Pinned { lock, added }
}

fn parent(prompt: &Prompt, version: &str, reason: &Reason, pins: &BTreeMap<String, Pin>) -> Option<String> {
    let is_pinned = |name: &&String| name.as_str() != version && pins.contains_key(*name);
    let named = match reason {
        Reason::Experiment(_) => Some(&prompt.live),
        Reason::Live => prompt.rollback.as_ref(),
        Reason::Rollback => None,
    };
    let latest = || compare::latest(pins).into_iter().max_by(|a, b| by_number(a, b));
    named.filter(is_pinned).or_else(latest).cloned()
}

/// Names in the order in which people count: runs of digits by their number, everything else by its letters.
fn by_number(a: &str, b: &str) -> Ordering {
    let key = |name: &str| {
        let mut parts: Vec<(String, Option<u128>)> = Vec::new();
        for c in name.chars() {
            let is_digit = c.is_ascii_digit();
            match parts.last_mut() {
                Some((part, number)) if number.is_some() == is_digit => part.push(c),
                _ => parts.push((c.to_string(), is_digit.then_some(0))),
            }
        }
        let parts = parts.into_iter().map(|(part, number)| (number.map(|_| part.parse::<u128>().unwrap_or(u128::MAX)), part));
        parts.collect::<Vec<_>>()
    };
    key(a).cmp(&key(b))
}

/// The next free name behind `version`: its last number and one (`v9`, `v10`), or, without a number at its
/// end, the name with the first free one.
pub fn next_name<'a>(version: &str, taken: impl IntoIterator<Item = &'a String>) -> String {
    let taken: BTreeSet<&String> = taken.into_iter().collect();
    let stem = version.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &version[stem.len()..];
    let (stem, first) = match digits.parse::<u32>() {
        Ok(number) => (stem.to_owned(), u64::from(number) + 1),
        Err(_) => (format!("{version}-"), 2),
    };
    let width = if digits.starts_with('0') { digits.len() } else { 0 };
    // One of so many names is free.
    let names = (first..=first + taken.len() as u64).map(|number| format!("{stem}{number:0width$}"));
    names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{by_number, next_name};

    #[test]
    fn the_next_name_counts_on_and_is_free() {
        let taken = ["v1", "v2", "v9", "2026-a", "2026-a-2", "007", "v99999999999999999999"].map(str::to_owned);
        let next = |version: &str| next_name(version, &taken);
        let names = ["v1", "v2", "v9", "2026-a", "007", "", "한국어", "v99999999999999999999"].map(next);
        assert_eq!(names, ["v3", "v3", "v10", "2026-a-3", "008", "-2", "한국어-2", "v99999999999999999999-2"]);
    }

    #[test]
    fn nine_comes_before_ten() {
        let mut names = ["v10", "v9", "v1", "w", "2026", "v1.2"];
        names.sort_by(|a, b| by_number(a, b));
        assert_eq!(names, ["v1", "v1.2", "v9", "v10", "w", "2026"]);
    }
}
