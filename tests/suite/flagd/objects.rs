//! The server of flags in a tree, and what a change of an experiment changes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Stack, THREE_ARMS};
use crate::harness::{edit, llmc, yaml};

/// Paths of the files that differ, without those that say that some do, and without rules and dashboards, which
/// hold an experiment against its shares.
fn changed(edits: &[(&str, &str)]) -> BTreeSet<String> {
    let (old, new) = (Stack::canonical(&[]).tree(), Stack::canonical(edits).tree());
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = paths.into_iter().filter(|path| old.get(*path) != new.get(*path)).cloned();
    let follows =
        |path: &str| path == "llmc.json" || path == "stack.json" || path.starts_with("prometheus/") || path.starts_with("grafana/");
    differ.filter(|path| !follows(path)).collect()
}

#[test]
fn a_step_of_a_ramp_changes_the_flags_and_no_pod() {
    let flags = BTreeSet::from(["flagd/config-map.yaml".to_owned(), "flagd/flags.json".to_owned()]);
    assert_eq!(changed(&[("ramp 10 25 30", "ramp 10 25 30\n        step 2")]), flags);
    assert_eq!(changed(&[("weight=70", "weight=60"), ("weight=30", "weight=40"), ("ramp 10 25 30", "ramp 10 25 40")]), flags);
}

#[test]
fn a_stopped_experiment_is_off_for_all_and_leaves_the_index() {
    let files = changed(&[("route \"support\"\n        variant", "route \"support\"\n        state \"stopped\"\n        variant")]);
    assert_eq!(files, ["flagd/config-map.yaml", "flagd/flags.json", "prompts/index.yaml"].map(String::from).into());
    let stack =
        Stack::canonical(&[("route \"support\"\n        variant", "route \"support\"\n        state \"stopped\"\n        variant")]);
    let flags: Value = serde_json::from_str(&stack.flags()).expect("JSON");
    let flag = &flags["flags"]["support-v2"];
    assert_eq!((flag.get("targeting"), &flag["defaultVariant"], &flag["metadata"]["state"]), (None, &json!("off"), &json!("stopped")));
}

#[test]
fn the_server_reads_a_folder_that_reloads_and_asks_nobody() {
    let tree = Stack::canonical(&[]).tree();
    let object = |name: &str| yaml(&tree[&format!("flagd/{name}.yaml")]);
    let (config_map, deployment, policy) = (object("config-map"), object("deployment"), object("network-policy"));
    assert_eq!(config_map["data"]["flags.json"].as_str(), tree.get("flagd/flags.json").map(String::as_str));
    assert_eq!(config_map.get("immutable"), None);
    let pod = &deployment["spec"]["template"];
    assert_eq!(pod["spec"]["volumes"][0]["configMap"], json!({ "name": config_map["metadata"]["name"] }));
    let mount = &pod["spec"]["containers"][0]["volumeMounts"][0];
    assert_eq!((mount.get("subPath"), &mount["mountPath"]), (None, &json!("/etc/flagd")));
    assert_eq!(pod["metadata"].get("annotations"), None, "a digest here would restart the pods with every step");
    assert_eq!(pod["spec"]["containers"][0]["args"], json!(["start", "--uri", "file:/etc/flagd/flags.json"]));
    assert_eq!(policy["spec"]["egress"], json!([]));
    let ports =
        |of: &Value, field: &str| -> Vec<u64> { of.as_array().expect("ports").iter().filter_map(|port| port[field].as_u64()).collect() };
    assert_eq!(ports(&object("service")["spec"]["ports"], "port"), [8013, 8014, 8016]);
    assert_eq!(ports(&pod["spec"]["containers"][0]["ports"], "containerPort"), [8013, 8014, 8016]);
    let rules = policy["spec"]["ingress"].as_array().expect("rules");
    let who = |rule: &Value| rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"].clone();
    let ways: Vec<(Value, Vec<u64>)> = rules.iter().map(|rule| (who(rule), ports(&rule["ports"], "port"))).collect();
    assert_eq!(ways, [(json!("support-app"), vec![8013, 8016]), (json!("monitoring"), vec![8014])]);
}

#[test]
fn the_index_of_prompts_says_whom_to_ask() {
    let tree = Stack::canonical(&[]).tree();
    let index: Value =
        serde_json::from_str(yaml(&tree["prompts/index.yaml"])["data"]["index.json"].as_str().expect("a text")).expect("JSON");
    let expected = json!({
        "flag": "support-v2",
        "flagd": { "host": "customer-support-flagd.llm-serving.svc", "ofrep_port": 8016, "port": 8013 },
    });
    assert_eq!(index["routes"]["support"]["experiment"], expected);
    assert_eq!(index["routes"]["triage"].get("experiment"), None);
}

#[test]
fn an_audience_that_fits_no_config_map_is_refused() {
    let users: String = (0..40_000).map(|user| format!(" \"user-{user}\"")).collect();
    let stack = Stack::small(&format!("{THREE_ARMS}audience \"targetingKey\" {{ one-of{users}; }}"));
    let run = llmc(stack.path(), &["check"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("LLMC-K113") && run.stderr.contains("flags with audiences"), "{}", run.stderr);
}

#[test]
fn names_are_those_of_metrics_and_flags() {
    let stack = Stack::small(&THREE_ARMS.replace("\"short\"", "\"so short\""));
    edit(&stack.path().join("stacks/shop/stack.kdl"), "experiment \"answer-prompt\"", "experiment \"Answer\"");
    let run = llmc(stack.path(), &["check", "--format", "short"]);
    let found = |name: &str| run.stderr.lines().any(|line| line.contains("LLMC-K001") && line.contains(name));
    assert!(run.code == 1 && found("the experiment `Answer`") && found("the variant `so short`"), "{}", run.stderr);
}

#[test]
fn a_stack_without_experiments_has_no_server() {
    let spec = std::fs::read_to_string(crate::harness::root().join("stacks/customer-support/stack.kdl")).expect("a spec");
    let start = spec.find("    experiment \"support-v2\"").expect("the experiment");
    let end = start + spec[start..].find("\n    }\n").expect("its end") + 7;
    let tree = Stack::canonical(&[(&spec[start..end], "")]).tree();
    assert!(!tree.keys().any(|path| path.starts_with("flagd/")), "{:?}", tree.keys());
    assert!(tree.keys().any(|path| path.starts_with("kubernetes/")));
}
