//! Prometheus' own word on the rules, and proof that the rules' tests can fail.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Run, compile, copy, example_stacks, judge, root, yaml};

/// The rule files of a stack with models, and their tests; experiments only where the stack has some.
const RULES: [&str; 3] = ["rules.yaml", "cost.yaml", "experiments.yaml"];
const TESTS: [&str; 4] = ["tests.yaml", "cost-tests.yaml", "experiments-tests.yaml", "experiments-end-tests.yaml"];
/// How the names of files about experiments begin.
const EXPERIMENTS: &str = "experiments";

/// A compiled stack in a folder of its own.
struct Compiled {
    folder: TempDir,
    name: String,
}

impl Compiled {
    /// Compiles the example `name`, whose spec is first changed by `edit`.
    fn edited(name: &str, edit: impl Fn(String) -> String) -> Self {
        let folder = TempDir::new().expect("a folder");
        let source = folder.path().join("stacks").join(name);
        copy(&root().join("stacks").join(name), &source);
        for spec in ["stack.kdl", "stack.yaml"].map(|spec| source.join(spec)).into_iter().filter(|spec| spec.exists()) {
            let text = std::fs::read_to_string(&spec).expect("text");
            std::fs::write(&spec, edit(text)).expect("written");
        }
        compile(&source, &folder.path().join("out"));
        Self { folder, name: name.into() }
    }

    fn example(name: &str) -> Self {
        Self::edited(name, |text| text)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("out").join(&self.name).join("prometheus").join(file)
    }

    /// Those of `files` that the stack has: all but what is about experiments must be there.
    fn there(&self, files: &'static [&'static str]) -> Vec<&'static str> {
        files.iter().copied().filter(|file| !file.starts_with(EXPERIMENTS) || self.path(file).exists()).collect()
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).expect("an emitted file")
    }

    fn yaml(&self, file: &str) -> Value {
        yaml(&self.text(file))
    }

    /// Edits all rule files; one of them at least must change.
    fn rewrite_rules(&self, edit: impl Fn(String) -> String) {
        let mut is_changed = false;
        for file in self.there(&RULES) {
            let before = self.text(file);
            let after = edit(before.clone());
            is_changed |= before != after;
            std::fs::write(self.path(file), after).expect("written");
        }
        assert!(is_changed, "the edit changed nothing");
    }

    /// Every rule of all files.
    fn rules(&self) -> Vec<Value> {
        self.there(&RULES).iter().flat_map(|file| rules(&self.yaml(file)).into_iter().cloned().collect::<Vec<_>>()).collect()
    }

    fn judged(&self, task: &str, files: &[&str]) -> Run {
        let paths: Vec<String> = files.iter().map(|file| self.path(file).to_string_lossy().into_owned()).collect();
        judge("promtool", &std::iter::once(task).chain(paths.iter().map(String::as_str)).collect::<Vec<_>>(), "")
    }

    fn check(&self) -> Run {
        self.judged("check", &self.there(&RULES))
    }

    fn test(&self) -> Run {
        self.judged("test", &self.there(&TESTS))
    }
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Every rule of a rule file.
fn rules(file: &Value) -> Vec<&Value> {
    items(file, "groups").iter().flat_map(|group| items(group, "rules")).collect()
}

/// How the tests of an alert begin: its name, model and objective.
fn subject(alert: &Value) -> String {
    let labels = ["llmc_guardrails", "llmc_model", "llmc_objective", "llmc_experiment", "llmc_variant", "llmc_metric"];
    let labels = labels.into_iter().filter_map(|label| alert["labels"][label].as_str());
    std::iter::once(text(alert, "alert")).chain(labels).collect::<Vec<_>>().join(" ")
}

#[test]
fn promtool_accepts_the_rules_of_every_example_and_their_tests_pass() {
    for name in example_stacks() {
        let stack = Compiled::example(&name);
        for run in [stack.check(), stack.test()] {
            assert_eq!(run.code, 0, "{name}\n{}", run.stdout);
        }
    }
}

#[test]
fn the_object_holds_the_very_rules_that_are_tested() {
    for name in example_stacks() {
        let stack = Compiled::example(&name);
        let object = stack.yaml("prometheus-rule.yaml");
        assert_eq!(object["kind"], "PrometheusRule");
        let groups: Vec<Value> = stack.there(&RULES).iter().flat_map(|file| items(&stack.yaml(file), "groups").to_vec()).collect();
        assert_eq!(object["spec"], json!({ "groups": groups }), "{name}");
        assert_eq!(object["metadata"]["labels"]["release"], "kube-prometheus-stack", "{name}");
    }
}

