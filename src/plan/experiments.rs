//! What happens to experiments: who gets another version than before.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::RiskLevel;
use crate::spec::{Experiment, ExperimentState, Spec};

/// Parts that all users are dealt into.
const PARTS: f64 = 10_000.0;

/// Something that happens to an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExperimentChange {
    /// Name of the experiment.
    pub experiment: String,
    /// What happens, in words.
    pub what: String,
    /// How bad it may be.
    pub level: RiskLevel,
}

/// What happens to the experiments of both specs, sorted by name.
pub(super) fn changes(old: Option<&Spec>, new: Option<&Spec>) -> Vec<ExperimentChange> {
    let Some(new) = new else { return Vec::new() };
    let none = std::collections::BTreeMap::new();
    let before = old.map_or(&none, |old| &old.experiment);
    let names: BTreeSet<&String> = before.keys().chain(new.experiment.keys()).collect();
    let hash = |spec: &Spec| spec.flagd.as_ref().map(|flagd| flagd.hash).unwrap_or_default();
    let rehashed = old.is_some_and(|old| hash(old) != hash(new));
    let mut changes = Vec::new();
    for name in names {
        let mut add = |level, what: String| changes.push(ExperimentChange { experiment: name.clone(), what, level });
        match (before.get(name), new.experiment.get(name)) {
            (None, Some(now)) if is_running(now) => add(RiskLevel::Low, format!("`{name}` starts: {}", begin(now))),
            (None, Some(_)) => add(RiskLevel::Low, format!("`{name}` is new, and stopped")),
            (Some(was), None) if is_running(was) => {
                add(RiskLevel::Low, format!("`{name}` is removed while it runs: everybody gets what is live"));
            }
            (Some(_), None) => add(RiskLevel::Low, format!("`{name}` is removed; it was stopped")),
            (Some(was), Some(now)) => between(name, was, now, rehashed, &mut add),
            (None, None) => {}
        }
    }
    changes
}

fn between(name: &str, was: &Experiment, now: &Experiment, rehashed: bool, add: &mut dyn FnMut(RiskLevel, String)) {
    match (is_running(was), is_running(now)) {
        (true, false) => return add(RiskLevel::Low, format!("`{name}` stops: everybody gets what is live")),
        (false, true) => return add(RiskLevel::Low, format!("`{name}` starts again: {}", begin(now))),
        (false, false) => return,
        (true, true) => {}
    }
    if was.revision != now.revision {
        let what = format!(
            "revision of `{name}` goes from {} to {}: all users are dealt anew, and what was counted before is not comparable",
            was.revision, now.revision
        );
        add(RiskLevel::Medium, what);
    } else if rehashed {
        add(RiskLevel::Medium, format!("`{name}` deals all users anew, because the hash of flagd changes while it runs"));
    }
    if was.route != now.route {
        add(RiskLevel::Medium, format!("`{name}` moves from route `{}` to `{}`", was.route, now.route));
    }
    if was.control != now.control {
        add(RiskLevel::Medium, format!("the control of `{name}` changes from `{}` to `{}` while it runs", was.control, now.control));
    }
    arms(name, was, now, add);
    if let (Some(from), Some(to)) = (share(was), share(now))
        && (from - to).abs() > 1e-9
    {
        let parts = ((to - from) * PARTS / 100.0).round();
        let (more, whose) = if parts < 0.0 { ("fewer", ", whose users go back to what is live") } else { ("more", "") };
        let parts = crate::diagnostic::thousands(parts.abs() as u64);
        let level = if to < from { RiskLevel::Medium } else { RiskLevel::Low };
        add(level, format!("ramp of `{name}` goes from {from} to {to} %: {parts} {more} of 10,000 parts{whose}"));
    }
    if was.audience.len() != now.audience.len()
        || was.audience.iter().zip(&now.audience).any(|((a, x), (b, y))| a != b || x.one_of != y.one_of || x.none_of != y.none_of)
    {
        add(RiskLevel::Medium, format!("the audience of `{name}` changes while it runs, so that other users take part"));
    }
    let holdout = |experiment: &Experiment| experiment.holdout.as_ref().map(|holdout| (holdout.name.clone(), holdout.percent.to_string()));
    if holdout(was) != holdout(now) {
        add(RiskLevel::Medium, format!("the holdout of `{name}` changes while it runs, so that other users take part"));
    }
}

