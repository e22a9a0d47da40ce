//! The lines in which two specs differ, and a spec with one of them changed.

use serde_json::Value;

use crate::diagnostic::Route;

/// Blocks of a spec that cost something or say what something costs.
const BLOCKS: [&str; 8] = ["pool", "model", "external", "guardrails", "prompt", "route", "prices", "budget"];
/// Fields of a prompt that move which model answers, and what is checked of it.
const OF_PROMPTS: [&str; 3] = ["live", "model", "guardrails"];
/// Fields of a model that move money most often, which are tried first.
const FIRST: [&str; 4] = ["replicas", "place", "load", "engine"];

/// A value that differs, or a block that is new or gone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Where it stands.
    pub(super) route: Route,
    /// The old value; none where it is new.
    pub(super) old: Option<Value>,
    /// The new value; none where it goes.
    pub(super) new: Option<Value>,
}

/// The lines in which `old` and `new` differ and that may cost something, those first that move money
/// most often. A list is one line, and so is a block that only one of them has.
pub(super) fn differing(old: &Value, new: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    for block in BLOCKS {
        collect(&Route::of([block]), old.get(block), new.get(block), &mut lines);
    }
    // Texts and sampling are many, and pricing each would take its time for nothing.
    lines.retain(|line| !line.route.as_str().starts_with("/prompt/") || OF_PROMPTS.contains(&line.route.last().as_str()));
    lines.sort_by_key(|line| (rank(&line.route), line.route.clone()));
    lines
}

fn collect(route: &Route, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<Line>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Value::Object(was)), Some(Value::Object(is))) => {
            for key in was.keys().chain(is.keys().filter(|key| !was.contains_key(*key))) {
                collect(&route.key(key), was.get(key), is.get(key), lines);
            }
        }
        _ => lines.push(Line { route: route.clone(), old: old.cloned(), new: new.cloned() }),
    }
}

fn rank(route: &Route) -> usize {
    let mut keys = route.as_str().split('/').skip(1);
    match (keys.next(), keys.nth(1)) {
        (Some("model"), Some(field)) => FIRST.iter().position(|first| *first == field).unwrap_or(FIRST.len()),
        _ => 0,
    }
}

/// `spec` with `value` at `route`, or without anything there. What `route` lies in is in `spec`, or nothing
/// is changed.
pub(super) fn with(spec: &Value, route: &Route, value: Option<&Value>) -> Value {
    let mut spec = spec.clone();
    let (Some(parent), key) = (route.parent(), route.last()) else { return spec };
    if let Some(Value::Object(fields)) = spec.pointer_mut(parent.as_str()) {
        match value {
            Some(value) => drop(fields.insert(key, value.clone())),
            None => drop(fields.shift_remove(&key)),
        }
    }
    spec
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{differing, with};

    #[test]
    fn lines_are_values_lists_and_whole_blocks() {
        let old = json!({ "stack": "a", "pool": { "x": { "nodes": 1, "gpu": "g" }, "y/z": { "nodes": 2 } }, "model": { "m": { "serve": 1, "replicas": { "min": 1 } } } });
        let new = json!({ "stack": "b", "pool": { "x": { "nodes": 2, "gpu": "g" } }, "model": { "m": { "serve": 2, "replicas": { "min": 1, "max": 3 } } } });
        let lines = differing(&old, &new);
        let routes: Vec<&str> = lines.iter().map(|line| line.route.as_str()).collect();
        assert_eq!(routes, ["/model/m/replicas/max", "/pool/x/nodes", "/pool/y~1z", "/model/m/serve"]);
        let all = lines.iter().fold(new.clone(), |spec, line| with(&spec, &line.route, line.old.as_ref()));
        assert_eq!(all["pool"], old["pool"], "every line together makes the old spec");
        assert_eq!(all["model"], old["model"]);
    }
}
