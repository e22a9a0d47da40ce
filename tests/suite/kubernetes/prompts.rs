//! Prompts as ConfigMaps.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Tree;
use crate::harness::example_stacks;

const V1: &str = "prompts/support/v1.yaml";
const V2: &str = "prompts/support/v2.yaml";

/// The end of the first version in the spec, and the head of the second.
const V1_ENDS: &str = "temperature=0.3 top-p=0.9 max-tokens=512\n        }\n        version \"v2\"";

/// The same with another temperature.
const V1_CHANGED: &str = "temperature=0.35 top-p=0.9 max-tokens=512\n        }\n        version \"v2\"";

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().expect("a name").to_owned()
}

#[test]
fn a_version_is_named_after_its_content_and_cannot_be_changed() {
    let before = Tree::of("customer-support", &[]);
    assert_eq!(before.object(V1)["immutable"], true);
    assert!(name(&before.object(V1)).starts_with("customer-support-prompt-support-v1-"));
    for edit in [("prompts/support.v1.md", "six sentences", "five sentences"), ("stack.kdl", V1_ENDS, V1_CHANGED)] {
        let after = Tree::of("customer-support", &[edit]);
        assert_ne!(name(&before.object(V1)), name(&after.object(V1)), "{edit:?}");
        assert_eq!(before.text(V2), after.text(V2), "{edit:?}");
    }
    let shared = Tree::of("customer-support", &[("stack.kdl", "\"query\" max-tokens=1500", "\"query\" max-tokens=1400")]);
    assert_ne!(name(&before.object(V2)), name(&shared.object(V2)), "the length of a variable is part of it");
    let elsewhere = Tree::of("customer-support", &[("stack.kdl", "monthly 45000", "monthly 44000")]);
    assert_eq!(before.below("prompts/"), elsewhere.below("prompts/"));
}

#[test]
fn the_data_is_what_the_author_wrote() {
    let tree = Tree::of("korean-assistant", &[]);
    let data = &tree.object("prompts/qna/v1.yaml")["data"];
    for (key, file) in [("system.md", "prompts/qna.system.md"), ("user.md", "prompts/qna.user.md")] {
        let written = std::fs::read_to_string(crate::harness::root().join("stacks/korean-assistant").join(file)).expect("a prompt");
        assert_eq!(data[key], written, "{file}");
    }
    let sampling: Value = serde_json::from_str(data["sampling.json"].as_str().expect("a text")).expect("JSON");
    let wanted = json!({
        "sampling": { "max_tokens": 800, "temperature": 0.2, "top_p": 0.9 },
        "variables": { "department": { "max_tokens": 20 }, "question": { "max_tokens": 2000 } },
    });
    assert_eq!(sampling, wanted);
}

#[test]
fn the_index_leads_to_every_version() {
    for stack in example_stacks() {
        let tree = Tree::of(&stack, &[]);
        let object = tree.object("prompts/index.yaml");
        assert!(object["immutable"].is_null(), "the index changes under its name");
        let index: Value = serde_json::from_str(object["data"]["index.json"].as_str().expect("a text")).expect("JSON");
        let mut listed = BTreeSet::new();
        for (prompt, entry) in index["prompts"].as_object().expect("prompts") {
            let versions = entry["versions"].as_object().expect("versions");
            assert!(versions.contains_key(entry["live"].as_str().expect("a version")), "{stack}/{prompt}");
            listed.extend(versions.values().map(|name| name.as_str().expect("a name").to_owned()));
        }
        let is_version = |path: &str| path.starts_with("prompts/") && path != "prompts/index.yaml";
        let written: BTreeSet<String> =
            tree.objects().iter().filter(|(path, _)| is_version(path)).map(|(_, object)| name(object)).collect();
        assert_eq!(listed, written, "{stack}");
        for (route, entry) in index["routes"].as_object().expect("routes") {
            let prompt = entry["prompt"].as_str().expect("a prompt");
            assert!(index["prompts"][prompt].is_object(), "{stack}/{route}");
        }
    }
}

/// The application chooses until something else does, so the index says among what.
#[test]
fn the_index_has_what_an_application_chooses_from() {
    let tree = Tree::of("customer-support", &[]);
    let object = tree.object("prompts/index.yaml");
    let index: Value = serde_json::from_str(object["data"]["index.json"].as_str().expect("a text")).expect("JSON");
    assert_eq!(index["format_version"], 1, "fields were only added");
    let wanted = json!({
        "prompt": "support",
        "model": "llama-70b",
        "guardrails": "default",
        "tiers": { "simple": { "model": "llama-8b", "guardrails_config": "support.llama-8b" } },
        "fallback": { "external": "gpt-4o", "guardrails_config": "support.gpt-4o" },
        "cache": { "kind": "semantic", "similarity": 0.92, "ttl_seconds": 3600 },
    });
    let mut support = index["routes"]["support"].clone();
    support.as_object_mut().expect("a route").remove("experiment");
    assert_eq!(support, wanted);
    // A route without them has no empty fields, and one without guardrails no configuration.
    assert_eq!(index["routes"]["triage"], json!({ "guardrails": null, "model": "llama-8b", "prompt": "triage" }));
    let without = Tree::of(
        "customer-support",
        &[("stack.kdl", "        guardrails \"default\"\n        load requests-per-second=5", "        load requests-per-second=5")],
    );
    let object = without.object("prompts/index.yaml");
    let index: Value = serde_json::from_str(object["data"]["index.json"].as_str().expect("a text")).expect("JSON");
    assert_eq!(index["routes"]["support"]["fallback"], json!({ "external": "gpt-4o" }));
}

/// What a tier or a fallback says is judged as well, by the server that may reach it.
#[test]
fn whatever_answers_a_guarded_route_is_guarded() {
    let tree = Tree::of("customer-support", &[]);
    for (config, engine, model) in
        [("support", "vllm", "llama-70b"), ("support.llama-8b", "vllm", "llama-8b"), ("support.gpt-4o", "openai", "gpt-4o")]
    {
        let text = tree.text(&format!("guardrails/default/{config}/config.yml"));
        assert!(text.contains(&format!("engine: {engine}")) && text.contains(&format!("model: {model}")), "{text}");
        assert!(text.contains("self check input") && text.contains("self check output"), "{text}");
    }
    let policy = tree.object("kubernetes/llama-8b/network-policy.yaml");
    assert!(policy.to_string().contains("\"guardrails\""), "the server may call the tier: {policy}");
}

/// Argo CD deletes first otherwise, and a pod that still mounts the old content could not move.
#[test]
fn what_is_named_after_its_content_is_deleted_last() {
    let mut found = 0;
    for stack in example_stacks() {
        for (path, object) in Tree::of(&stack, &[]).objects().into_iter().filter(|(_, object)| object["immutable"] == true) {
            assert_eq!(object["metadata"]["annotations"]["argocd.argoproj.io/sync-options"], "PruneLast=true", "{stack}/{path}");
            found += 1;
        }
    }
    assert!(found >= 8, "{found} objects");
}
