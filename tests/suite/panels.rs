//! Proof that nothing that reads metrics reads nothing: every panel, recording rule, alert and
//! autoscaler of the example stacks is held against a cluster's series by Prometheus itself.
//!
//! A query over a label or a name that no scrape has is valid, and shows nothing for ever.

mod world;

use std::path::{Path, PathBuf};

use llmc::stack::Stack;
use promql_parser::parser::{Expr, parse};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Run, example_stacks, judge, llmc, resolved, root};
use world::{MINUTES, World, yaml};

/// Selectors of alerts that find nothing in good order, each with the reason.
const SILENT_IN_GOOD_ORDER: [(&str, &str); 1] =
    [("kube_pod_container_status_waiting_reason", "kube-state-metrics exports it only while a container waits")];

/// The compiled example stacks.
struct Compiled {
    folder: TempDir,
}

impl Compiled {
    fn examples() -> Self {
        let folder = TempDir::new().expect("a folder");
        let run = llmc(root(), &["compile", "--out", folder.path().to_str().expect("UTF-8"), "stacks"]);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        Self { folder }
    }

    fn of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn dashboard(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.of(name).join(format!("grafana/{name}.json"))).expect("the dashboard");
        serde_json::from_str(&text).expect("JSON")
    }
}

/// Every target of every panel, also of folded rows: the panel's title and the query.
fn targets(dashboard: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut panels: Vec<&Value> = dashboard["panels"].as_array().expect("panels").iter().collect();
    while let Some(panel) = panels.pop() {
        panels.extend(panel["panels"].as_array().into_iter().flatten());
        for target in panel["targets"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            found.push((format!("{} {}", text(&panel["title"]), text(&target["refId"])), text(&target["expr"])));
        }
    }
    found
}

/// What Grafana's Prometheus data source makes of the query when `models` are chosen: several
/// values become alternatives, and each is escaped as a pattern within a string.
fn interpolated(dashboard: &Value, models: &[&str], query: &str) -> String {
    let escaped = |value: &str| {
        let escape = |c: char| match c {
            '\\' => r"\\\\".to_owned(),
            c if "$^*{}[]'+?.()|".contains(c) => format!(r"\\{c}"),
            c => c.to_string(),
        };
        value.chars().map(escape).collect::<String>()
    };
    let mut expr = query.replace("$__rate_interval", "5m").replace("$__range", "1h").replace("$__interval", "1m");
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        let value = match variable["type"].as_str() {
            Some("constant") => variable["query"].as_str().expect("a value").to_owned(),
            Some("custom") => match models.iter().map(|model| escaped(model)).collect::<Vec<_>>().as_slice() {
                [one] => one.clone(),
                many => format!("({})", many.join("|")),
            },
            _ => continue,
        };
        expr = expr.replace(&format!("${}", variable["name"].as_str().expect("a name")), &value);
    }
    assert!(!expr.replace("\"$1\"", "").contains('$'), "a variable is left: {expr}");
    expr
}

/// Models that a viewer can choose.
fn choices(dashboard: &Value) -> Vec<String> {
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let model = variables.iter().find(|variable| variable["name"] == "model").expect("the models");
    model["query"].as_str().expect("a list").split(',').map(str::to_owned).collect()
}

/// Every panel's query with all models chosen, and with each alone where the panel is about it.
fn panel_queries(dashboard: &Value) -> Vec<(String, String)> {
    let choices = choices(dashboard);
    let all: Vec<&str> = choices.iter().map(String::as_str).collect();
    let mut queries = Vec::new();
    for (title, query) in targets(dashboard) {
        queries.push((format!("{title} of all"), interpolated(dashboard, &all, &query)));
        for model in &all {
            let is_about = |other: &&&str| query.contains(&format!("llmc_model=\"{other}\""));
            if all.iter().filter(is_about).all(|other| other == model) {
                queries.push((format!("{title} of {model}"), interpolated(dashboard, &[model], &query)));
            }
        }
    }
    queries
}

/// What each recording rule writes, and what each selector of each alert reads.
fn rule_queries(folder: &Path) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    let groups = rule_groups(folder);
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")) {
        if let Some(name) = rule["record"].as_str() {
            let labels = rule["labels"].as_object().expect("labels").iter();
            let labels: Vec<String> = labels.map(|(label, value)| format!("{label}={value}")).collect();
            queries.push((format!("recorded {name}"), format!("{name}{{{}}}", labels.join(","))));
        } else {
            let mut found = Vec::new();
            selectors(&parse(rule["expr"].as_str().expect("a query")).expect("PromQL"), &mut found);
            let alert = rule["alert"].as_str().expect("a name");
            let is_read = |found: &String| !SILENT_IN_GOOD_ORDER.iter().any(|(name, _)| found.starts_with(name));
            queries.extend(found.into_iter().filter(is_read).map(|selector| (format!("alert {alert}"), selector)));
        }
    }
    queries
}

