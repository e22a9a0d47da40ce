//! Prometheus: recording rules, alerts and their unit tests, as a rule file and as a
//! PrometheusRule.
//!
//! Everything is written for promtool 2.42 and later: no labels of groups, no fuzzy comparison.

mod alerts;
mod budget;
mod cost;
mod expected;
mod guardrails;
mod month;
mod month_tests;
mod prices;
mod recordings;
mod rule;
mod scope;
mod slo;
mod unit_tests;

use serde_json::{Value, json};

use self::rule::Group;
use self::scope::Scope;
use super::promql::{self, Known};
use super::{Emitted, Estimates, labels, to_yaml};
use crate::cost::Cost;
use crate::diagnostic::{Diagnostic, Route};
use crate::stack::Stack;

/// The rule file, as the test file names it.
const RULES_FILE: &str = "rules.yaml";
/// Seconds between two evaluations of rules over many hours.
const SLOW_INTERVAL_SECONDS: u64 = 120;

/// The rules of a stack, with their tests.
pub(super) fn emit(stack: &Stack, estimates: Estimates<'_>) -> Emitted {
    let mut out = Emitted::default();
    let groups = groups(stack, estimates.cost);
    // What others serve is not measured in the cluster.
    if groups.is_empty() {
        return out;
    }
    out.faults.extend(lint(stack, &groups));
    let rules = rule::rule_file(&groups);
    out.file(format!("prometheus/{RULES_FILE}"), to_yaml(&rules));
    out.file("prometheus/tests.yaml", to_yaml(&unit_tests::test_file(stack, &groups)));
    if let Some(tests) = unit_tests::month_file(stack, &groups) {
        out.file("prometheus/month.tests.yaml", to_yaml(&tests));
    }
    out.object("prometheus/prometheus-rule.yaml", prometheus_rule(stack, rules));
    out
}

/// All groups, in an order in which each reads only what was written before.
fn groups(stack: &Stack, cost: Option<&Cost>) -> Vec<Group> {
    let mut groups = Vec::new();
    // Pools without a model cost nothing that could be measured.
    if !stack.models.is_empty() {
        groups.push(prices::group(stack));
    }
    for model in stack.models.values() {
        let scope = Scope::of(stack, model);
        let slo = slo::objectives(&scope);
        let about = Route::of(["model", model.name.as_str()]);
        let mut rules = recordings::recordings(&scope);
        rules.push(cost::allocated(&scope));
        rules.extend(slo.rules);
        rules.extend(alerts::alerts(&scope));
        let name = format!("{}.model.{}", stack.name, model.name);
        if !slo.slow.is_empty() {
            let (name, interval_seconds) = (format!("{name}.slow"), Some(SLOW_INTERVAL_SECONDS));
            groups.push(Group { name, interval_seconds, about: about.clone(), rules: slo.slow });
        }
        groups.push(Group { name, interval_seconds: None, about, rules });
    }
    groups.extend(guardrails::groups(stack));
    if !stack.models.is_empty() {
        let spent = cost::group(stack);
        if !spent.rules.is_empty() {
            groups.extend([spent, expected::group(stack, cost), month::group(stack), budget::group(stack, cost)]);
        }
    }
    groups.retain(|group| !group.rules.is_empty());
    groups
}

fn lint(stack: &Stack, groups: &[Group]) -> Vec<Diagnostic> {
    let known = Known::of(stack);
    let rules = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    rules.flat_map(|(group, rule)| promql::diagnose(&group.about, rule.name(), rule.expr(), &promql::lint(rule.expr(), &known))).collect()
}

fn prometheus_rule(stack: &Stack, spec: Value) -> Value {
    let mut labels = labels::labels(stack, "monitoring", &stack.name);
    labels.extend(stack.monitoring.labels.clone());
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": { "name": stack.object_name("rules"), "namespace": stack.namespace, "labels": labels },
        "spec": spec,
    })
}

/// A number as `%.4g` of Go prints it, for magnitudes that need no exponent.
fn four_digits(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let before_point = value.abs().log10().floor() as i32;
    let decimals = usize::try_from(3 - before_point).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests;