#[test]
fn every_alert_has_its_three_tests_and_says_whom_and_what() {
    for name in example_stacks() {
        let stack = Compiled::example(&name);
        let tests: Vec<Value> = stack.there(&TESTS).into_iter().map(|file| stack.yaml(file)).collect();
        let rules = stack.rules();
        let mut cases: BTreeMap<&str, u32> = BTreeMap::new();
        for test in tests.iter().flat_map(|file| items(file, "tests")) {
            *cases.entry(text(test, "name")).or_default() += 1;
        }
        let alerts: Vec<&Value> = rules.iter().filter(|rule| rule["alert"].is_string()).collect();
        assert!(alerts.len() > 8, "{name}: {} alerts", alerts.len());
        for alert in alerts {
            for case in ["fires", "silent in good order", "silent without traffic"] {
                let case = format!("{}: {case}", subject(alert));
                assert_eq!(cases.get(case.as_str()), Some(&1), "{name}: {case}");
            }
            for label in ["severity", "llmc_stack", "namespace", "team"] {
                assert!(alert["labels"][label].is_string(), "{name}: {} has no {label}", subject(alert));
            }
            for annotation in ["summary", "description"] {
                assert!(alert["annotations"][annotation].is_string(), "{name}: {} has no {annotation}", subject(alert));
            }
        }
    }
}

/// One run in which no alert can fire and one in which each always does: every test must notice.
#[test]
fn every_test_of_every_alert_can_fail() {
    for (expr, must_fail) in [("vector(1) > 2", ": fires"), ("vector(1)", ": silent")] {
        let stack = Compiled::example("customer-support");
        let tests: Vec<Value> = stack.there(&TESTS).into_iter().map(|file| stack.yaml(file)).collect();
        stack.rewrite_rules(|rules| {
            let mut is_alert = false;
            let lines = rules.lines().map(|line| {
                let trimmed = line.trim_start().trim_start_matches("- ");
                is_alert = trimmed.starts_with("alert:") || is_alert && !trimmed.starts_with("record:");
                match trimmed.strip_prefix("expr:") {
                    Some(_) if is_alert => format!("    expr: {expr}"),
                    _ if trimmed.starts_with("for:") => "    for: 0s".into(),
                    _ => line.to_owned(),
                }
            });
            lines.collect::<Vec<_>>().join("\n")
        });
        let run = stack.test();
        assert_eq!(run.code, 1, "{}", run.stdout);
        let expected: Vec<&str> =
            tests.iter().flat_map(|file| items(file, "tests")).map(|t| text(t, "name")).filter(|n| n.contains(must_fail)).collect();
        assert!(expected.len() > 20);
        for test in expected {
            assert!(run.stdout.contains(&format!("name: {test},")), "`{test}` passes with `{expr}`\n{}", run.stdout);
        }
    }
}

