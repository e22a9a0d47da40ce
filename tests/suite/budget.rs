//! The budget in every command that knows what stands: only a change that exceeds it, or exceeds it more,
//! blocks.
//!
//! Each case begins with a tree that was within its budget until its GPUs became dearer: the list of prices
//! is a file beside the spec, and a new list is no change of the stack.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Run, edit, git, llmc, root};

const SPEC: &str = "stacks/shop/stack.kdl";
const LIST: &str = "stacks/shop/prices.kdl";

fn list(price: &str) -> String {
    format!("gpu \"a100-80gb-sxm\" {{\n    on-demand {price}\n    date \"2026-11-01\"\n    source \"the contract\"\n}}\n")
}

/// A repository whose stack has `monthly` as its budget and is not compiled.
fn fresh(monthly: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = folder.path().join("stacks/shop");
    fs::create_dir_all(&stack).expect("a folder");
    let case = root().join("tests/checks/LLMC-B010/good");
    fs::copy(case.join("chat.md"), stack.join("chat.md")).expect("copied");
    let text = fs::read_to_string(case.join("stack.kdl")).expect("a spec");
    let text = text
        .replace("price-per-gpu-hour 2", "")
        .replace("monthly 6000", &format!("monthly {monthly}"))
        .replace("load requests-per-second=2 input-tokens=500 output-tokens=100", "");
    let text = text.replacen("pool \"a100\"", "prices { file \"prices.kdl\"; }\n    pool \"a100\"", 1);
    assert!(text.contains(&format!("monthly {monthly}")) && text.contains("min=4"), "the case is another one: {text}");
    fs::write(stack.join("stack.kdl"), text).expect("written");
    fs::write(stack.join("prices.kdl"), list("2")).expect("written");
    folder
}

