//! Unit tests of the rules in promtool's format, so that they prove themselves wherever they go.

use serde_json::{Value, json};

use super::rule::{Alert, Group, Input, Labels, Pace, Rule};
use super::scope::{POD_NAME_END, Scope};
use super::{COST_RULES_FILE, EXPERIMENT_RULES_FILE, Groups, RULES_FILE, experiment, month_tests, prices};
use crate::emit::promql::quote;
use crate::engine::Signal;
use crate::stack::Stack;

/// The test file over the rule files of service and cost.
pub(super) fn test_file(stack: &Stack, groups: &Groups) -> Value {
    let mut tests = tests_of(groups.service.iter().chain(&groups.cost), |pace| pace == Pace::Minute);
    tests.extend(stack.models.values().filter_map(|model| recording_test(&Scope::of(stack, model))));
    let mut files = vec![RULES_FILE];
    files.extend((!groups.cost.is_empty()).then_some(COST_RULES_FILE));
    // Every time that is looked at is a multiple of five minutes; each step evaluates every rule.
    file(&files, groups.service.iter().chain(&groups.cost), "5m", tests)
}

/// The test file of what takes days: a simulated month, and the alerts about one. `None` where nothing costs
/// anything.
pub(super) fn month_file(stack: &Stack, groups: &Groups) -> Option<Value> {
    let mut tests = tests_of(groups.cost.iter(), |pace| pace == Pace::Hour);
    tests.extend(month_tests::tests(stack)?);
    Some(file(&[COST_RULES_FILE], groups.cost.iter(), "1h", tests))
}

/// The test files of experiments: over two days, and on the day on which each ends.
pub(super) fn experiment_files(stack: &Stack, groups: &Groups) -> [Option<Value>; 2] {
    let of = |interval: &str, tests: Vec<Value>| {
        (!tests.is_empty()).then(|| file(&[EXPERIMENT_RULES_FILE], groups.experiments.iter(), interval, tests))
    };
    let mut days = tests_of(groups.experiments.iter(), |pace| pace == Pace::Hour);
    days.extend(experiment::recording_tests(stack));
    let end = tests_of(groups.experiments.iter(), |pace| matches!(pace, Pace::Minutes(_)));
    [of(&Pace::Hour.interval(), days), experiment::calendar(stack).and_then(|pace| of(&pace.interval(), end))]
}

fn file<'a>(rule_files: &[&str], groups: impl Iterator<Item = &'a Group>, evaluation_interval: &str, tests: Vec<Value>) -> Value {
    json!({
        "rule_files": rule_files,
        "evaluation_interval": evaluation_interval,
        "group_eval_order": groups.map(|group| group.name.as_str()).collect::<Vec<_>>(),
        "tests": tests,
    })
}

/// The tests of those alerts whose tests have a wanted pace.
fn tests_of<'a>(groups: impl Iterator<Item = &'a Group>, is_wanted: impl Fn(Pace) -> bool) -> Vec<Value> {
    let alerts = groups.flat_map(|group| &group.rules).filter_map(|rule| match rule {
        Rule::Alert(alert) => Some(alert),
        Rule::Record(_) => None,
    });
    alerts.filter(|alert| is_wanted(alert.cases.fires.input.pace)).flat_map(|alert| alert_tests(alert)).collect()
}

/// The tests of an alert; promtool compares every label and annotation.
fn alert_tests(alert: &Alert) -> Vec<Value> {
    let mut subject = alert.name.clone();
    for label in ["llmc_guardrails", "llmc_model", "llmc_objective", "llmc_experiment", "llmc_variant", "llmc_metric"] {
        subject.extend(alert.labels.get(label).map(|value| format!(" {value}")));
    }
    let test = |what: &str, input: &Input, expected: Value| {
        json!({
            "name": format!("{subject}: {what}"),
            "interval": input.pace.interval(),
            "input_series": input_series(input),
            "alert_rule_test": [{ "eval_time": format!("{}m", input.minutes), "alertname": alert.name, "exp_alerts": expected }],
        })
    };
    let fires = &alert.cases.fires;
    let expected = json!([{
        "exp_labels": alert.labels(),
        "exp_annotations": { "summary": alert.summary, "description": alert.description.expanded(&fires.value) },
    }]);
    let mut tests = vec![
        test("fires", &fires.input, expected),
        test("silent in good order", &alert.cases.good, json!([])),
        test("silent without traffic", &alert.cases.idle, json!([])),
    ];
    tests.extend(alert.cases.also_silent.iter().map(|(what, input)| test(&format!("silent on {what}"), input, json!([]))));
    tests
}

