//! The shipped policies, asked by rego-cpp too: another implementation of Rego must say the same.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::harness::{example_stacks, judge, root, texts, yaml};

/// The policies without their tests, which rego-cpp 1.5.2 cannot run: it crashes on `with input`.
fn files() -> Vec<String> {
    let files = texts(&root().join("policies")).into_keys().filter(|name| !name.ends_with("_test.rego"));
    files.map(|name| format!("policies/{name}")).collect()
}

/// Inputs of each moment, with the data beside them: real ones, and such as break every policy.
fn inputs() -> BTreeMap<&'static str, Vec<(Value, Value)>> {
    let record = |name: &str| -> Value {
        let text = fs::read_to_string(root().join("generated").join(name).join("stack.json")).expect("the record");
        serde_json::from_str(&text).expect("JSON")
    };
    let head = record("customer-support");
    let changed = |changes: &[(&str, Value)]| {
        let mut stack = head.clone();
        for (pointer, value) in changes {
            let (above, key) = pointer.rsplit_once('/').expect("a pointer");
            let above = stack.pointer_mut(above).and_then(Value::as_object_mut).expect("a block");
            if value.is_null() { drop(above.remove(key)) } else { drop(above.insert(key.to_owned(), value.clone())) }
        }
        stack
    };
    let mut stacks: Vec<Value> = example_stacks().iter().map(|name| record(name)).collect();
    stacks.push(changed(&[
        ("/model/llama-70b/serve/gpu-memory-utilization", json!(0.97)),
        ("/model/llama-8b/replicas/min", json!(1)),
        ("/model/llama-8b/objective", json!({})),
        ("/model/llama-8b/source/revision", json!("main")),
        ("/model/llama-70b/serve/args", json!(["--enforce-eager", "--code-revision=main"])),
        ("/owner", Value::Null),
    ]));

    let generated = texts(&root().join("generated/customer-support"));
    let mut objects: Vec<Value> =
        generated.iter().filter(|(path, _)| path.ends_with("deployment.yaml")).map(|(_, text)| yaml(text)).collect();
    assert_eq!(objects.len(), 4);
    for image in
        ["a", "host:5000/a:nightly", "a:latest@sha256:00", "ghcr.io/berriai/litellm:main-v1.82.8-stable", "litellm/litellm:1.108.0"]
    {
        objects.push(json!({"kind": "Pod", "spec": {"containers": [{"name": "a", "image": image, "args": ["litellm[proxy]==1.107.2"]}]}}));
    }

    let plan = |lost: Value, objects: Value| json!({"totals": {"guardrails_lost": lost}, "objects": objects});
    let trying = |ramp: Value| {
        let variants = json!({"control": {"weight": 70, "prompt": "v1"}, "treatment": {"weight": 30, "prompt": "v2"}});
        json!({"try": {"route": "support", "variant": variants, "ramp": ramp}})
    };
    let none = plan(json!([]), json!([]));
    let edited = json!([{"action": "create", "path": "prompts/support/v1.yaml", "renamed_from": null}]);
    let between = |base: Value, head: Value| json!({"base": base, "head": head});
    let plans = vec![
        (none.clone(), between(head.clone(), head.clone())),
        (none.clone(), between(json!({}), head.clone())),
        (json!({}), between(json!({}), head.clone())),
        (none.clone(), between(changed(&[("/prompt/support/live", json!("v2")), ("/prompt/support/rollback", Value::Null)]), head.clone())),
        (plan(json!(["support: input self-check"]), edited), between(head.clone(), head.clone())),
        (none.clone(), between(head.clone(), changed(&[("/guardrails/default/input/block-pii", json!(["email"]))]))),
        (none.clone(), between(head.clone(), changed(&[("/experiment", trying(json!([10, 50])))]))),
        (none.clone(), between(head.clone(), changed(&[("/experiment", trying(json!([30])))]))),
        // The example's own experiment: begun, a step further, two steps, with another version, and stopped before.
        (none.clone(), between(changed(&[("/experiment", json!({}))]), head.clone())),
        (none.clone(), between(head.clone(), changed(&[("/experiment/support-v2/step", json!(2))]))),
        // What deals its users anew.
        (none.clone(), between(changed(&[("/flagd/hash", json!("v3"))]), head.clone())),
        (none.clone(), between(head.clone(), changed(&[("/experiment/support-v2/revision", json!(2))]))),
        (none.clone(), between(head.clone(), changed(&[("/experiment/support-v2/step", json!(3))]))),
        (none.clone(), between(head.clone(), changed(&[("/experiment/support-v2/variant/treatment/prompt", json!("v3"))]))),
        (
            none,
            between(
                changed(&[("/experiment/support-v2/state", json!("stopped"))]),
                changed(&[("/experiment/support-v2/ramp", json!([30.0]))]),
            ),
        ),
    ];
    let alone = |values: Vec<Value>| values.into_iter().map(|value| (value, Value::Null)).collect();
    BTreeMap::from([("stack", alone(stacks)), ("manifests", alone(objects)), ("plan", plans)])
}

