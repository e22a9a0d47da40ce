//! Blocks and stacks that go on under another name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::record::Record;
use crate::emit::{FileSet, Tree};

/// Fields of a model that its applications choose and that say nothing about which model it is.
const NOT_ITSELF: [&str; 3] = ["load", "objective", "drain"];
/// Blocks of the spec that say what a stack is.
const BLOCKS: [&str; 6] = ["pool", "model", "external", "prompt", "guardrails", "route"];
/// Least share of equal values between a stack and its old form.
const LEAST_SHARE: f64 = 0.8;

/// Old names by what they became, as old and new.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// Pools.
    pub(super) pool: BTreeMap<String, String>,
    /// Models.
    pub(super) model: BTreeMap<String, String>,
    /// Guardrail configurations.
    pub(super) guardrails: BTreeMap<String, String>,
}

impl Renames {
    /// The renamed blocks between two records.
    pub(super) fn of(old: &Record, new: &Record) -> Self {
        let (Some(old), Some(new)) = (old.value(), new.value()) else { return Self::default() };
        let pool = renamed(old, new, "pool", Value::clone);
        let placed = |model: &Value, pools: &BTreeMap<String, String>| {
            let mut model = model.clone();
            if let Some(fields) = model.as_object_mut() {
                NOT_ITSELF.iter().for_each(|field| drop(fields.shift_remove(*field)));
            }
            if let Some(Value::String(name)) = model.pointer_mut("/place/pool")
                && let Some(next) = pools.get(name)
            {
                name.clone_from(next);
            }
            model
        };
        // New names map to themselves, since no old name is a new one.
        let model = renamed(old, new, "model", |model| placed(model, &pool));
        let guardrails = renamed(old, new, "guardrails", Value::clone);
        Self { pool, model, guardrails }
    }

    /// The path that an old file has under the new names.
    pub(super) fn path(&self, path: &str) -> String {
        let parts: Vec<&str> = path.splitn(3, '/').collect();
        let [folder, name, rest] = parts.as_slice() else { return path.to_owned() };
        let names = match *folder {
            "kubernetes" => &self.model,
            "guardrails" => &self.guardrails,
            _ => return path.to_owned(),
        };
        names.get(*name).map_or_else(|| path.to_owned(), |name| format!("{folder}/{name}/{rest}"))
    }
}

/// The blocks of `kind` that are gone, each with the one new block that says the same. Where two say
/// the same, which became which is not known, and none is a rename.
fn renamed(old: &Value, new: &Value, kind: &str, itself: impl Fn(&Value) -> Value) -> BTreeMap<String, String> {
    let blocks = |record: &Value, other: &Value| {
        let has = |name: &str| other.get(kind).and_then(|blocks| blocks.get(name)).is_some();
        let mut by_content: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, block) in record.get(kind).and_then(Value::as_object).into_iter().flatten().filter(|(name, _)| !has(name)) {
            by_content.entry(itself(block).to_string()).or_default().push(name.clone());
        }
        by_content
    };
    let mut new_by_content = blocks(new, old);
    let pairs = blocks(old, new).into_iter().filter_map(|(content, old)| Some((old, new_by_content.remove(&content)?)));
    pairs
        .filter_map(|(old, new)| match (old.as_slice(), new.as_slice()) {
            ([old], [new]) => Some((old.clone(), new.clone())),
            _ => None,
        })
        .collect()
}

/// Whether `old`, whose stack is gone, is the old form of the stack `new` under another name: both
/// say nearly the same in their pools, models, prompts, guardrails and routes. With several such
/// trees, which one became the stack is not known.
pub fn is_rename(old: &Tree, new: &FileSet) -> bool {
    let (old, new) = (Record::of(old), Record::of(&Tree::from(new)));
    let (Some(old), Some(new)) = (old.value(), new.value()) else { return false };
    if old.get("stack") == new.get("stack") {
        return false;
    }
    let (old, new) = (leaves(old), leaves(new));
    let shared = old.iter().filter(|(path, value)| new.get(*path) == Some(*value)).count();
    let all = old.len() + new.len() - shared;
    all > 0 && shared as f64 / all as f64 >= LEAST_SHARE
}

/// Every value of the blocks by its path.
fn leaves(record: &Value) -> BTreeMap<String, &Value> {
    let mut leaves = BTreeMap::new();
    let mut open: Vec<(String, &Value)> = BLOCKS.iter().filter_map(|block| Some(((*block).to_owned(), record.get(*block)?))).collect();
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                open.extend(fields.iter().map(|(key, value)| (format!("{path}\u{0}{key}"), value)));
            }
            other => drop(leaves.insert(path, other)),
        }
    }
    leaves
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Renames, renamed};

    fn names(old: Value, new: Value) -> Vec<(String, String)> {
        renamed(&json!({ "pool": old }), &json!({ "pool": new }), "pool", Value::clone).into_iter().collect()
    }

    #[test]
    fn only_what_is_gone_and_alone_in_what_it_says_is_renamed() {
        let one = |old: &str, new: &str| vec![(old.to_owned(), new.to_owned())];
        assert_eq!(names(json!({ "a": 1, "b": 2 }), json!({ "c": 1, "b": 2 })), one("a", "c"));
        assert_eq!(names(json!({ "a": 1 }), json!({ "c": 2 })), [], "it says something else");
        assert_eq!(names(json!({ "a": 1 }), json!({ "a": 2, "c": 1 })), [], "it is still there");
        assert_eq!(names(json!({ "a": 1, "b": 1 }), json!({ "c": 1 })), [], "which of the two?");
        assert_eq!(names(json!({ "a": 1 }), json!({ "c": 1, "d": 1 })), [], "which of the two?");
        assert_eq!(names(json!({ "a": 1, "b": 2 }), json!({ "x": 2, "y": 1 })), [one("a", "y"), one("b", "x")].concat());
        assert_eq!(names(json!(3), json!([])), []);
    }

    #[test]
    fn files_follow_their_block() {
        let mut renames = Renames::default();
        renames.model.insert("a".into(), "b".into());
        assert_eq!(renames.path("kubernetes/a/service.yaml"), "kubernetes/b/service.yaml");
        for same in ["kubernetes/c/service.yaml", "guardrails/a/service.yaml", "kubernetes/a", "a", ""] {
            assert_eq!(renames.path(same), same);
        }
    }
}
