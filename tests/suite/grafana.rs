//! Dashboards as Grafana's own types, PromQL and the ConfigMap's reader see them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{compile, example_stacks, judge, root, yaml};

/// The dashboards of the example stacks, with the output folder of each.
fn dashboards(out: &Path) -> Vec<(PathBuf, PathBuf)> {
    compile(&root().join("stacks"), out);
    let folders = example_stacks().into_iter().map(|name| (out.join(&name), out.join(&name).join(format!("grafana/{name}.json"))));
    folders.collect()
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn grafana_knows_every_field() {
    let out = tempfile::tempdir().expect("a folder");
    let files: Vec<String> =
        dashboards(out.path()).into_iter().map(|(_, file)| file.into_os_string().into_string().expect("UTF-8")).collect();
    let run = judge("grafana", &files.iter().map(String::as_str).collect::<Vec<_>>(), "");
    assert_eq!(run.code, 0, "{}", run.stdout);
}

/// A word of the judge's answer, and what it is about.
type Fault = (&'static str, fn(&mut Value));

#[test]
fn the_judge_refuses_broken_dashboards() {
    let out = tempfile::tempdir().expect("a folder");
    let (_, file) = dashboards(out.path()).remove(0);
    let good = read(&file);
    let broken = out.path().join("broken.json");
    let faults: [Fault; 5] = [
        ("refresh", |d| d["refresh"] = json!(30)),
        ("refId", |d| {
            d["panels"][1]["targets"][0].as_object_mut().expect("a target").remove("refId");
        }),
        ("expr", |d| {
            d["panels"][1]["targets"][0].as_object_mut().expect("a target").remove("expr");
        }),
        ("gridPos", |d| d["panels"][1]["gridPos"]["w"] = json!("12")),
        ("titel", |d| d["titel"] = json!("LLM")),
    ];
    for (word, fault) in faults {
        let mut dashboard = good.clone();
        fault(&mut dashboard);
        std::fs::write(&broken, dashboard.to_string()).expect("written");
        let run = judge("grafana", &[broken.to_str().expect("UTF-8")], "");
        assert_eq!(run.code, 1, "{word}: {}", run.stdout);
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
}

/// Every query below `value`.
fn queries<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            out.extend(map.get("expr").map(|expr| expr.as_str().expect("a query is a string")));
            map.values().for_each(|child| queries(child, out));
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, out)),
        _ => {}
    }
}

#[test]
fn every_query_parses_once_grafana_has_put_its_variables_in() {
    let out = tempfile::tempdir().expect("a folder");
    for (_, file) in dashboards(out.path()) {
        let dashboard = read(&file);
        let mut found = Vec::new();
        queries(&dashboard, &mut found);
        assert!(found.len() > 40, "{} queries", found.len());
        for query in found {
            // As Grafana writes them: several values become alternatives.
            let expr = query.replace("$__rate_interval", "2m").replace("$__range", "21600s");
            let expr = expr.replace("$namespace", "llm-serving").replace("$model", "(llama-70b|llama-8b)").replace("\"$1\"", "\"1\"");
            assert!(!expr.contains('$'), "an unknown variable: {query}");
            promql_parser::parser::parse(&expr).unwrap_or_else(|fault| panic!("{fault}: {query}"));
        }
    }
}

#[test]
fn the_config_map_holds_the_same_dashboard() {
    let out = tempfile::tempdir().expect("a folder");
    for (folder, file) in dashboards(out.path()) {
        let text = std::fs::read_to_string(folder.join("grafana/dashboard.yaml")).expect("the ConfigMap");
        let map = yaml(&text);
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        assert_eq!(map["metadata"]["annotations"]["grafana_folder"], "LLM");
        let data = map["data"].as_object().expect("data");
        let (key, embedded) = data.iter().next().expect("a dashboard");
        assert_eq!(data.len(), 1);
        assert!(key.ends_with(".json") && key.contains(map["metadata"]["namespace"].as_str().expect("a namespace")), "{key}");
        let embedded = embedded.as_str().expect("text");
        assert!(embedded.len() < 900 * 1024, "{} bytes", embedded.len());
        assert_eq!(serde_json::from_str::<Value>(embedded).expect("JSON"), read(&file));
    }
}

#[test]
fn each_stack_has_its_own_uid_and_all_rows() {
    let out = tempfile::tempdir().expect("a folder");
    let mut uids = std::collections::BTreeSet::new();
    for (folder, file) in dashboards(out.path()) {
        let dashboard = read(&file);
        assert!(uids.insert(dashboard["uid"].as_str().expect("a uid").to_owned()), "a uid is used twice");
        for absent in ["id", "version", "__inputs"] {
            assert!(dashboard.get(absent).is_none(), "{absent}");
        }
        let rows: Vec<&Value> = dashboard["panels"].as_array().expect("panels").iter().filter(|p| p["type"] == "row").collect();
        let shown: Vec<(&str, bool)> =
            rows.iter().map(|row| (row["title"].as_str().expect("a title"), row["collapsed"].as_bool().expect("a switch"))).collect();
        let mut rows = vec![("Overview", false), ("Performance", true), ("Cost", true), ("Quality", true)];
        if folder.join("prometheus/experiments.yaml").exists() {
            rows.push(("Experiments", true));
        }
        rows.push(("GPU", true));
        assert_eq!(shown, rows, "{}", folder.display());
    }
}
