//! Prometheus' own word on the rules, and proof that the rules' tests can fail.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Run, compile, copy, example_stacks, judge, root, yaml};

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

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).expect("an emitted file")
    }

    fn yaml(&self, file: &str) -> Value {
        yaml(&self.text(file))
    }

    fn rewrite_rules(&self, edit: impl Fn(String) -> String) {
        let (before, path) = (self.text("rules.yaml"), self.path("rules.yaml"));
        let after = edit(before.clone());
        assert_ne!(before, after, "the edit changed nothing");
        std::fs::write(path, after).expect("written");
    }

    fn check(&self) -> Run {
        judge("promtool", &["check", &self.path("rules.yaml").to_string_lossy()], "")
    }

    fn test(&self) -> Run {
        judge("promtool", &["test", &self.path("tests.yaml").to_string_lossy()], "")
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
    let labels = ["llmc_guardrails", "llmc_model", "llmc_objective"].into_iter().filter_map(|label| alert["labels"][label].as_str());
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
        assert_eq!(object["spec"], stack.yaml("rules.yaml"), "{name}");
        assert_eq!(object["metadata"]["labels"]["release"], "kube-prometheus-stack", "{name}");
    }
}

#[test]
fn every_alert_has_its_three_tests_and_says_whom_and_what() {
    for name in example_stacks() {
        let stack = Compiled::example(&name);
        let (file, tests) = (stack.yaml("rules.yaml"), stack.yaml("tests.yaml"));
        let mut cases: BTreeMap<&str, u32> = BTreeMap::new();
        for test in items(&tests, "tests") {
            *cases.entry(text(test, "name")).or_default() += 1;
        }
        let alerts: Vec<&Value> = rules(&file).into_iter().filter(|rule| rule["alert"].is_string()).collect();
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
        let tests = stack.yaml("tests.yaml");
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
        let expected: Vec<&str> = items(&tests, "tests").iter().map(|t| text(t, "name")).filter(|n| n.contains(must_fail)).collect();
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
        for file in ["rules.yaml", "tests.yaml", "prometheus-rule.yaml"] {
            assert!(!stack.text(file).contains("vllm_"), "{name}: {file}");
        }
    }
}
