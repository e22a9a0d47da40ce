//! What a wrong line of a load, a share or a rate leads to: its own finding, and none that is untrue because
//! of what it left out.

use serde_json::Value;

use crate::harness::{copy, edit, llmc, root};

const LOAD: &str = "load requests-per-second=5 input-tokens=900 output-tokens=250 load-factor=0.4";

/// Codes of the errors of the example after `edits`, each once, and all that was said.
fn codes(edits: &[(&str, &str)]) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = folder.path().join("stacks/customer-support");
    std::fs::create_dir_all(&stack).expect("a folder");
    copy(&root().join("stacks/customer-support"), &stack);
    for (from, to) in edits {
        edit(&stack.join("stack.kdl"), from, to);
    }
    let run = llmc(folder.path(), &["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    let findings = report["findings"].as_array().expect("findings");
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    let mut codes: Vec<String> = errors.map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect();
    codes.sort();
    codes.dedup();
    (codes, run.stdout)
}

#[test]
fn a_wrong_line_of_the_traffic_has_its_own_finding_alone() {
    let share = "share at-least=0.25 at-most=0.4";
    let cases: [(&str, &str, &str, &[&str]); 7] = [
        ("a load that is too large", LOAD, &LOAD.replace("=5", "=1e308"), &["LLMC-S006"]),
        ("a load factor above 1", LOAD, &LOAD.replace("0.4", "2"), &["LLMC-S006"]),
        ("hits above 1", "hits at-least=0.2 at-most=0.4", "hits at-least=1.5", &["LLMC-S006"]),
        ("hits without a number", "hits at-least=0.2 at-most=0.4", "hits at-most=0.4", &["LLMC-S005"]),
        ("a share the wrong way round", share, "share at-least=0.5 at-most=0.4", &["LLMC-T005"]),
        ("a tier of no model", "tier \"simple\" model=\"llama-8b\"", "tier \"simple\" model=\"llama-9b\"", &["LLMC-R001"]),
        ("the load of a model as text", "load requests-per-second=3 ", "load requests-per-second=\"3\" ", &["LLMC-S004"]),
    ];
    for (what, from, to, expected) in cases {
        let (codes, output) = codes(&[(from, to)]);
        assert_eq!(codes, expected, "{what}: {output}");
    }
    // The same share is found once, and loads that differ for no such reason are found still.
    let (codes, output) = codes(&[(share, "share at-least=0.9")]);
    assert_eq!(codes, ["LLMC-T005"], "{output}");
}

#[test]
fn a_rate_that_cannot_be_read_is_not_called_missing() {
    let rate = |value: &str| format!("prices {{\n        rate \"USD\" value={value}\n    }}\n    budget {{");
    let euros = ("currency \"USD\"", "currency \"EUR\"");
    let (wrong, output) = codes(&[euros, ("budget {", &rate("-1"))]);
    assert_eq!(wrong, ["LLMC-S006"], "{output}");
    let (tiny, output) = codes(&[euros, ("budget {", &rate("0.00000000000000000001"))]);
    assert!(tiny.contains(&"LLMC-B003".to_owned()), "a price that is rounded to nothing: {output}");
    let (usable, output) = codes(&[euros, ("budget {", &rate("0.9"))]);
    assert!(usable.is_empty(), "{output}");
}

/// A load of a model that hardly counts beside that of a route has no remedy of zero requests.
#[test]
fn no_help_states_a_load_of_nothing() {
    let (codes, output) = codes(&[(LOAD, &LOAD.replace("=5", "=1000000000"))]);
    assert!(codes.contains(&"LLMC-T001".to_owned()), "{output}");
    assert!(!output.contains("requests-per-second=0`"), "{output}");
}

/// Copies are of no use where a single request misses the objective.
#[test]
fn an_objective_that_nothing_meets_is_to_be_corrected_before_copies_are_added() {
    let (codes, output) = codes(&[(LOAD, &LOAD.replace("=5", "=1000000000")), ("below \"2.5s\"", "below \"10ms\"")]);
    assert!(codes.contains(&"LLMC-T003".to_owned()), "{output}");
    assert!(output.contains("correct the objective `ttft` first") && !output.contains("`replicas max=5"), "{output}");
}

/// Where a stack goes, the files that its guardrails ask with go too, so what it cost is a lower bound.
#[test]
fn what_a_removed_stack_cost_is_said_to_be_a_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = folder.path().join("stacks/customer-support");
    std::fs::create_dir_all(&stack).expect("a folder");
    copy(&root().join("stacks/customer-support"), &stack);
    assert_eq!(llmc(folder.path(), &["compile"]).code, 0);
    std::fs::remove_dir_all(&stack).expect("removed");
    let plan = llmc(folder.path(), &["plan"]);
    assert!(plan.stdout.contains("before is at least so much"), "{}{}", plan.stdout, plan.stderr);
}