/// The rule files of a compiled stack; the last only where it has experiments.
fn rule_files(folder: &Path) -> Vec<&'static str> {
    let is_there = |file: &&str| *file != "experiments.yaml" || folder.join("prometheus").join(file).exists();
    ["rules.yaml", "cost.yaml", "experiments.yaml"].into_iter().filter(is_there).collect()
}

fn rule_groups(folder: &Path) -> Vec<Value> {
    let groups = |file: &str| yaml(&folder.join("prometheus").join(file))["groups"].as_array().expect("groups").clone();
    rule_files(folder).into_iter().flat_map(groups).collect()
}

fn selectors(expr: &Expr, found: &mut Vec<String>) {
    match expr {
        Expr::VectorSelector(selector) => found.push(selector.to_string()),
        Expr::MatrixSelector(matrix) => found.push(matrix.vs.to_string()),
        Expr::Paren(paren) => selectors(&paren.expr, found),
        Expr::Unary(unary) => selectors(&unary.expr, found),
        Expr::Subquery(subquery) => selectors(&subquery.expr, found),
        Expr::Aggregate(aggregate) => selectors(&aggregate.expr, found),
        Expr::Binary(binary) => [&binary.lhs, &binary.rhs].into_iter().for_each(|side| selectors(side, found)),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| selectors(argument, found)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
        Expr::Extension(_) => panic!("an extension: {expr}"),
    }
}

/// The queries of the stack's autoscalers.
fn autoscaler_queries(stack: &Stack, folder: &Path) -> Vec<(String, String)> {
    let file = |model: &String| folder.join("kubernetes").join(model).join("scaled-object.yaml");
    let query = |model: &String| yaml(&file(model)).pointer("/spec/triggers/0/metadata/query").and_then(Value::as_str).map(str::to_owned);
    let scaled = stack.models.keys().filter(|model| file(model).is_file());
    scaled.map(|model| (format!("autoscaler of {model}"), query(model).expect("a query"))).collect()
}

/// A test that each query finds a number in `world`; NaN, which Grafana leaves out, is none.
fn test(name: &str, world: &World, queries: &[(String, String)]) -> Value {
    let finds = |(_, query): &(String, String)| {
        json!({
            "expr": format!("count(({query}) > -Inf) > bool 0"),
            "eval_time": format!("{}m", MINUTES - 10),
            "exp_samples": [{ "labels": "{}", "value": 1 }],
        })
    };
    let tests: Vec<Value> = queries.iter().map(finds).collect();
    json!({ "name": name, "interval": "1m", "input_series": world.input_series(), "promql_expr_test": tests })
}

/// Asks promtool about `tests` with the stack's own rules loaded.
fn ask(folder: &Path, tests: Vec<Value>) -> Run {
    let groups: Vec<Value> = rule_groups(folder).iter().map(|group| group["name"].clone()).collect();
    let file = folder.join("prometheus/panels.yaml");
    let tests = json!({ "rule_files": rule_files(folder), "evaluation_interval": "5m", "group_eval_order": groups, "tests": tests });
    // JSON is YAML.
    std::fs::write(&file, tests.to_string()).expect("written");
    judge("promtool", &["test", file.to_str().expect("UTF-8")], "")
}

/// Queries of `all` that promtool names in its answer, by what each belongs to.
fn blamed(all: &[(String, String)], run: &Run) -> Vec<String> {
    // promtool prints a query as a Go string, which a JSON string is for what queries hold.
    let quoted = |query: &str| json!(format!("count(({query}) > -Inf)")).to_string();
    let named = |(_, query): &&(String, String)| run.stdout.contains(quoted(query).trim_matches('"'));
    all.iter().filter(named).map(|(owner, _)| owner.clone()).collect()
}

/// All queries of a stack that must find something while it runs well.
fn queries(compiled: &Compiled, name: &str) -> Vec<(String, String)> {
    let folder = compiled.of(name);
    let panels = panel_queries(&compiled.dashboard(name));
    assert!(panels.len() > 60, "{name}: {} queries of panels", panels.len());
    let rules = rule_queries(&folder);
    assert!(rules.len() > 40, "{name}: {} queries of rules", rules.len());
    panels.into_iter().chain(rules).chain(autoscaler_queries(&resolved(name), &folder)).collect()
}