/// What llmc's own engine makes of `query`.
fn by_regorus(files: &[String], query: &str, input: &Value, data: &Value) -> Value {
    let mut engine = regorus::Engine::new();
    for file in files {
        engine.add_policy(file.clone(), fs::read_to_string(root().join(file)).expect("a policy")).expect("Rego");
    }
    if !data.is_null() {
        engine.add_data(regorus::Value::from(data.clone())).expect("data");
    }
    engine.set_input(regorus::Value::from(input.clone()));
    serde_json::to_value(engine.eval_rule(query.to_owned()).expect("a value")).expect("JSON")
}

/// Sets come in an order of their own.
fn sorted(value: &Value) -> Vec<String> {
    let mut items: Vec<String> = value.as_array().expect("a set").iter().map(Value::to_string).collect();
    items.sort();
    items
}

#[test]
fn another_engine_says_the_same_of_every_shipped_policy() {
    let files = files();
    let set = llmc::policy::Set::load(Vec::new());
    let inputs = inputs();
    let mut asked = Vec::new();
    let mut expected = Vec::new();
    for policy in set.policies() {
        let query = format!("data.{}.{}", policy.package.join("."), policy.rule);
        let before = expected.len();
        for (input, data) in &inputs[policy.moment.word()] {
            expected.push((query.clone(), sorted(&by_regorus(&files, &query, input, data))));
            asked.push(json!({"query": query, "input": input, "data": data}));
        }
        let found = expected[before..].iter().filter(|(_, found)| !found.is_empty()).count();
        assert!(found > 0 && found < expected.len() - before, "{query}: some input must break it and some must not");
    }
    assert!(asked.len() > 50, "{}", asked.len());
    let run = judge("rego", &[], &json!({"files": files, "cases": asked}).to_string());
    assert_eq!(run.code, 0, "{}", run.stdout);
    let said = run.stdout.lines().map(|line| sorted(&serde_json::from_str(line).expect("JSON")));
    let said: Vec<(String, Vec<String>)> = expected.iter().map(|(query, _)| query.clone()).zip(said).collect();
    for (one, other) in said.iter().zip(&expected) {
        assert_eq!(one, other, "rego-cpp first");
    }
    assert_eq!(said.len(), expected.len());
}

/// A judge that accepts everything is none.
#[test]
fn what_is_no_rego_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bad.rego");
    for text in ["package a\n\ndeny contains x if {\n", "package a\n\nx := }\n"] {
        fs::write(&file, text).expect("written");
        let run = judge("rego", &[], &json!({"files": [file], "cases": [{"query": "data.a.deny", "input": {}, "data": null}]}).to_string());
        assert_eq!(run.code, 1, "{text}: {}", run.stdout);
    }
}