/// What becomes of the variants of an experiment that runs on.
fn arms(name: &str, was: &Experiment, now: &Experiment, add: &mut dyn FnMut(RiskLevel, String)) {
    let names: BTreeSet<&String> = was.variant.keys().chain(now.variant.keys()).collect();
    for arm in names {
        match (was.variant.get(arm), now.variant.get(arm)) {
            (Some(a), Some(b)) => {
                if a.prompt != b.prompt {
                    let what = format!("variant `{arm}` of `{name}` changes from version `{}` to `{}` while it runs", a.prompt, b.prompt);
                    add(RiskLevel::Medium, what);
                }
                if (a.weight - b.weight).abs() > 1e-9 {
                    let what = format!(
                        "weight of variant `{arm}` of `{name}` goes from {} to {} while it runs, so users change arms",
                        a.weight, b.weight
                    );
                    add(RiskLevel::Medium, what);
                }
            }
            (Some(_), None) => add(RiskLevel::Medium, format!("variant `{arm}` of `{name}` is removed while it runs")),
            (None, Some(_)) => add(RiskLevel::Medium, format!("variant `{arm}` of `{name}` is added while it runs")),
            (None, None) => {}
        }
    }
}

fn is_running(experiment: &Experiment) -> bool {
    experiment.state == ExperimentState::Running
}

/// Percent of the users on other variants than the control; none where the step is not one of the ramp.
fn share(experiment: &Experiment) -> Option<f64> {
    let control = experiment.variant.get(&experiment.control)?;
    if experiment.ramp.is_empty() {
        return Some(100.0 - control.weight);
    }
    experiment.ramp.get(usize::try_from(experiment.step).ok()?.checked_sub(1)?).copied()
}

/// Who takes part from the first day on.
fn begin(now: &Experiment) -> String {
    let others = now.variant.iter().filter(|(name, _)| **name != now.control);
    let versions: Vec<String> = others.map(|(name, variant)| format!("`{}` as `{name}`", variant.prompt)).collect();
    let share = share(now).map_or_else(|| "an unknown share".to_owned(), |share| format!("{share} %"));
    format!("{share} of the users of route `{}` get {}", now.route, versions.join(" or "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::changes;
    use crate::spec::Spec;

    fn spec(edit: impl Fn(&mut Value)) -> Spec {
        let mut value = json!({
            "stack": "s", "namespace": "n",
            "experiment": { "try": {
                "route": "chat", "ramp": [10.0, 25.0, 30.0], "step": 1, "revision": 1,
                "variant": { "control": { "weight": 70.0, "prompt": "v1" }, "new": { "weight": 30.0, "prompt": "v2" } },
                "metric": { "quality": { "baseline": 0.5, "minimum-effect": 0.1 } },
            } },
        });
        edit(&mut value);
        serde_json::from_value(value).expect("a spec")
    }

    fn words(old: &Spec, new: &Spec) -> Vec<String> {
        changes(Some(old), Some(new)).into_iter().map(|change| change.what).collect()
    }

    fn at(path: &str, value: Value) -> Spec {
        spec(|spec| *spec.pointer_mut(path).expect("a place") = value.clone())
    }

    #[test]
    fn each_change_is_a_sentence_of_its_own() {
        let (base, none) = (spec(|_| {}), spec(|spec| spec["experiment"] = json!({})));
        let stopped = spec(|spec| spec["experiment"]["try"]["state"] = json!("stopped"));
        assert_eq!(words(&base, &base), [""; 0]);
        assert_eq!(words(&none, &base), ["`try` starts: 10 % of the users of route `chat` get `v2` as `new`"]);
        assert_eq!(words(&base, &none), ["`try` is removed while it runs: everybody gets what is live"]);
        assert_eq!(words(&base, &stopped), ["`try` stops: everybody gets what is live"]);
        assert_eq!(words(&stopped, &base), ["`try` starts again: 10 % of the users of route `chat` get `v2` as `new`"]);
        let (second, third) = (at("/experiment/try/step", json!(2)), at("/experiment/try/step", json!(3)));
        assert_eq!(words(&base, &second), ["ramp of `try` goes from 10 to 25 %: 1,500 more of 10,000 parts"]);
        assert_eq!(
            words(&third, &second),
            ["ramp of `try` goes from 30 to 25 %: 500 fewer of 10,000 parts, whose users go back to what is live"]
        );
        let anew = words(&base, &at("/experiment/try/revision", json!(2)));
        assert!(anew.len() == 1 && anew[0].starts_with("revision of `try` goes from 1 to 2: all users are dealt anew"), "{anew:?}");
        let rehashed = words(&base, &spec(|spec| spec["flagd"] = json!({ "hash": "v3" })));
        assert!(rehashed.len() == 1 && rehashed[0].contains("deals all users anew"), "{rehashed:?}");
        let other = words(&base, &at("/experiment/try/variant/new/prompt", json!("v3")));
        assert_eq!(other, ["variant `new` of `try` changes from version `v2` to `v3` while it runs"]);
    }
}