#[test]
fn a_changed_threshold_or_selector_fails_the_tests() {
    for (from, to, alert) in [
        ("> 0.05 and on", "> 0.07 and on", "EngineErrors llama-8b"),
        (r#"llmc_model="llama-8b"} > 0 or"#, r#"llmc_model="llama-8b"} > 5 or"#, "KVCacheSaturated llama-8b"),
        (r#"finished_reason!~"abort"}[5m]"#, r#"finished_reason!~"stop"}[5m]"#, "ErrorBudgetBurnFast llama-8b availability"),
    ] {
        let stack = Compiled::example("korean-assistant");
        stack.rewrite_rules(|rules| rules.replace(from, to));
        let run = stack.test();
        assert!(run.code == 1 && run.stdout.contains(alert), "{from}\n{}", run.stdout);
    }
}

/// Each of these is a way in which a month to date is often wrong.
#[test]
fn a_broken_month_fails_its_tests() {
    // promtool names a test of values only by what it asks and when.
    let (whole, scale_up, gap, new_price) = ("time: 31d1h,", "time: 12d12h,", "time: 10d,", "time: 9d,");
    for (from, to, tests) in [
        // The month never ends, and it begins an hour early.
        (r#"]) and on (month) count_values("month", month(vector(time() - 1)))"#, "])", vec![whole]),
        ("month(vector(time() - 1))", "month(vector(time()))", vec![whole]),
        // Every other hour is lost, and what is longer ago than half a month.
        ("[31d:1h]", "[31d:2h]", vec![scale_up, gap, new_price]),
        ("[31d:1h]", "[15d:1h]", vec!["time: 31d,"]),
        // A forecast that counts from the wrong end, and one that believes a single hour.
        (" - day_of_month(", " + day_of_month(", vec!["time: 32d,", scale_up]),
        ("[1d])) * sum(llmc:month_remaining", "[1h])) * sum(llmc:month_remaining", vec!["time: 10d12h,"]),
        // Money at the price of now: what was written before is lost.
        ("sum(sum_over_time(llmc:cost_per_hour:mean1h{", r#"sum(sum_over_time(llmc:cost_per_hour:mean1h{rules="","#, vec![new_price]),
        // Each copy of kube-state-metrics is paid for again.
        ("max by (namespace, pod, container) (", "(", vec![whole]),
        ("vector(1.1)", "vector(2.2)", vec![whole, scale_up, gap, new_price]),
        (" and on () (day_of_month(vector(time())) > 3)", "", vec!["BudgetForecastExceeded: silent on the first days"]),
    ] {
        let stack = Compiled::example("korean-assistant");
        stack.rewrite_rules(|rules| rules.replace(from, to));
        let run = stack.judged("test", &TESTS[1..2]);
        assert_eq!(run.code, 1, "{to}: {}", run.stdout);
        for test in tests {
            assert!(run.stdout.contains(test), "{to}: `{test}` passes\n{}", run.stdout);
        }
    }
}

/// A rule with another price from the eleventh day on, as a compile on that day would leave it: what was
/// spent before stays.
#[test]
fn a_new_price_rewrites_no_history() {
    let stack = Compiled::example("korean-assistant");
    stack.rewrite_rules(|rules| rules.replace("expr: vector(1.1)", "expr: vector(1.1) + 1.1 * (vector(time()) >= bool 864000)"));
    let mut tests = stack.yaml(TESTS[1]);
    tests["tests"].as_array_mut().expect("tests").retain(|test| text(test, "name").contains("as many GPUs"));
    let labels = r#"{currency="USD", llmc_stack="korean-assistant", namespace="assistant"}"#;
    let check = |hours: u32, name: &str, value: f64| {
        // The first dear hour is the mean of both prices where a range holds the sample at its beginning.
        json!({
            "expr": format!("abs(llmc:cost_monthly:{name} - {value}) <= bool 4.4"),
            "eval_time": format!("{hours}h"),
            "exp_samples": [{ "labels": labels, "value": 1 }],
        })
    };
    let month_to_date = 240.0 * 4.4 + 120.0 * 8.8;
    tests["tests"][0]["promql_expr_test"] =
        json!([check(360, "month_to_date", month_to_date), check(360, "forecast", month_to_date + 384.0 * 8.8)]);
    std::fs::write(stack.path(TESTS[1]), tests.to_string()).expect("written");
    let run = stack.judged("test", &TESTS[1..2]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    // And it can fail: at the price of now, everything would have cost twice as much.
    stack.rewrite_rules(|rules| rules.replace("864000", "0"));
    assert_eq!(stack.judged("test", &TESTS[1..2]).code, 1);
}

#[test]
fn reserved_spot_and_guardrails_are_paid_for() {
    let priced = |spec: String| {
        spec.replace(
            "price-per-gpu-hour 2.21",
            "price-per-gpu-hour 2.21\n        reserved gpus=8 price-per-gpu-hour=1.40\n        spot share=0.25 price-per-gpu-hour=0.90",
        )
        .replace("nodes 3", "nodes 4")
        .replace("price-per-gpu-hour 1.10", "price-per-gpu-hour 1.10\n        reserved gpus=4 price-per-gpu-hour=0.70")
        .replace("    budget {", "    prices cpu-hour=0.04 memory-gib-hour=0.005\n    budget {")
    };
    let stack = Compiled::edited("customer-support", priced);
    for run in [stack.check(), stack.test()] {
        assert_eq!(run.code, 0, "{}", run.stdout);
    }
    // Nothing is held: 8 and 4 reserved GPUs are paid for all the same. Eight more are a quarter spot.
    let pod = |pod: &str, resource: &str| {
        let labels = format!(r#"namespace="llm-serving",pod="customer-support-{pod}-7d9c5b8f4-x2k8z",container="c",node="n""#);
        format!(r#"kube_pod_container_resource_requests{{{labels},resource="{resource}"}}"#)
    };
    let series = |series: String, values: &str| json!({ "series": series, "values": values });
    let input = [
        series(pod("llama-70b", "nvidia_com_gpu"), "0x3 16x7"),
        series(pod("llama-8b", "nvidia_com_gpu"), "0x3 2x7"),
        series(pod("default-guardrails", "cpu"), "_x4 2x7"),
        series(pod("default-guardrails", "memory"), "_x4 4294967296x7"),
    ];
    let stack_labels = r#"llmc_stack="customer-support", namespace="llm-serving""#;
    let check = |minutes: u32, name: &str, more: &str, value: f64| {
        json!({
            "expr": format!("round(sum by (llmc_model, llmc_pool) ({name}{{{stack_labels}}}), 0.000001)"),
            "eval_time": format!("{minutes}m"),
            "exp_samples": [{ "labels": format!("{{{more}}}"), "value": value }],
        })
    };
    let checks = [
        check(0, "llmc:cost_per_hour:stack", "", 14.0),
        // 8 reserved at 1.40, 6 on demand at 2.21, 2 spot at 0.90; 4 reserved at 0.70; 2 CPUs and 4 GiB.
        check(5, "llmc:cost_per_hour:stack", "", 29.16),
        check(5, "llmc:cost_per_hour_guardrails:sum", "", 0.1),
    ];
    let model = |model: &str, pool: &str, value: f64| {
        json!({
            "expr": format!(r#"round(llmc:cost_per_hour:sum{{llmc_model="{model}"}}, 0.000001)"#),
            "eval_time": "5m",
            "exp_samples": [{
                "labels": format!(r#"{{currency="USD", llmc_model="{model}", llmc_pool="{pool}", {stack_labels}}}"#), "value": value,
            }],
        })
    };
    let models = [model("llama-70b", "a100", 26.26), model("llama-8b", "l40s", 1.4)];
    let idle = json!({
        "expr": "round(sum(llmc:cost_per_hour_idle_reservation:sum), 0.000001)",
        "eval_time": "5m",
        "exp_samples": [{ "labels": "{}", "value": 1.4 }],
    });
    let mut tests = stack.yaml(TESTS[1]);
    tests["evaluation_interval"] = json!("1m");
    let all: Vec<Value> = checks.into_iter().chain(models).chain([idle]).collect();
    tests["tests"] = json!([{ "name": "classes", "interval": "1m", "input_series": input, "promql_expr_test": all }]);
    std::fs::write(stack.path(TESTS[1]), tests.to_string()).expect("written");
    let run = stack.judged("test", &TESTS[1..2]);
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn the_judge_rejects_broken_rules() {
    let stack = Compiled::example("korean-assistant");
    stack.rewrite_rules(|rules| rules.replacen("sum(rate(", "sum(rate", 1));
    let run = stack.check();
    assert!(run.code == 1 && run.stdout.contains("rules.yaml"), "{}", run.stdout);
}

#[test]
fn an_old_engine_is_read_by_its_old_names() {
    let stack = Compiled::edited("korean-assistant", |spec| spec.replace("version: 0.32.0", "version: 0.9.1"));
    let rules = stack.text("rules.yaml");
    for old in ["vllm:gpu_cache_usage_perc", "vllm:gpu_prefix_cache_hits_total", "vllm:time_per_output_token_seconds_bucket"] {
        assert!(rules.contains(old), "{old}");
    }
    for new in ["vllm:kv_cache_usage_perc", "vllm:prefix_cache_hits_total", "vllm:request_time_per_output_token_seconds"] {
        assert!(!rules.contains(new), "{new}");
    }
    let run = stack.test();
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn tests_hold_for_every_target_and_window() {
    let objectives = "objective:
      ttft: {below: 1s, target: 0.9, window: 1d}
      e2e: {below: 2.5s, target: 0.99999, window: 90d}
      tpot: {below: 50ms, target: 0.9306}";
    let stack = Compiled::edited("korean-assistant", |spec| spec.replace("objective:\n      ttft: {below: 1s, target: 0.95}", objectives));
    assert!(stack.text("rules.yaml").contains("> 0.00009 and"), "the smallest threshold");
    for run in [stack.check(), stack.test()] {
        assert_eq!(run.code, 0, "{}", run.stdout);
    }
}

#[test]
fn no_engine_metric_has_its_colon_escaped() {
    for name in example_stacks() {
        let stack = Compiled::example(&name);
        for file in [RULES[0], RULES[1], TESTS[0], TESTS[1], "prometheus-rule.yaml"] {
            assert!(!stack.text(file).contains("vllm_"), "{name}: {file}");
        }
    }
}
