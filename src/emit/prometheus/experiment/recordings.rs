//! What dashboards and alerts read of an experiment.

use serde_json::{Value, json};

use super::ratio::{SAMPLE_RATIO, Split};
use super::{EVALUATIONS, OFF, Scope, any_of};
use crate::emit::prometheus::rule::{Input, Labels, Recording, Rule};
use crate::emit::prometheus::unit_tests::{braces, input_series};
use crate::stack::Stack;

/// Evaluations of a day that ended in each arm, and in none.
pub(in crate::emit) const ARMS: &str = "llmc:experiment_evaluations:increase1d";
/// Share of the arms' evaluations that each is to have.
pub(in crate::emit) const EXPECTED: &str = "llmc:experiment_expected_share:constant";
/// Mean of an outcome over a day, by arm, and how many it is the mean of.
pub(in crate::emit) const MEAN: &str = "llmc:experiment_outcome:mean1d";
pub(super) const COUNT: &str = "llmc:experiment_outcomes:increase1d";
/// Hours of the tests: more than the day that is looked back on.
pub(super) const TEST_HOURS: u32 = 30;

/// The recording rules of a running experiment.
pub(super) fn recordings(scope: &Scope<'_>) -> Vec<Rule> {
    let record = |name, expr: String, more: &[(&str, &str)]| {
        let mut labels = scope.labels();
        labels.extend(more.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())));
        Rule::Record(Recording { name, expr, labels })
    };
    let split = Split::of(scope.experiment);
    let mut rules: Vec<Rule> =
        split.arms.iter().map(|(arm, _)| record(EXPECTED, format!("vector({})", split.share(arm)), &[("variant", arm)])).collect();
    let names = any_of(split.arms.iter().map(|(name, _)| name.as_str()).chain([OFF]));
    let all = scope.evaluations().of(EVALUATIONS);
    let dealt = scope.evaluations().matches("feature_flag_result_variant", &names).of(EVALUATIONS);
    let by_variant = format!(r#"label_replace(increase({dealt}[1d]), "variant", "$1", "feature_flag_result_variant", "(.*)")"#);
    rules.push(record(ARMS, format!("sum by (variant) ({by_variant})"), &[]));
    let off = scope.evaluations().equal("feature_flag_result_variant", OFF).of(EVALUATIONS);
    // Off has no series before the first user gets it.
    let off = format!("(sum(increase({off}[1d])) or vector(0)) / (sum(increase({all}[1d])) > 0)");
    rules.push(record("llmc:experiment_off:ratio1d", off, &[]));
    if split.is_comparable() {
        rules.push(record(SAMPLE_RATIO, split.chi_square_expr(scope), &[]));
    }
    let outcomes = scope.outcomes();
    let grown = |name: &str| format!("sum by (variant, metric) (increase({}[1d]))", outcomes.of(name));
    rules.push(record(COUNT, grown("llmc_experiment_value_count"), &[]));
    rules.push(record(MEAN, format!("{} / ({} > 0)", grown("llmc_experiment_value_sum"), grown("llmc_experiment_value_count")), &[]));
    rules
}

/// Tests of recorded values, for each running experiment.
pub(in crate::emit::prometheus) fn tests(stack: &Stack) -> Vec<Value> {
    stack
        .experiments
        .values()
        .filter(|experiment| experiment.is_running())
        .filter_map(|experiment| test(&Scope { stack, experiment }))
        .collect()
}

/// As many evaluations of each arm in an hour as it has parts, half as many again of nobody's, and outcomes
/// whose mean is 2 in the control.
fn test(scope: &Scope<'_>) -> Option<Value> {
    let experiment = scope.experiment;
    let split = Split::of(experiment);
    let metric = experiment.metrics.keys().next()?;
    let control = &experiment.control;
    let off = split.active() / 2 + 1;
    let mut series = split.series(scope, |_, parts| parts);
    series.push((scope.counted(OFF, "TARGETING_MATCH"), format!("0+{off}x40")));
    // Nobody's flag, and an arm that is no longer there.
    series.push((scope.counted(control, "SPLIT").replace(&format!("\"{}\"", experiment.name), "\"another\""), "0+7777x40".into()));
    series.push((scope.reported("llmc_experiment_value_sum", control, metric), "0+200x40".into()));
    series.push((scope.reported("llmc_experiment_value_count", control, metric), "0+100x40".into()));
    // What the spec does not name is no outcome of the experiment.
    series.push((scope.reported("llmc_experiment_value_sum", control, "unknown"), "0+900x40".into()));
    series.push((scope.reported("llmc_experiment_value_count", control, "unknown"), "0+300x40".into()));
    let expect = |name: &str, more: &[(&str, &str)], value: f64| {
        let mut labels: Labels = scope.labels();
        labels.extend(more.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())));
        let selector = more.iter().fold(scope.recorded(), |selector, (label, value)| selector.equal(label, value));
        json!({
            // Rounded, because the last bits of a float differ between versions of Prometheus.
            "expr": format!("round({}, 0.0001)", selector.of(name)),
            "eval_time": format!("{TEST_HOURS}h"),
            "exp_samples": [{ "labels": braces(&labels), "value": value }],
        })
    };
    let outcome = [("variant", control.as_str()), ("metric", metric.as_str())];
    let off_share = f64::from(off) / f64::from(off + split.active());
    let mut tests = vec![
        expect("llmc:experiment_off:ratio1d", &[], (off_share * 1e4).round() / 1e4),
        expect(ARMS, &[("variant", OFF)], f64::from(off * 24)),
        expect(COUNT, &outcome, 2400.0),
        expect(MEAN, &outcome, 2.0),
    ];
    tests.push(json!({
        "expr": format!("count({})", scope.recorded().of(MEAN)),
        "eval_time": format!("{TEST_HOURS}h"),
        "exp_samples": [{ "labels": "{}", "value": 1 }],
    }));
    for (arm, parts) in &split.arms {
        tests.push(expect(ARMS, &[("variant", arm)], f64::from(parts * 24)));
        tests.push(expect(EXPECTED, &[("variant", arm)], (split.share(arm).parse::<f64>().ok()? * 1e4).round() / 1e4));
    }
    if split.is_comparable() {
        tests.push(expect(SAMPLE_RATIO, &[], 0.0));
    }
    Some(json!({
        "name": format!("recorded series of {}", experiment.name),
        "interval": "1h",
        "input_series": input_series(&Input::hourly(TEST_HOURS, series)),
        "promql_expr_test": tests,
    }))
}
