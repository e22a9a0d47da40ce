//! What the schemas of Kubernetes, a YAML 1.1 reader and kustomize say.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use super::Tree;
use crate::harness::{example_stacks, finish, judge, root, yaml};

/// Judges one text as a file of its own.
fn judge_text(text: &str) -> crate::harness::Run {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("object.yaml");
    std::fs::write(&path, text).expect("written");
    judge("kubernetes", &[path.to_str().expect("a UTF-8 path")], "")
}

#[test]
fn kubernetes_schemas_accept_every_object() {
    for stack in example_stacks() {
        let tree = Tree::of(&stack, &[]);
        let paths: Vec<String> = tree.objects().keys().map(|path| tree.path.join(path).display().to_string()).collect();
        assert!(paths.len() >= 8, "{stack} has only {paths:?}");
        let run = judge("kubernetes", &paths.iter().map(String::as_str).collect::<Vec<_>>(), "");
        assert_eq!(run.code, 0, "{}", run.stdout);
    }
}

#[test]
fn kubernetes_schemas_accept_an_engine_that_does_not_drain_by_itself() {
    let tree = Tree::of("customer-support", &[("stack.kdl", "0.32.0", "0.10.2")]);
    let run = judge_text(tree.text("kubernetes/llama-70b/deployment.yaml"));
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn kubernetes_schemas_reject_fields_that_are_misspelt() {
    let tree = Tree::of("customer-support", &[]);
    let cases = [
        ("deployment", "enableServiceLinks:", "enableServiceLink:"),
        ("deployment", "failureThreshold: 6", "failureThreshold: six"),
        ("network-policy", "podSelector:", "podSelectors:"),
        ("pod-disruption-budget", "unhealthyPodEvictionPolicy:", "unhealthyEvictionPolicy:"),
        ("pod-monitor", "honorLabels:", "honourLabels:"),
        ("scaled-object", "maxReplicaCount:", "maxReplicas:"),
    ];
    for (kind, right, wrong) in cases {
        let text = tree.text(&format!("kubernetes/llama-70b/{kind}.yaml"));
        assert!(text.contains(right), "{kind} has no `{right}`");
        let run = judge_text(&text.replace(right, wrong));
        assert_eq!(run.code, 1, "{kind} with `{wrong}` was accepted");
    }
}

/// A case for the judge `yaml11`: the file of `text`, and the value that is meant.
fn yaml11(text: &str, meant: &Value) -> crate::harness::Run {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("object.yaml");
    std::fs::write(&path, text).expect("written");
    judge("yaml11", &[], &json!([{ "file": path, "documents": [meant] }]).to_string())
}

#[test]
fn a_yaml_1_1_reader_sees_the_same_values() {
    for stack in example_stacks() {
        let tree = Tree::of(&stack, &[]);
        let cases: Vec<Value> =
            tree.objects().into_iter().map(|(path, value)| json!({ "file": tree.path.join(path), "documents": [value] })).collect();
        let run = judge("yaml11", &[], &json!(cases).to_string());
        assert_eq!(run.code, 0, "{}", run.stdout);
    }
}

#[test]
fn words_that_yaml_1_1_takes_for_something_else_are_quoted() {
    // As the owner, a word becomes a label of every object.
    for word in ["no", "on", "y", "null", "1e3", "0x10", "12_000", "2026-01-01"] {
        let tree = Tree::of("customer-support", &[("stack.kdl", "owner \"team-support\"", &format!("owner \"{word}\""))]);
        let text = tree.text("kubernetes/llama-70b/service.yaml");
        let meant = yaml(text);
        assert_eq!(meant["metadata"]["labels"]["llmc.dev/owner"], word);
        let run = yaml11(text, &meant);
        assert_eq!(run.code, 0, "{}", run.stdout);
        if word == "no" {
            let unquoted = text.replace("\"no\"", "no").replace("'no'", "no");
            assert_ne!(unquoted, text, "the word was not quoted at all");
            assert_eq!(yaml11(&unquoted, &meant).code, 1, "an unquoted `no` was accepted");
        }
    }
}

#[test]
fn any_text_stays_what_it_is_in_yaml() {
    let special: Vec<char> = (0..=0x20_u8)
        .chain(0x7f..=0xa0)
        .map(char::from)
        .chain("\u{200b}\u{2028}\u{2029}\u{feff}\u{fffe}한🚀:#-?!&*|>@`%,[]{}'\"\\~=<$".chars())
        .collect();
    let shapes =
        ["@", "@a", "a@", "a@b", " @ ", "\n@a\n", "a\n@", "a\n @b\n", "a@\nb\n", "a\nb@", "a\n@\n\n", "@\n---\nkind: Secret\n", "a: @\n"];
    let texts: Vec<String> = special.iter().flat_map(|c| shapes.iter().map(|shape| shape.replace('@', &c.to_string()))).collect();
    let keys: serde_json::Map<String, Value> = texts.iter().map(|text| (format!("k{text}"), json!(1))).collect();
    for meant in [
        json!({ "texts": texts }),
        json!({ "map": { "of": texts.iter().enumerate().map(|(i, t)| (i.to_string(), json!(t))).collect::<serde_json::Map<_, _>>() } }),
        json!({ "keys": keys }),
    ] {
        let written = llmc::emit::to_yaml(&meant);
        let run = yaml11(&written, &meant);
        assert_eq!(run.code, 0, "{}", run.stdout);
        assert_eq!(yaml(&written), meant, "as YAML 1.2");
    }
}

#[test]
fn a_prompt_cannot_leave_its_config_map() {
    let file = "prompts/support.v1.md";
    let start = "You are a customer support agent";
    let original = std::fs::read_to_string(root().join("stacks/customer-support").join(file)).expect("a prompt");
    for text in
        ["\tno\n---\nkind: Secret\n...\n# \"quotes\" 'and' &more *of !it", "  Windows\r\nlines\r\n", "한국어 🚀 {{ query }} $(HF_TOKEN)\n "]
    {
        let tree = Tree::of("customer-support", &[(file, start, text)]);
        let written = tree.text("prompts/support/v1.yaml");
        let mut meant = yaml(written);
        meant["data"]["system.md"] = original.replace(start, text).into();
        let run = yaml11(written, &meant);
        assert_eq!(run.code, 0, "{text:?}: {}\n{written}", run.stdout);
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "kubectl is the only judge that may be absent, and that must be seen")]
fn kustomize_builds_the_whole_tree() {
    let identity = |object: &Value| format!("{}/{}", object["kind"], object["metadata"]["name"]);
    for stack in example_stacks() {
        let tree = Tree::of(&stack, &[]);
        let Ok(output) = Command::new("kubectl").arg("kustomize").arg(&tree.path).output() else {
            println!("kubectl is not installed: nothing was said about kustomize");
            return;
        };
        let run = finish(output);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let built: Vec<Value> = serde_saphyr::from_multiple(&run.stdout).expect("YAML of kustomize");
        let written: Vec<String> = tree.objects().values().map(identity).collect();
        assert_eq!(built.len(), written.len(), "{stack}");
        let built: BTreeSet<String> = built.iter().map(identity).collect();
        assert_eq!(built, written.into_iter().collect(), "{stack}");
    }
}
