use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use semver::Version;

use super::*;

/// The stack of `stacks/<name>/<file>`.
fn example(name: &str, file: &str) -> Stack {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks").join(name).join(file);
    crate::compile::compile(&path, file, &crate::policy::Policies::shipped()).stack.expect("a stack")
}

fn examples() -> Vec<Stack> {
    vec![example("customer-support", "stack.kdl"), example("korean-assistant", "stack.yaml"), example("research-desk", "stack.kdl")]
}

/// All panels, those in closed rows too, without the rows.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let top = dashboard["panels"].as_array().expect("panels");
    let inside = top.iter().filter_map(|p| p["panels"].as_array()).flatten();
    top.iter().filter(|p| p["type"] != "row").chain(inside).collect()
}

fn ids(dashboard: &Value) -> BTreeMap<String, u64> {
    let titled = |p: &&Value| (p["title"].as_str().expect("a title").to_owned(), p["type"].to_string(), p["id"].as_u64().expect("an id"));
    let all = panels(dashboard);
    // Two rows may show the same under one title.
    all.iter().map(titled).map(|(title, kind, id)| (format!("{title} {kind} {id}"), id)).collect()
}

fn faults(stack: &Stack) -> Vec<String> {
    emit(stack).faults.into_iter().map(|fault| format!("{}: {:?}", fault.message, fault.help)).collect()
}

#[test]
fn every_query_of_the_examples_is_sound() {
    for stack in examples() {
        assert_eq!(faults(&stack), Vec::<String>::new(), "{}", stack.name);
        assert!(expressions(&dashboard(&stack)).len() > 40, "{}", stack.name);
    }
}

#[test]
fn panels_do_not_overlap() {
    for stack in examples() {
        let dashboard = dashboard(&stack);
        let mut levels = vec![dashboard["panels"].as_array().expect("panels").clone()];
        for row in &levels[0].clone() {
            levels.extend(row["panels"].as_array().filter(|inside| !inside.is_empty()).cloned());
        }
        assert_eq!(levels.len(), 5 + usize::from(!stack.experiments.is_empty()), "{}", stack.name);
        for level in levels {
            let mut taken = BTreeSet::new();
            for panel in level {
                let side = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
                assert!(side("x") + side("w") <= 24 && side("w") > 0 && side("h") > 0, "{panel}");
                for x in side("x")..side("x") + side("w") {
                    for y in side("y")..side("y") + side("h") {
                        assert!(taken.insert((x, y)), "{} overlaps at {x}, {y}", panel["title"]);
                    }
                }
            }
        }
    }
}

#[test]
fn every_panel_explains_itself() {
    for stack in examples() {
        let dashboard = dashboard(&stack);
        for panel in panels(&dashboard) {
            let defaults = &panel["fieldConfig"]["defaults"];
            for text in [&panel["title"], &panel["description"], &defaults["unit"], &defaults["noValue"]] {
                assert!(text.as_str().is_some_and(|t| !t.trim().is_empty()), "{panel}");
            }
            assert!(defaults["thresholds"]["steps"][0]["value"].is_null() && defaults["thresholds"]["steps"][0]["color"].is_string());
            for target in panel["targets"].as_array().expect("targets") {
                assert!(target["legendFormat"].as_str().is_some_and(|legend| !legend.is_empty()), "{target}");
                assert_eq!(target["datasource"]["uid"], "${datasource}");
            }
        }
    }
}

#[test]
fn ids_are_unique_and_outlive_other_changes() {
    let stack = example("customer-support", "stack.kdl");
    let before = ids(&dashboard(&stack));
    assert_eq!(before.values().collect::<BTreeSet<_>>().len(), before.len());

    let mut more = stack.clone();
    let mut model = stack.models["llama-8b"].clone();
    // Before all others, so that everything moves.
    model.name = "aaa".into();
    more.models.insert("aaa".into(), model);
    let after = ids(&dashboard(&more));
    assert!(after.len() > before.len());
    assert!(before.iter().all(|(name, id)| after.get(name) == Some(id)), "an id has changed");

    let mut fewer = stack.clone();
    fewer.budget = None;
    let after = ids(&dashboard(&fewer));
    assert!(after.len() < before.len());
    assert!(after.iter().all(|(name, id)| before.get(name) == Some(id)), "an id has changed");
}

/// Panels of an experiment: titles before the colon.
fn about_experiments(stack: &Stack) -> Vec<String> {
    assert_eq!(faults(stack), Vec::<String>::new());
    let dashboard = dashboard(stack);
    let titles = panels(&dashboard).into_iter().filter_map(|p| p["title"].as_str()?.strip_suffix(": support-v2").map(str::to_owned));
    titles.collect()
}

#[test]
fn experiments_are_shown_while_they_run() {
    let mut stack = example("customer-support", "stack.kdl");
    let all = [
        "Evaluations",
        "Share of each arm",
        "Sample ratio mismatch",
        "Evaluations without an arm",
        "Days left",
        "Guard ttft",
        "Mean of quality",
    ];
    assert_eq!(about_experiments(&stack), all);
    let experiment = stack.experiments.get_mut("support-v2").expect("the experiment");
    experiment.ends = None;
    experiment.arms.get_mut("control").expect("the control").active_parts = 0;
    assert_eq!(about_experiments(&stack), [&all[..2], &all[3..4], &all[5..]].concat(), "one arm has no ratio");
    stack.experiments.get_mut("support-v2").expect("the experiment").state = crate::spec::ExperimentState::Stopped;
    assert_eq!(about_experiments(&stack), [""; 0]);
}