#[test]
fn every_query_finds_something_while_a_stack_runs_well() {
    let compiled = Compiled::examples();
    for name in example_stacks() {
        let folder = compiled.of(&name);
        let queries = queries(&compiled, &name);
        let run = ask(&folder, vec![test("runs well", &World::of(&resolved(&name), &folder), &queries)]);
        assert_eq!(run.code, 0, "{name}: nothing for {:#?}\n{}", blamed(&queries, &run), run.stdout);
    }
}

#[test]
fn alerts_that_fire_are_seen_on_the_dashboard() {
    let compiled = Compiled::examples();
    for name in example_stacks() {
        let folder = compiled.of(&name);
        let dashboard = compiled.dashboard(&name);
        let annotations = dashboard["annotations"]["list"].as_array().expect("annotations").iter();
        let shown: Vec<&str> = annotations.filter_map(|annotation| annotation["expr"].as_str()).collect();
        assert_eq!(shown.len(), 1, "{name}");
        let all = choices(&dashboard);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let query = ("annotation".to_owned(), interpolated(&dashboard, &all, shown[0]));
        let run =
            ask(&folder, vec![test("no pod is ready", &World::without_pods(&resolved(&name), &folder), std::slice::from_ref(&query))]);
        assert_eq!(run.code, 0, "{name}: {}", run.stdout);
        // No alert fires while all is well, so the annotation is empty then.
        let run = ask(&folder, vec![test("runs well", &World::of(&resolved(&name), &folder), std::slice::from_ref(&query))]);
        assert_eq!(blamed(&[query], &run), ["annotation"], "{name}");
    }
}

#[test]
fn a_series_that_is_renamed_or_loses_a_label_is_noticed() {
    let compiled = Compiled::examples();
    let name = "customer-support";
    let folder = compiled.of(name);
    let queries = queries(&compiled, name);
    for (from, to, owners) in [
        ("vllm:kv_cache_usage_perc{", "vllm:gpu_cache_usage_perc{", ["KV cache usage A of all", "recorded llmc:kv_cache_usage:avg"]),
        ("vllm:num_requests_waiting{", "vllm_num_requests_waiting{", ["Waiting requests A of llama-8b", "autoscaler of llama-70b"]),
        ("llmc_stack=", "exported_llmc_stack=", ["Throughput A of all", "Good ratings by users A of all"]),
        ("namespace=\"llm-serving\"", "exported_namespace=\"llm-serving\"", ["Ready copies A of all", "alert NoReadyReplicas"]),
        ("le=\"2.5\"", "le=\"2.50\"", ["Objectives: allowed failures used A of all", "recorded llmc:slo_bad_requests:ratio_rate1h"]),
        ("kube_deployment_spec_replicas{", "kube_deployment_replicas{", ["Ready copies A of llama-8b", "alert GuardrailsDown"]),
        (
            "feature_flag_result_variant=",
            "feature_flag_variant=",
            ["Share of each arm: support-v2 A of all", "recorded llmc:experiment_evaluations:increase1d"],
        ),
        ("experiment=\"support-v2\"", "experiment=\"v2\"", ["Guard ttft: support-v2 A of all", "recorded llmc:experiment_outcome:mean1d"]),
    ] {
        let mut test = test("renamed", &World::of(&resolved(name), &folder), &queries);
        for series in test["input_series"].as_array_mut().expect("series") {
            let text = series["series"].as_str().expect("text").replace(from, to);
            series["series"] = json!(text);
        }
        let run = ask(&folder, vec![test]);
        let blamed = blamed(&queries, &run);
        assert!(owners.iter().all(|owner| blamed.iter().any(|b| b == owner)), "{from}: {blamed:#?}");
    }
}

#[test]
fn a_panel_that_reads_a_dead_name_is_noticed() {
    let compiled = Compiled::examples();
    let name = "korean-assistant";
    let folder = compiled.of(name);
    let mut dashboard = compiled.dashboard(name);
    let text = dashboard.to_string().replacen("vllm:num_preemptions_total", "vllm:num_preemptions", 1);
    dashboard = serde_json::from_str(&text).expect("JSON");
    let queries = panel_queries(&dashboard);
    let run = ask(&folder, vec![test("runs well", &World::of(&resolved(name), &folder), &queries)]);
    let blamed = blamed(&queries, &run);
    assert_eq!(blamed, ["Preemptions A of all", "Preemptions A of llama-8b"], "{}", run.stdout);
}