/// The same, compiled, with GPUs that cost ten times as much since.
fn dearer() -> tempfile::TempDir {
    let folder = fresh("20000");
    let run = llmc(folder.path(), &["compile"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    fs::write(folder.path().join(LIST), list("20")).expect("written");
    folder
}

fn spec(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join(SPEC)
}

/// Severity of each finding of the budget's rule, with the first line of help.
fn budget_findings(folder: &Path) -> (i32, Vec<(String, String)>) {
    let run = llmc(folder, &["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    let findings = report["findings"].as_array().expect("findings").iter().filter(|finding| finding["code"] == "LLMC-B010");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (run.code, findings.map(|finding| (text(&finding["severity"]), text(&finding["help"][0]))).collect())
}

/// The budget's part of the plan.
fn planned(folder: &Path, args: &[&str]) -> (Run, Value) {
    let run = llmc(folder, &[&["plan", "--format", "json"], args].concat());
    let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    let budget = plan["stacks"][0]["totals"]["budget"].clone();
    (run, budget)
}

/// Every command lets the change pass, and says that the budget was exceeded before.
fn passes(folder: &tempfile::TempDir, why: &str) {
    let path = folder.path();
    let (code, findings) = budget_findings(path);
    assert_eq!((code, findings.len()), (0, 1), "{why}");
    assert!(findings[0].0 == "warning" && findings[0].1.starts_with("already so before this change"), "{why}: {findings:?}");
    let (run, budget) = planned(path, &["--out", "plan.json"]);
    assert!(run.code == 0 && budget["monthly_expected"][0].is_string(), "{why}: {budget} {}", run.stderr);
    assert!(run.stderr.contains("warning[LLMC-B010]"), "{why}: {}", run.stderr);
    let run = llmc(path, &["apply", "plan.json"]);
    assert_eq!(run.code, 0, "{why}: {}{}", run.stdout, run.stderr);
    assert_eq!(llmc(path, &["compile", "--check"]).code, 0, "{why}");
}

/// Every command refuses the change and writes nothing.
fn blocks(folder: &tempfile::TempDir, why: &str) -> Value {
    let path = folder.path();
    let before = crate::harness::tree(path);
    let (code, findings) = budget_findings(path);
    assert_eq!((code, findings.iter().map(|(severity, _)| severity.as_str()).collect::<Vec<_>>()), (1, vec!["error"]), "{why}");
    let (run, budget) = planned(path, &["--out", "plan.json", "--detailed-exitcode"]);
    assert!(run.code == 1 && run.stderr.contains("error[LLMC-B010]"), "{why}: {}", run.stderr);
    for command in [&["compile"][..], &["apply"]] {
        let run = llmc(path, command);
        assert_eq!(run.code, 1, "{why}: {}{}", run.stdout, run.stderr);
    }
    let run = llmc(path, &["plan", "--format", "markdown"]);
    assert!(run.code == 1 && run.stdout.contains("**Refused**") && run.stdout.contains("LLMC-B010"), "{why}: {}", run.stdout);
    let mut after = crate::harness::tree(path);
    after.retain(|name, _| !name.ends_with(".lock"));
    assert!(
        before == after,
        "{why}: something was written: {:?}",
        after.keys().filter(|name| !before.contains_key(*name)).collect::<Vec<_>>()
    );
    budget
}

fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no amount: {value}"))
}

#[test]
fn a_dearer_list_blocks_no_change_of_something_else() {
    let folder = dearer();
    edit(&spec(&folder), "temperature=0.2", "temperature=0.3");
    let (_, budget) = planned(folder.path(), &[]);
    assert_eq!(budget["monthly_expected"][0], budget["monthly_expected"][1], "both sides have the new prices");
    assert!(number(&budget["monthly_expected"][1]) > 20_000.0 && budget["causes"].as_array().is_some_and(Vec::is_empty), "{budget}");
    passes(&folder, "a prompt is sampled otherwise");
    edit(&spec(&folder), "max=6", "max=5");
    passes(&folder, "the stack costs no more");
    edit(&spec(&folder), "monthly 20000", "monthly 30000");
    passes(&folder, "the budget is raised and still exceeded");
}

#[test]
fn what_exceeds_more_blocks() {
    let folder = dearer();
    edit(&spec(&folder), "max=6", "max=7");
    let budget = blocks(&folder, "a copy more");
    let causes = budget["causes"].as_array().expect("causes");
    assert_eq!(causes[0]["route"], "/model/llama-8b/replicas/max", "{budget}");
    assert!(number(&causes[0]["change"]["expected"]) >= 14_600.0, "{budget}");
    let folder = dearer();
    edit(&spec(&folder), "monthly 20000", "monthly 19000");
    blocks(&folder, "the budget is lowered");
}

#[test]
fn nothing_that_stands_excuses_nothing() {
    let budget = blocks(&fresh("5000"), "a new stack");
    assert_eq!(budget["monthly_expected"][0], Value::Null);
    let folder = dearer();
    fs::write(folder.path().join("generated/shop/stack.json"), "{").expect("written");
    let budget = blocks(&folder, "a record that cannot be read");
    assert!(budget["notes"][0].as_str().is_some_and(|note| note.contains("cannot be priced") || note.contains("can be read")), "{budget}");
    assert_eq!(budget["monthly_expected"][0], Value::Null);
}

#[test]
fn a_commit_is_a_base_too() {
    let folder = dearer();
    let path = folder.path();
    for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", "dearer"]] {
        git(path, args);
    }
    edit(&spec(&folder), "temperature=0.2", "temperature=0.3");
    let (run, budget) = planned(path, &["--against", "HEAD", "--changed-since", "HEAD"]);
    assert!(run.code == 0 && run.stderr.contains("warning[LLMC-B010]"), "{budget} {}", run.stderr);
    edit(&spec(&folder), "max=6", "max=7");
    let (run, _) = planned(path, &["--against", "HEAD", "--changed-since", "HEAD"]);
    assert!(run.code == 1 && run.stderr.contains("error[LLMC-B010]"), "{}", run.stderr);
    fs::remove_dir_all(path.join("generated")).expect("removed");
    edit(&spec(&folder), "max=7", "max=6");
    assert_eq!(budget_findings(path).0, 1, "on disk nothing stands any more");
    let (run, _) = planned(path, &["--against", "HEAD"]);
    assert_eq!(run.code, 0, "in the commit it does: {}", run.stderr);
}

#[test]
fn a_budget_that_is_removed_is_a_risk_and_no_excess() {
    let folder = dearer();
    edit(&spec(&folder), "monthly 20000", "monthly 20000; alert-at 1.0");
    let text = fs::read_to_string(spec(&folder)).expect("a spec");
    let (before, _) = text.split_once("    budget {").expect("a budget");
    fs::write(spec(&folder), format!("{before}}}\n")).expect("written");
    assert_eq!(budget_findings(folder.path()), (0, Vec::new()));
    let run = llmc(folder.path(), &["plan"]);
    assert!(run.code == 0 && run.stdout.contains("the budget is removed"), "{}{}", run.stdout, run.stderr);
}