#[test]
fn engine_versions_are_asked_by_their_own_names() {
    let mut stack = example("customer-support", "stack.kdl");
    stack.models.get_mut("llama-8b").expect("the model").engine_version = Version::new(0, 9, 1);
    assert_eq!(faults(&stack), Vec::<String>::new());
    let dashboard = dashboard(&stack);
    let usage: Vec<&str> = expressions(&dashboard).into_iter().filter(|(title, _)| *title == "KV cache usage").map(|(_, e)| e).collect();
    let [usage] = usage.as_slice() else { panic!("one query: {usage:?}") };
    assert!(usage.contains(r#"vllm:gpu_cache_usage_perc{namespace=~"$namespace", llmc_stack="customer-support", llmc_model=~"$model", llmc_model=~"llama-8b"}"#), "{usage}");
    assert!(usage.contains(r#" or max by (llmc_model) (vllm:kv_cache_usage_perc{"#), "{usage}");
}

#[test]
fn a_query_that_measures_nothing_stops_the_compile() {
    let mut stack = example("customer-support", "stack.kdl");
    stack.monitoring.scrape_interval = crate::stack::Duration::from_seconds(3600);
    assert!(faults(&stack).iter().any(|fault| fault.contains("scrapes")), "{:?}", faults(&stack));
}

#[test]
fn objectives_and_budget_are_the_thresholds() {
    let stack = example("customer-support", "stack.kdl");
    let dashboard = dashboard(&stack);
    let steps = |title: &str| {
        let panel = panels(&dashboard).into_iter().find(|p| p["title"] == title).expect("the panel");
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().expect("steps").clone();
        steps.iter().map(|step| step["value"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(steps("Time to first token: llama-70b"), ["null", "2", "2.5"]);
    assert_eq!(steps("Time per output token: llama-70b"), ["null"]);
    assert_eq!(steps("Cost this month"), ["null", "22500", "36000", "45000"]);
    assert_eq!(steps("Budget used this month"), ["null", "0.5", "0.8", "1"]);
    assert_eq!(steps("GPU cost per hour"), ["null", "61.64"]);
}

#[test]
fn names_stay_names() {
    let hostile = "x\"} or up{a=\"$namespace | [[b]] <img src=x onerror=alert(1)> \\ `c`\n**d**";
    let mut stack = example("customer-support", "stack.kdl");
    stack.owner = Some(hostile.into());
    stack.name = hostile.into();
    let mut prompt = stack.prompts["triage"].clone();
    prompt.live = hostile.into();
    stack.prompts.insert(hostile.into(), prompt);
    stack.routes.get_mut("triage").expect("the route").prompt = hostile.into();
    let mut model = stack.models["llama-8b"].clone();
    model.name = hostile.into();
    stack.models.insert(hostile.into(), model);
    let mut experiment = stack.experiments["support-v2"].clone();
    experiment.name = hostile.into();
    experiment.control = hostile.into();
    experiment.arms.insert(hostile.into(), experiment.arms["control"].clone());
    experiment.metrics.insert(hostile.into(), experiment.metrics["quality"].clone());
    experiment.guards.insert(hostile.into(), experiment.guards["ttft"].clone());
    stack.experiments.insert(hostile.into(), experiment);
    let dashboard = dashboard(&stack);
    let text = dashboard.to_string();
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), dashboard);
    // The check above can tell: this is how it looks when a name breaks out.
    let broken = promql_parser::parser::parse(r#"x{a="b"} or up{a="c"}"#).expect("PromQL");
    assert!(format!("{broken:?}").contains(r#"name: Some("up")"#));
    let table = panels(&dashboard).into_iter().find(|p| p["type"] == "text").expect("the routes");
    let table = table["options"]["content"].as_str().expect("text");
    assert!(!table.contains(['<', '$', '\\', '`', '*', '[']), "{table}");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + stack.routes.len());
    assert!(rows.iter().all(|row| row.matches('|').count() == 6), "{table}");
    for (title, expr) in expressions(&dashboard) {
        let tree = promql_parser::parser::parse(&promql::substitute(expr)).unwrap_or_else(|e| panic!("{title}: {e}: {expr}"));
        assert!(!format!("{tree:?}").contains(r#"name: Some("up")"#), "{title} asks for another metric: {expr}");
    }
}

#[test]
fn thirty_models_fit_a_config_map() {
    let mut stack = example("customer-support", "stack.kdl");
    let model = stack.models["llama-70b"].clone();
    for index in 0..28 {
        let mut model = model.clone();
        model.name = format!("model-with-a-rather-long-name-{index}");
        stack.models.insert(model.name.clone(), model);
    }
    let size = dashboard(&stack).to_string().len();
    assert!(size < 900 * 1024, "{size} bytes");
}

#[test]
fn a_stack_of_external_models_only_has_a_dashboard() {
    let mut stack = example("customer-support", "stack.kdl");
    stack.models.clear();
    stack.routes.retain(|_, route| matches!(route.target, crate::stack::Target::External(_)));
    stack.experiments.clear();
    assert_eq!(faults(&stack), Vec::<String>::new());
    let dashboard = dashboard(&stack);
    let titles: Vec<&str> = panels(&dashboard).into_iter().filter_map(|p| p["title"].as_str()).collect();
    assert_eq!(titles, ["Firing alerts", "Routes", "Quality score (median)", "Guardrail violations", "Good ratings by users"]);
    assert!(expressions(&dashboard).iter().all(|(_, expr)| !expr.contains("$model")), "there is no such variable");
}
