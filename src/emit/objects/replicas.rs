//! Numbers of copies: of workloads, of scalers, and of disruption budgets.

use serde_json::Value;

use super::node::Node;
use super::set::Set;
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static INVALID_REPLICAS: Rule = Rule {
    code: "LLMC-K112",
    name: "invalid-replicas",
    severity: Severity::Error,
    docs: "Numbers of copies contradict each other: a scaler's minimum is above its maximum, a rollout may neither add \
           nor remove a pod, or a disruption budget has both of its bounds. An API server or KEDA answers \
           `MinReplicaCount must be less than MaxReplicaCount` or `may not be 0 when maxSurge is 0`; schemas compare \
           no two fields.",
};

/// KEDA's bounds when a scaler does not say.
const DEFAULT_MAX_REPLICAS: i64 = 100;
/// Seconds that Kubernetes waits for progress when a Deployment does not say.
const DEFAULT_PROGRESS_SECONDS: i64 = 600;

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for template in &set.templates {
        not_negative(&template.owner.root(), "spec.replicas", out);
    }
    set.of_kind("Deployment").for_each(|deployment| rollout(&deployment.root(), out));
    set.of_kind("ScaledObject").for_each(|scaler| bounds(&scaler.root(), out));
    for budget in set.of_kind("PodDisruptionBudget") {
        let root = budget.root();
        let given: Vec<Node<'_>> = ["spec.minAvailable", "spec.maxUnavailable"].iter().filter_map(|path| root.at(path)).collect();
        if given.len() != 1 {
            out.push(root.finding(&INVALID_REPLICAS, "must have one of `spec.minAvailable` and `spec.maxUnavailable`"));
        }
        for node in &given {
            share(node, out);
        }
    }
}

fn not_negative(root: &Node<'_>, path: &str, out: &mut Vec<Diagnostic>) {
    if let Some(node) = root.at(path)
        && node.value.as_i64().is_some_and(|number| number < 0)
    {
        out.push(node.fault(&INVALID_REPLICAS, "may not be below zero"));
    }
}

/// A number of pods or a percentage; `None` when it is neither, which is reported.
fn share(node: &Node<'_>, out: &mut Vec<Diagnostic>) -> Option<u32> {
    let number = match node.value {
        Value::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
        Value::String(text) => text.strip_suffix('%').filter(|t| t.bytes().all(|b| b.is_ascii_digit())).and_then(|t| t.parse().ok()),
        _ => return None,
    };
    if number.is_none() {
        out.push(node.fault(&INVALID_REPLICAS, "must be a number of pods or a percentage such as `25%`"));
    }
    number
}

fn rollout(root: &Node<'_>, out: &mut Vec<Diagnostic>) {
    let minimum = root.integer("spec.minReadySeconds").unwrap_or(0);
    let progress = root.integer("spec.progressDeadlineSeconds").unwrap_or(DEFAULT_PROGRESS_SECONDS);
    if progress <= minimum {
        out.push(root.finding(&INVALID_REPLICAS, "has a `spec.progressDeadlineSeconds` that is not above `spec.minReadySeconds`"));
    }
    let Some(rolling) = root.at("spec.strategy.rollingUpdate") else { return };
    if root.text("spec.strategy.type") == Some("Recreate") {
        out.push(rolling.finding(&INVALID_REPLICAS, "may not stand beside the type `Recreate`"));
    }
    let [surge, unavailable] = ["maxSurge", "maxUnavailable"].map(|key| rolling.get(key).and_then(|node| share(&node, out)));
    if surge == Some(0) && unavailable == Some(0) {
        out.push(rolling.finding(&INVALID_REPLICAS, "may neither add nor remove a pod"));
    }
}

fn bounds(root: &Node<'_>, out: &mut Vec<Diagnostic>) {
    let keys = ["spec.minReplicaCount", "spec.maxReplicaCount", "spec.idleReplicaCount", "spec.pollingInterval", "spec.cooldownPeriod"];
    keys.iter().for_each(|path| not_negative(root, path, out));
    let least = root.integer("spec.minReplicaCount").unwrap_or(0);
    let most = root.integer("spec.maxReplicaCount").unwrap_or(DEFAULT_MAX_REPLICAS);
    if least > most {
        let message = format!("has a `spec.minReplicaCount` of {least}, above the `spec.maxReplicaCount` of {most}");
        out.push(root.finding(&INVALID_REPLICAS, message));
    }
    if let Some(idle) = root.at("spec.idleReplicaCount")
        && idle.value.as_i64().is_some_and(|number| number >= least)
    {
        out.push(idle.fault(&INVALID_REPLICAS, format!("must be below `spec.minReplicaCount`, {least}")));
    }
    if root.each("spec.triggers[]").is_empty() {
        out.push(root.finding(&INVALID_REPLICAS, "has no trigger to scale on"));
    }
}
