//! Plans of real stacks: an edit of a spec in, what it changes and what that means out.

use std::path::Path;

use llmc::emit::{FileSet, Tree};
use llmc::plan::{self, Action, Disruption, Order, StackPlan, Subject};

use crate::harness::{copy, root};

/// The stack `name` with its spec's text edited, compiled.
fn compiled(name: &str, edits: &[(&str, &str)]) -> FileSet {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("stacks").join(name), folder.path());
    compiled_in(folder.path(), edits)
}

fn compiled_in(folder: &Path, edits: &[(&str, &str)]) -> FileSet {
    let spec = ["stack.kdl", "stack.yaml"].map(|file| folder.join(file)).into_iter().find(|path| path.is_file()).expect("a spec");
    let mut text = std::fs::read_to_string(&spec).expect("the spec");
    for (from, to) in edits {
        assert!(text.contains(from), "nothing to edit: {from}");
        text = text.replace(from, to);
    }
    std::fs::write(&spec, text).expect("written");
    let compilation = llmc::compile::compile(&spec, "stack");
    let findings: Vec<String> = compilation.findings.iter().map(|finding| finding.message.clone()).collect();
    compilation.files.unwrap_or_else(|| panic!("{findings:?}"))
}

fn planned(old: &FileSet, new: &FileSet) -> StackPlan {
    planned_of(&Tree::from(old), new)
}

fn planned_of(old: &Tree, new: &FileSet) -> StackPlan {
    let output = "generated/customer-support";
    plan::compare(&Subject { stack: "customer-support", spec: Some("stack.kdl"), output, old, renamed_from: None, new })
}

/// What an edit of `customer-support` changes.
fn edited(edits: &[(&str, &str)]) -> StackPlan {
    planned(&compiled("customer-support", &[]), &compiled("customer-support", edits))
}

#[test]
fn show() {
    for edits in [
        &[("max-model-len=8192 gpu", "max-model-len=4096 gpu")][..],
        &[("model \"llama-8b\"", "model \"triage-8b\"")],
        &[("namespace \"llm-serving\"", "namespace \"llm\"")],
        &[("replicas min=2\n", "replicas min=3\n")],
        &[("sampling temperature=0.3", "sampling temperature=0.4")],
    ] {
        let plan = edited(edits);
        for object in &plan.objects {
            println!(
                "{:?} {}/{} {:?} {:?} {}",
                object.action,
                object.kind,
                object.name,
                object.renamed_from,
                object.immutable_field,
                object.disruption.word()
            );
            for field in object.fields.iter().take(6) {
                println!(
                    "     {} {:?} {:?}",
                    field.path,
                    field.old.as_ref().map(|v| v.to_string()),
                    field.new.as_ref().map(|v| v.to_string())
                );
            }
        }
        for rollout in &plan.rollouts {
            println!("  {rollout:?}");
        }
        println!("  {:?}\n", plan.totals);
    }
}