pub(super) fn input_series(input: &Input) -> Value {
    input.series.iter().map(|(series, values)| json!({ "series": series, "values": values })).collect()
}

/// A test of recorded values: two pods with known rates.
fn recording_test(scope: &Scope<'_>) -> Option<Value> {
    let (finished, generated) = (scope.name(Signal::Finished)?, scope.name(Signal::GenerationTokens)?);
    let (running, usage) = (scope.name(Signal::Running)?, scope.name(Signal::KvCacheUsage)?);
    let (reason, failure) = (scope.metrics.finish_reason_label, scope.metrics.failure_reasons.first()?);
    let second_pod = |series: String| series.replace(POD_NAME_END, "b7q4w");
    let gpus =
        |more: &[(&str, &str)]| scope.pod("kube_pod_container_resource_requests", &[&[("resource", "nvidia_com_gpu")], more].concat());
    let pool = scope.stack.pools.get(&scope.model.pool)?;
    let on_pool = ("llmc_pool", pool.name.as_str());
    let hourly = prices::PoolPrices::of(pool)?.model_hour(4)?.round_dp(6).to_string();
    let input = Input::after(
        15,
        [
            (scope.scraped(finished, &[(reason, "stop")]), "0+90x20".to_owned()),
            (second_pod(scope.scraped(finished, &[(reason, "stop")])), "0+90x20".to_owned()),
            (scope.scraped(finished, &[(reason, failure)]), "0+60x20".to_owned()),
            (scope.scraped(generated, &[]), "0+6000x20".to_owned()),
            (second_pod(scope.scraped(generated, &[])), "0+3000x20".to_owned()),
            (scope.scraped(running, &[]), "5x20".to_owned()),
            (second_pod(scope.scraped(running, &[])), "3x20".to_owned()),
            (scope.scraped(usage, &[]), "0.5x20".to_owned()),
            (second_pod(scope.scraped(usage, &[])), "0.25x20".to_owned()),
            // Of these four, only the first holds GPUs of this model, and the second is the same again.
            (gpus(&[("node", "gpu-1")]), "4x20".to_owned()),
            (gpus(&[("node", "gpu-1")]).replace("10.0.0.9:", "10.0.0.10:"), "4x20".to_owned()),
            (gpus(&[("container", "waiting-for-a-node")]), "4x20".to_owned()),
            (gpus(&[("node", "gpu-1")]).replace("-7d9c5b8f4-", "-large-7d9c5b8f4-"), "4x20".to_owned()),
        ],
    );
    let expect = |series: &str, value: &str, more: &[(&str, &str)]| {
        let selector = scope.series();
        let selector = more.iter().fold(selector, |selector, (label, value)| selector.equal(label, value));
        let mut labels = scope.labels();
        labels.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        json!({
            // Rounded, because the last bits of a float differ between versions of Prometheus.
            "expr": format!("round({}, 0.000001)", selector.of(series)),
            "eval_time": "15m",
            "exp_samples": [{ "labels": braces(&labels), "value": value.parse::<f64>().unwrap_or_default() }],
        })
    };
    let tests: Value = [
        expect("llmc:requests:rate5m", "4", &[]),
        expect("llmc:requests_failed:ratio5m", "0.25", &[]),
        expect("llmc:requests_by_reason:ratio5m", "0.75", &[("reason", "stop")]),
        expect("llmc:generation_tokens:rate5m", "150", &[]),
        expect("llmc:requests_running:sum", "8", &[]),
        expect("llmc:kv_cache_usage:avg", "0.375", &[]),
        expect("llmc:kv_cache_usage:max", "0.5", &[]),
        expect("llmc:gpus_allocated:sum", "4", &[on_pool]),
        expect("llmc:cost_per_hour:sum", &hourly, &[("currency", prices::currency(scope.stack)), on_pool]),
    ]
    .into_iter()
    .collect();
    Some(json!({
        "name": format!("recorded series of {}", scope.model.name),
        "interval": "1m",
        "input_series": input_series(&input),
        "promql_expr_test": tests,
    }))
}

pub(super) fn braces(labels: &Labels) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
    format!("{{{}}}", labels.join(", "))
}
