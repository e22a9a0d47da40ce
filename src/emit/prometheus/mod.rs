//! Prometheus: recording rules, alerts and their unit tests, as rule files and as one
//! PrometheusRule of them all.
//!
//! Everything is written for promtool 2.42 and later: no labels of groups, no fuzzy comparison.

mod alerts;
mod budget;
mod cost;
mod expected;
pub(super) mod experiment;
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

use self::rule::{Group, Rule};
use self::scope::Scope;
use super::promql::{self, Known};
use super::{Emitted, Estimates, labels, to_yaml};
use crate::diagnostic::{Diagnostic, Route};
use crate::stack::Stack;

/// The rule files, as the test files name them.
const RULES_FILE: &str = "rules.yaml";
const COST_RULES_FILE: &str = "cost.yaml";
const EXPERIMENT_RULES_FILE: &str = "experiments.yaml";
/// Seconds between two evaluations of rules over many hours.
const SLOW_INTERVAL_SECONDS: u64 = 120;

/// The rules of a stack, with their tests.
pub(super) fn emit(stack: &Stack, estimates: Estimates<'_>) -> Emitted {
    let mut out = Emitted::default();
    let groups = Groups::of(stack, estimates);
    // What others serve is not measured in the cluster.
    if groups.all().next().is_none() {
        return out;
    }
    out.faults.extend(lint(stack, &groups));
    out.file(format!("prometheus/{RULES_FILE}"), to_yaml(&rule::rule_file(groups.service.iter())));
    if !groups.cost.is_empty() {
        out.file(format!("prometheus/{COST_RULES_FILE}"), to_yaml(&rule::rule_file(groups.cost.iter())));
    }
    out.file("prometheus/tests.yaml", to_yaml(&unit_tests::test_file(stack, &groups)));
    if let Some(tests) = unit_tests::month_file(stack, &groups) {
        out.file("prometheus/cost-tests.yaml", to_yaml(&tests));
    }
    if !groups.experiments.is_empty() {
        out.file(format!("prometheus/{EXPERIMENT_RULES_FILE}"), to_yaml(&rule::rule_file(groups.experiments.iter())));
    }
    for (name, tests) in
        ["experiments-tests.yaml", "experiments-end-tests.yaml"].into_iter().zip(unit_tests::experiment_files(stack, &groups))
    {
        if let Some(tests) = tests {
            out.file(format!("prometheus/{name}"), to_yaml(&tests));
        }
    }
    out.object("prometheus/prometheus-rule.yaml", prometheus_rule(stack, rule::rule_file(groups.all())));
    out
}

/// All groups, in an order in which each reads only what was written before.
struct Groups {
    /// How models and guardrails do.
    service: Vec<Group>,
    /// What they cost, in a file of its own, so that a month of it is simulated in seconds.
    cost: Vec<Group>,
    /// Who gets what in experiments and how it goes, in a file of its own, whose tests take days.
    experiments: Vec<Group>,
}

impl Groups {
    fn of(stack: &Stack, estimates: Estimates<'_>) -> Self {
        let mut service = Vec::new();
        for model in stack.models.values() {
            let scope = Scope::of(stack, model);
            let slo = slo::objectives(&scope);
            let about = Route::of(["model", model.name.as_str()]);
            let mut rules = recordings::recordings(&scope);
            rules.extend(slo.rules);
            rules.extend(alerts::alerts(&scope));
            let name = format!("{}.model.{}", stack.name, model.name);
            if !slo.slow.is_empty() {
                let (name, interval_seconds) = (format!("{name}.slow"), Some(SLOW_INTERVAL_SECONDS));
                service.push(Group { name, interval_seconds, about: about.clone(), rules: slo.slow });
            }
            service.push(Group { name, interval_seconds: None, about, rules });
        }
        service.extend(guardrails::groups(stack));
        service.retain(|group| !group.rules.is_empty());
        Self { service, cost: Self::of_cost(stack, estimates), experiments: experiment::groups(stack) }
    }

    fn of_cost(stack: &Stack, estimates: Estimates<'_>) -> Vec<Group> {
        // Pools without a model cost nothing that could be measured.
        if stack.models.is_empty() {
            return Vec::new();
        }
        let mut groups = vec![
            prices::group(stack),
            cost::group(stack),
            expected::group(stack, estimates),
            month::group(stack),
            budget::group(stack, estimates.cost),
        ];
        groups.retain(|group| !group.rules.is_empty());
        groups
    }

    fn all(&self) -> impl Iterator<Item = &Group> {
        self.service.iter().chain(&self.cost).chain(&self.experiments)
    }

    fn rules(&self) -> impl Iterator<Item = (&Group, &Rule)> {
        self.all().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)))
    }
}

fn lint(stack: &Stack, groups: &Groups) -> Vec<Diagnostic> {
    let known = Known::of(stack);
    let faults =
        |(group, rule): (&Group, &Rule)| promql::diagnose(&group.about, rule.name(), rule.expr(), &promql::lint(rule.expr(), &known));
    groups.rules().flat_map(faults).collect()
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
