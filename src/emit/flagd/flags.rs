//! Experiments as flags of flagd (`https://flagd.dev/schema/v0/flags.json`).
//!
//! What the evaluators do with each construct was tried on `@openfeature/flagd-core` 4.0.1 and
//! `openfeature-flagd-core` 1.0.0 and 2.0.0; the judge in `tests/judges/flagd` tries it again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::emit::guardrails::configuration_id;
use crate::emit::kubernetes::prompts::{answerer, config_map_of};
use crate::experiment::assign::{USER_KEY, holdout_parts, holdout_text, slots};
use crate::stack::{Experiment, HashGeneration, Holdout, PARTS, Stack};

/// The variant of users who take no part: what is live.
const OFF: &str = "off";
/// Whom a holdout's `fractional` holds out, and whom it does not.
const IN: &str = "in";
const OUT: &str = "out";

/// The flags of `stack`, with the holdouts that they share.
pub(super) fn document(stack: &Stack) -> Value {
    let flags: Map<String, Value> = stack.experiments.values().map(|one| (one.name.clone(), flag(stack, one))).collect();
    let running = stack.experiments.values().filter(|experiment| experiment.is_running());
    let holdouts: BTreeMap<String, Value> =
        running.filter_map(|experiment| experiment.holdout.as_ref()).map(|one| (evaluator_name(one), evaluator(one))).collect();
    let mut document = json!({
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "metadata": { "flagSetId": stack.object_name("experiments") },
        "flags": flags,
    });
    if !holdouts.is_empty() {
        document["$evaluators"] = json!(holdouts);
    }
    document
}

fn flag(stack: &Stack, experiment: &Experiment) -> Value {
    let mut variants: Map<String, Value> =
        experiment.arms.iter().map(|(name, arm)| (name.clone(), variant(stack, experiment, &arm.version))).collect();
    let live = stack.prompts.get(&experiment.prompt).map(|prompt| prompt.live.as_str()).unwrap_or_default();
    variants.insert(OFF.into(), variant(stack, experiment, live));
    let mut flag = json!({
        "state": "ENABLED",
        // Also what flagd answers where a rule gives nothing.
        "defaultVariant": OFF,
        "variants": variants,
        "metadata": {
            "experiment": experiment.name,
            "hash": match stack.flagd.hash { HashGeneration::V2 => "flagd-v2", HashGeneration::V3 => "flagd-v3" },
            "revision": experiment.revision,
            "stack": stack.name,
            "state": experiment.state,
            "step": experiment.step,
        },
    });
    // Without targeting everybody gets the default.
    if experiment.is_running() {
        flag["targeting"] = json!({ "if": conditions(experiment) });
    }
    flag
}

/// Who is `off`, in pairs of a condition and its variant, then the arm of the rest.
fn conditions(experiment: &Experiment) -> Vec<Value> {
    let user = json!({ "var": USER_KEY });
    // `cat` would make the same text of every user without a key, and put all of them into one arm.
    let mut conditions = vec![json!({ "!": [user] })];
    conditions.extend(experiment.holdout.as_ref().map(|holdout| json!({ "$ref": evaluator_name(holdout) })));
    for (name, attribute) in &experiment.audience {
        let is_in = |list: &[String]| json!({ "in": [{ "var": name }, list] });
        if !attribute.one_of.is_empty() {
            conditions.push(json!({ "!": [is_in(&attribute.one_of)] }));
        }
        if !attribute.none_of.is_empty() {
            conditions.push(is_in(&attribute.none_of));
        }
    }
    let arms = slots(experiment).into_iter().map(|slot| (if slot.is_active { slot.owner } else { OFF }, slot.parts));
    let mut rule: Vec<Value> = conditions.into_iter().flat_map(|condition| [condition, json!(OFF)]).collect();
    rule.push(fractional(&experiment.salt(), arms));
    rule
}

/// Users by parts of all: `salt` and the user's key are written out, since the shorthand would deal all users
/// anew with the flag's name, and differs between the generations of the hash in one more way.
fn fractional<'a>(salt: &str, parts: impl Iterator<Item = (&'a str, u32)>) -> Value {
    let mut arguments = vec![json!({ "cat": [salt, { "var": USER_KEY }] })];
    arguments.extend(parts.map(|(name, parts)| json!([name, parts])));
    json!({ "fractional": arguments })
}

/// The shared rule that says whether a user is held out. flagd puts it in place of each reference as text, in
/// which a `$` would refer to a group of a regular expression; the names of holdouts have none.
fn evaluator(holdout: &Holdout) -> Value {
    let held = holdout_parts(holdout);
    json!({ "==": [fractional(&holdout_text(&holdout.name), [(IN, held), (OUT, PARTS - held.min(PARTS))].into_iter()), IN] })
}

fn evaluator_name(holdout: &Holdout) -> String {
    format!("llmc-holdout-{}", holdout.name)
}

/// What an application needs to know of a version: where its prompt stands, and whom to ask.
fn variant(stack: &Stack, experiment: &Experiment, version: &str) -> Value {
    let mut fields = Map::from_iter([
        ("config_map".to_owned(), json!(config_map_of(stack, &experiment.prompt, version))),
        ("prompt".to_owned(), json!(format!("{}@{version}", experiment.prompt))),
        ("version".to_owned(), json!(version)),
    ]);
    let route = stack.routes.get(&experiment.route);
    if let Some((route, answer)) = route.and_then(|route| Some((route, route.answers.get(version)?))) {
        let (kind, name) = answerer(&answer.target);
        fields.insert(kind.into(), json!(name));
        if let Some(guardrails) = &answer.guardrails {
            fields.insert("guardrails".into(), json!(guardrails));
            fields.insert("guardrails_config".into(), json!(configuration_id(route, &answer.target)));
        }
    }
    let pin = stack.lock.prompts.get(&experiment.prompt).and_then(|versions| versions.get(version));
    if let Some(used) = pin.and_then(|pin| pin.routes.get(&experiment.route)) {
        fields.insert("sha256".into(), json!(used.sha256));
    }
    fields.sort_keys();
    Value::Object(fields)
}
