//! Policies of a repository and those that ship, as people meet them: through `llmc check`, through
//! plans, and through `llmc policy`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use llmc::compile::{self, Compilation};
use llmc::plan::{self, StackPlan};
use llmc::policy::{Day, File, Policies, Set};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Run, copy, llmc, llmc_with, root, texts};

/// A repository with one stack, `shop`, and the files of `policies` by name.
fn repository(policies: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&root().join("tests/checks/LLMC-Y001/good"), &folder.path().join("stacks/shop"));
    for (name, text) in policies {
        let path = folder.path().join("policies").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    folder
}

fn spec(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("stacks/shop/stack.kdl")
}

/// Replaces `old` in the spec of `folder` by `new`.
fn edit(folder: &TempDir, old: &str, new: &str) {
    let text = fs::read_to_string(spec(folder)).expect("the spec");
    assert!(text.contains(old), "the spec has no `{old}`");
    fs::write(spec(folder), text.replacen(old, new, 1)).expect("written");
}

/// What `llmc check` finds, as `code message`, and its exit code.
fn check(folder: &Path) -> (i32, Vec<String>) {
    let run = llmc(folder, &["check", "--format", "json"]);
    (run.code, messages(&run))
}

fn messages(run: &Run) -> Vec<String> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{}\n{}", run.stdout, run.stderr));
    let text = |f: &Value| format!("{} {}", f["code"].as_str().expect("a code"), f["message"].as_str().expect("a message"));
    report["findings"].as_array().expect("findings").iter().map(text).collect()
}

/// What `llmc check` says with one policy file.
fn check_with(policy: &str) -> (i32, Vec<String>) {
    check(repository(&[("team.rego", policy)]).path())
}

#[test]
fn a_denial_underlines_what_its_route_names() {
    let policy = "package stack.team\n\ndeny_short_context contains {\"msg\": \"answers need 16384 tokens\", \"route\": \"/model/llama-8b/serve/max-model-len\", \
                  \"help\": [\"write 16384\", \"ask the team\"]} if {\n\tsome model in input.model\n\tmodel.serve[\"max-model-len\"] < 16384\n}\n";
    let folder = repository(&[("team/context.rego", policy)]);
    let run = llmc(folder.path(), &["check"]);
    assert_eq!(run.code, 1);
    let expected = "\
error[LLMC-Y001]: policy `short_context`: answers need 16384 tokens
  --> stacks/shop/stack.kdl:15:15
   |
15 |         serve max-model-len=8192 max-num-seqs=64 gpu-memory-utilization=0.95
   |               ^^^^^^^^^^^^^^^^^^
   |
   = help: write 16384
   = help: ask the team
   = help: policy `short_context` is at policies/team/context.rego:3; to turn it off: `package stack` with `exception contains [\"short_context\"]` in a file of `policies/`, or until a day: `waive \"short_context\"` in the spec

checked 1 stack: 1 error, 0 warnings
";
    assert_eq!(run.stderr, expected);
    // What is refused is not written either.
    let run = llmc(folder.path(), &["compile"]);
    assert_eq!(run.code, 1);
    assert!(!folder.path().join("generated").exists());
}

#[test]
fn warnings_stop_nothing_and_violations_do() {
    assert_eq!(check_with("package stack\n\nwarn contains \"a\"\n"), (0, vec!["LLMC-Y002 policy `stack.warn`: a".to_owned()]));
    assert_eq!(
        check_with("package stack\n\nviolation_x contains {\"msg\": \"a\", \"details\": {\"b\": 1}}\n"),
        (1, vec!["LLMC-Y001 policy `x`: a".to_owned()])
    );
    assert_eq!(
        check_with("package stack\n\ndeny := [\"a\"] if input.stack == \"shop\"\n"),
        (1, vec!["LLMC-Y001 policy `stack.deny`: a".to_owned()])
    );
    assert_eq!(check_with("package stack\n\ndeny contains \"a\" if input.stack == \"other\"\n"), (0, Vec::new()));
}

/// As teams have them for conftest: `package main`, one object at a time.
#[test]
fn policies_over_objects_run_unchanged() {
    let policy = "package main\n\nimport rego.v1\n\ndeny contains msg if {\n\tinput.kind == \"Deployment\"\n\tnot input.spec.template.spec.priorityClassName\n\t\
                  msg := sprintf(\"pods of %s have no priority\", [input.metadata.name])\n}\n\nexception contains rules if {\n\tinput.metadata.name == \"other\"\n\trules := [\"\"]\n}\n";
    let (code, found) = check_with(policy);
    assert_eq!(code, 1);
    assert_eq!(found.len(), 1, "{found:?}");
    let expected = "LLMC-Y001 policy `main.deny`: Deployment `shop-llama-8b` (kubernetes/llama-8b/deployment.yaml): pods of shop-llama-8b have no priority";
    assert_eq!(found[0], expected);
    // conftest's empty name excepts the rules that have none.
    assert_eq!(check_with(&policy.replace("\"other\"", "\"shop-llama-8b\"")), (0, Vec::new()));
}

#[test]
fn a_policy_that_gives_no_verdict_fails_the_run() {
    for (policy, words) in [
        ("package stack\n\ndeny contains msg if { msg := \n", "the policy cannot be read: "),
        ("package stack\n\ndeny[msg] { msg := \"old Rego\" }\n", "the policy cannot be read: `if` keyword is required"),
        ("package stack\n\ndeny contains msg if { x == 1; msg := \"a\" }\n", "use of undefined variable `x` is unsafe"),
        (
            "package stack\n\ndeny_zero contains \"a\" if 1 / count(input.external) > 0\n",
            "the policy `zero` gives no verdict: divide by zero",
        ),
        (
            "package stack\n\ndeny_number contains \"a\" if to_number(input.stack) > 1\n",
            "the policy `number` gives no verdict: could not parse",
        ),
        // These would be seen only on the input that reaches them.
        ("package stack\n\ndeny contains \"a\" if { input.never; http.send({}) }\n", "`http.send` is not available"),
        ("package stack\n\ndeny contains \"a\" if { input.never; rand.intn(\"a\", 9) == 1 }\n", "`rand.intn` is not available"),
        ("package stack\n\ndeny contains \"a\" if { input.never; sprintff(\"a\", []) }\n", "there is no function `sprintff`"),
        ("package stack\n\nimport data.libb.names\n\ndeny contains \"a\" if names.bad\n", "there is nothing at `data.libb.names`"),
        ("package stack\n\ndeny contains \"a\" if data.config.x\n", "there is nothing at `data.config.x`"),
        ("package stack\n\ndeny_x contains {\"msg\": \"a\", \"route\": \"model\"}\n", "gives the route `model`"),
        ("package stack\n\ndeny_x contains {\"msg\": \"a\", \"rout\": \"/model\"}\n", "did you mean"),
        ("package stack\n\ndeny_x contains 1\n", "gives a result that is a number"),
        ("package stack\n\ndeny_x if true\n", "gives a boolean"),
        ("package stack\n\ndeny_x contains \" \"\n", "gives an empty message"),
        ("package stack\n\ndeny_x(y) := y\n", "`deny_x` is a function"),
        ("package stack\n\nexception contains \"gpu_memory\"\n", "an exception is a list of names"),
        ("package stack\n\nexception contains [\"nobody\"]\n", "the exception `nobody` names no policy"),
        ("package manifest\n\ndeny contains \"a\"\n", "is never asked"),
        ("package base\n", "has the name of a stack"),
        ("package stack.llmc.mine\n", "belongs to llmc's own policies"),
        ("package stack\n\nf(x) := f(x + 1)\n\ndeny contains \"a\" if f(1)\n", "calls itself"),
        ("package stack\n\nf(x) := g(x)\n\ng(x) := [y | y := f(x)]\n\ndeny contains \"a\" if f(1)\n", "calls itself"),
        ("package stack\n\na := b\n\nb := a\n\ndeny_x contains \"a\" if a\n", "recursion detected"),
        ("package stack\n\ndeny_x contains \"a\" if count(numbers.range(1, 100000000000)) > 1\n", "a range has at most"),
        ("package stack\n\ndeny_x contains \"a\" if bits.lsh(1, 100000000000) > 1\n", "shifted out of 64 bits"),
    ] {
        let (code, found) = check_with(policy);
        assert_eq!(code, 1, "{policy}");
        let is_ours = |line: &String| line.starts_with("LLMC-Y003 ") || line.starts_with("LLMC-Y004 ");
        assert!(!found.is_empty() && found.iter().all(is_ours), "{policy}: {found:?}");
        let run = llmc(repository(&[("team.rego", policy)]).path(), &["check"]);
        assert!(run.stderr.contains(words), "{policy}: {}", run.stderr);
        assert!(run.stderr.contains("policies/team.rego:"), "{policy}: {}", run.stderr);
    }
}

/// A policy that fails hides no other one, and its fault stands once however many stacks there are.
#[test]
fn a_fault_stands_beside_the_findings() {
    let policy = "package stack\n\ndeny_zero contains \"a\" if 1 / count(input.external) > 0\n\ndeny_other contains \"b\"\n";
    let folder = repository(&[("team.rego", policy)]);
    copy(&folder.path().join("stacks/shop"), &folder.path().join("stacks/shop2"));
    let second = folder.path().join("stacks/shop2/stack.kdl");
    let text = fs::read_to_string(&second).expect("the spec").replace("stack \"shop\"", "stack \"shop2\"");
    fs::write(second, text).expect("written");
    let (code, found) = check(folder.path());
    assert_eq!(code, 1);
    let zero = "LLMC-Y003 the policy `zero` gives no verdict: divide by zero";
    assert_eq!(found.iter().filter(|line| *line == zero).count(), 1, "{found:?}");
    assert_eq!(found.iter().filter(|line| *line == "LLMC-Y001 policy `other`: b").count(), 2, "{found:?}");
}

#[test]
fn a_policy_that_takes_too_long_is_stopped() {
    let policy = "package stack\n\ndeny_slow contains \"a\" if {\n\tsome i in numbers.range(1, 90000)\n\tsome j in numbers.range(1, 90000)\n\ti * j == -1\n}\n";
    let started = Instant::now();
    let (code, found) = check_with(policy);
    assert_eq!((code, found), (1, vec!["LLMC-Y003 the policy `slow` gives no verdict: it takes too long".to_owned()]));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// Rules that need one another in a long row would overflow the stack of the process.
#[test]
fn a_long_row_of_rules_is_refused() {
    let row = |rules: usize| {
        let links: String = (0..rules).map(|i| format!("a{i} := a{}\n", i + 1)).collect();
        format!("package stack\n\n{links}a{rules} := 1\n\ndeny_x contains \"a\" if a0 == 1\n")
    };
    assert_eq!(check_with(&row(50)), (1, vec!["LLMC-Y001 policy `x`: a".to_owned()]));
    for rules in [100, 5_000] {
        let (code, found) = check_with(&row(rules));
        assert_eq!((code, found), (1, vec!["LLMC-Y003 more than 64 rules need one another in a row".to_owned()]));
    }
}

/// The engine takes the second file of an imported package for done before its rules have values.
#[test]
fn a_package_in_two_files_is_not_used_as_a_whole() {
    let first = "package lib\n\nimport data.other\n\na contains x if some x in other.values\n";
    let second = first.replace("a contains", "b contains");
    let other = "package other\n\nvalues := [1]\n";
    let by_import = "package stack\n\nimport data.lib\n\ndeny_x contains \"a\" if count(lib.b) == 1\n";
    let in_full = "package stack\n\ndeny_x contains \"a\" if count(data.lib.b) == 1\n";
    let with = |policy| check(repository(&[("a.rego", first), ("b.rego", &second), ("other.rego", other), ("team.rego", policy)]).path());
    assert_eq!(with(by_import), (1, vec!["LLMC-Y003 the package `data.lib` stands in 2 files, and cannot be used as a whole".to_owned()]));
    assert_eq!(with(in_full), (1, vec!["LLMC-Y001 policy `x`: a".to_owned()]));
}

#[test]
fn many_findings_are_counted_and_long_ones_cut() {
    let policy = "package stack\n\ndeny_many contains sprintf(\"number %d\", [n]) if some n in numbers.range(1, 1000)\n";
    let (code, found) = check_with(policy);
    assert_eq!((code, found.len()), (1, 51));
    assert!(found.contains(&"LLMC-Y001 policy `many`: and 950 more findings like these".to_owned()), "{found:?}");
    let policy = "package stack\n\ndeny_long contains concat(\"\", [\"a\" | some _ in numbers.range(1, 50000)])\n";
    let policy = policy.replace("[\"a\" | some _", "[x | x := \"a\"; some _");
    let (_, found) = check_with(&policy);
    assert!(found.iter().all(|line| line.len() < 2_100), "{:?}", found.iter().map(String::len).collect::<Vec<_>>());
}

#[test]
fn nothing_of_a_policy_reaches_the_terminal_or_leaks_a_secret() {
    let policy = "package stack\n\ndeny_x contains \"\\u001b[31mred password=hunter2hunter2 \\u202e\" if print(\"loud\")\n";
    let run = llmc(repository(&[("team.rego", policy)]).path(), &["check"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("policy `x`: "), "{}", run.stderr);
    for bad in ["\u{1b}[31m", "hunter2hunter2", "\u{202e}", "loud"] {
        assert!(!run.stderr.contains(bad) && !run.stdout.contains(bad), "{bad:?}: {}", run.stderr);
    }
}

#[test]
fn files_that_cannot_be_read_as_text_are_refused() {
    let good = "package stack\n\nwarn_x contains \"seen\"\n";
    // A folder with such a name is a folder.
    assert_eq!(check(repository(&[("x.rego/a.rego", good)]).path()), (0, vec!["LLMC-Y002 policy `x`: seen".to_owned()]));
    // Other files are none of ours.
    assert_eq!(check(repository(&[("README.md", "text"), ("data.json", "{")]).path()), (0, Vec::new()));

    let folder = repository(&[("a.rego", good)]);
    let path = folder.path().join("policies/b.rego");
    fs::write(&path, b"package stack # \xB0\xA1\n").expect("written");
    let (code, found) = check(folder.path());
    assert!(code == 1 && found.iter().any(|line| line.starts_with("LLMC-F004 ")), "{found:?}");
    fs::write(&path, vec![b'#'; 1024 * 1024 + 1]).expect("written");
    let (code, found) = check(folder.path());
    assert!(code == 1 && found.iter().any(|line| line.starts_with("LLMC-F003 ")), "{found:?}");
    fs::write(&path, "package stack # \u{202e}\n").expect("written");
    let (code, found) = check(folder.path());
    assert!(code == 1 && found.iter().any(|line| line.starts_with("LLMC-F005 ")), "{found:?}");
    fs::remove_file(&path).expect("removed");

    // A link may lead to a file that nobody reviewed.
    let outside = tempfile::tempdir().expect("a temporary folder");
    fs::write(outside.path().join("b.rego"), good.replace("warn_x", "warn_y")).expect("written");
    std::os::unix::fs::symlink(outside.path().join("b.rego"), &path).expect("a link");
    let link = "LLMC-Y003 `policies/b.rego` is a symbolic link".to_owned();
    assert!(check(folder.path()).1.contains(&link));
    fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("policies/more")).expect("a link");
    assert!(check(folder.path()).1.contains(&"LLMC-Y003 `policies/more` is a symbolic link".to_owned()));
    fs::remove_dir_all(folder.path().join("policies")).expect("removed");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("policies")).expect("a link");
    assert_eq!(check(folder.path()), (1, vec!["LLMC-Y003 `policies` is a symbolic link".to_owned()]));

    // Nobody writes to the pipe, so reading it would never end.
    let folder = repository(&[("a.rego", good)]);
    assert!(std::process::Command::new("mkfifo").arg(folder.path().join("policies/b.rego")).status().expect("mkfifo starts").success());
    let (code, found) = check(folder.path());
    assert!(code == 1 && found.iter().any(|line| line.starts_with("LLMC-F002 ")), "{found:?}");
}

/// A repository whose stack takes too much of the GPUs, with a waiver until `until`.
fn waived(until: &str) -> TempDir {
    let folder = repository(&[]);
    edit(&folder, "gpu-memory-utilization=0.95", "gpu-memory-utilization=0.97");
    let waiver = format!(
        "    waive \"gpu_memory\" {{\n        owner \"team-shop\"\n        reason \"measured\"\n        until \"{until}\"\n    }}\n"
    );
    edit(&folder, "    namespace \"llm\"\n", &format!("    namespace \"llm\"\n{waiver}"));
    folder
}

#[test]
fn a_waiver_holds_until_its_last_day() {
    let folder = waived("2027-01-31");
    let on = |seconds: &str| llmc_with(folder.path(), &["check"], &[("SOURCE_DATE_EPOCH", seconds)]);
    // The last second of the last day, and the first after it.
    let last = on("1801439999");
    assert_eq!(last.code, 0, "{}", last.stderr);
    let note = "note: stacks/shop/stack.kdl: `gpu_memory` is waived until 2027-01-31 by team-shop, for: measured (1 finding let through)\n";
    assert!(last.stderr.contains(note), "{}", last.stderr);
    let after = on("1801440000");
    assert_eq!(after.code, 1);
    assert!(after.stderr.contains("its waiver is over: the last day was 2027-01-31"), "{}", after.stderr);
    assert!(!after.stderr.contains("is waived until"), "{}", after.stderr);
    for wrong in ["soon", "-1", "1e9", "999999999999999"] {
        let run = on(wrong);
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains("`SOURCE_DATE_EPOCH` must be"), "{wrong}: {}", run.stderr);
    }
}

/// One spec gives one output on any day on which it compiles.
#[test]
fn the_output_does_not_depend_on_the_day() {
    let folder = waived("9999-12-31");
    let on = |seconds: &str| {
        let run = llmc_with(folder.path(), &["compile"], &[("SOURCE_DATE_EPOCH", seconds)]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        texts(&folder.path().join("generated"))
    };
    let first = on("0");
    assert!(first.len() > 10);
    assert_eq!(first, on("4102444800"));
}

#[test]
fn a_waiver_lets_nothing_else_through() {
    let folder = waived("9999-12-31");
    edit(&folder, "    namespace \"llm\"\n", "    namespace \"llm\"\n    stage \"production\"\n");
    assert_eq!(llmc(folder.path(), &["prompt", "pin"]).code, 0);
    let (code, found) = check(folder.path());
    assert_eq!(code, 1);
    let names: BTreeSet<&str> = found.iter().map(|line| line.split('`').nth(1).expect("a name")).collect();
    assert_eq!(names, BTreeSet::from(["objective_named", "owner_named", "two_replicas"]));
}

#[test]
fn a_shipped_policy_is_turned_off_by_its_name() {
    let folder = repository(&[("exceptions.rego", "package stack\n\nexception contains [\"gpu_memory\"]\n")]);
    edit(&folder, "gpu-memory-utilization=0.95", "gpu-memory-utilization=0.97");
    assert_eq!(check(folder.path()), (0, Vec::new()));
    let list = llmc(folder.path(), &["policy", "list", "--format", "json"]);
    let list: Value = serde_json::from_str(&list.stdout).expect("JSON");
    let states: Vec<(&str, &str)> = list["policies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| (p["name"].as_str().expect("a name"), p["state"].as_str().expect("a state")))
        .collect();
    assert!(states.len() > 10 && states.iter().all(|(name, state)| (*state == "off") == (*name == "gpu_memory")), "{states:?}");
    // Only for some stacks: it stays on for the others.
    fs::write(
        folder.path().join("policies/exceptions.rego"),
        "package stack\n\nexception contains [\"gpu_memory\"] if input.stack == \"other\"\n",
    )
    .expect("written");
    assert_eq!(check(folder.path()).0, 1);
}

/// Every shipped policy over stacks, on specs that break it and nothing else.
#[test]
fn shipped_policies_refuse_real_specs() {
    let production = [
        ("    namespace \"llm\"\n", "    namespace \"llm\"\n    stage \"production\"\n    owner \"team-shop\"\n"),
        ("nodes 1\n", "nodes 2\n"),
        (
            "        serve max",
            "        replicas min=2\n        objective \"availability\" {\n            target 0.999\n        }\n        serve max",
        ),
    ];
    let with = |change: Option<(&str, &str)>| {
        let folder = repository(&[]);
        production.iter().for_each(|(old, new)| edit(&folder, old, new));
        change.into_iter().for_each(|(old, new)| edit(&folder, old, new));
        assert_eq!(llmc(folder.path(), &["prompt", "pin"]).code, 0);
        check(folder.path())
    };
    assert_eq!(with(None), (0, Vec::new()));
    for (policy, old, new) in [
        ("two_replicas", "min=2", "min=1"),
        ("objective_named", "objective \"availability\" {\n            target 0.999\n        }", ""),
        ("owner_named", "    owner \"team-shop\"\n", ""),
        ("gpu_memory", "utilization=0.95", "utilization=0.951"),
        ("pinned_revisions", "utilization=0.95", "utilization=0.95 {\n            args \"--tokenizer-revision=main\"\n        }"),
        ("pinned_images", "version=\"0.32.0\"", "version=\"0.32.0\" image=\"registry.example.com/vllm:nightly\""),
        ("compromised", "version=\"0.32.0\"", "version=\"0.32.0\" image=\"registry.example.com/litellm:v1.82.8\""),
    ] {
        let (code, found) = with(Some((old, new)));
        let errors: BTreeSet<&str> =
            found.iter().filter(|line| line.starts_with("LLMC-Y001")).map(|line| line.split('`').nth(1).expect("a name")).collect();
        assert_eq!((code, errors), (1, BTreeSet::from([policy])), "{found:?}");
    }
}

/// The example `customer-support`, with an empty plan for it.
fn example() -> (Compilation, StackPlan) {
    let path = root().join("stacks/customer-support/stack.kdl");
    let compilation = compile::compile(&path, "stack.kdl", &Policies::shipped());
    assert!(compilation.findings.is_empty(), "{:?}", compilation.findings);
    let files = compilation.files.clone().expect("files");
    let old = llmc::emit::Tree::from(&files);
    let (stack, output) = ("customer-support", "generated");
    let subject = plan::Subject { stack, spec: None, output, old: &old, renamed_from: None, new: &files, cost: None, prompts: &[] };
    (compilation, plan::compare(&subject))
}

/// Names of the policies that refuse the example with `change` made to the stack that stood before it.
fn refused(change: impl FnOnce(&mut Value), plan: impl FnOnce(&mut StackPlan)) -> BTreeSet<String> {
    let (compilation, mut stack_plan) = example();
    let record = compilation.files.as_ref().and_then(|files| files.get("stack.json")).expect("the record");
    let mut base: Value = serde_json::from_str(record).expect("JSON");
    change(&mut base);
    plan(&mut stack_plan);
    let judgement = compile::judge_plan(&compilation, &stack_plan, Some(&base));
    assert_eq!(judgement.applied.evaluated.len(), 6, "{:?}", judgement.applied);
    judgement.findings.iter().map(|f| f.message.split('`').nth(1).expect("a name").to_owned()).collect()
}

#[test]
fn shipped_policies_refuse_plans() {
    let none = BTreeSet::new();
    assert_eq!(refused(|_| {}, |_| {}), none);
    assert_eq!(refused(|base| *base = json!({}), |_| {}), none);
    let only = |name: &str| BTreeSet::from([name.to_owned()]);
    // `v1` is live now; it was `v2`, with and without a way back to `v1`.
    let was_v2 = |base: &mut Value| {
        base["prompt"]["support"] = json!({"live": "v2"});
        base["experiment"] = json!({});
    };
    assert_eq!(refused(was_v2, |_| {}), only("prompt_rollout"));
    // An experiment had tried `v1` as its control.
    assert_eq!(refused(|base| base["prompt"]["support"] = json!({"live": "v2"}), |_| {}), none);
    assert_eq!(refused(|base| base["prompt"]["support"] = json!({"live": "v2", "rollback": "v1"}), |_| {}), none);
    assert_eq!(
        refused(
            |base| base["guardrails"]["default"]["input"]["block-pii"] = json!(["email", "phone-number", "credit-card", "iban"]),
            |_| {}
        ),
        only("guardrails_kept")
    );
    assert_eq!(refused(|_| {}, |plan| plan.totals.guardrails_lost = vec!["support: input self-check".into()]), only("guardrails_kept"));
}

#[test]
fn findings_of_a_plan_have_places_and_can_be_waived() {
    let (compilation, mut stack_plan) = example();
    stack_plan.totals.guardrails_lost = vec!["support: input mask-pii".into()];
    let base = json!({});
    let findings = compile::judge_plan(&compilation, &stack_plan, Some(&base)).findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(&findings[0].primary.text[findings[0].primary.range.clone()], "\"support\"");

    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&root().join("stacks/customer-support"), folder.path());
    let path = folder.path().join("stack.kdl");
    let waiver = "waive \"guardrails_kept\" {\n owner \"team-support\"\n reason \"moved to the gateway\"\n until \"2027-01-31\"\n}\n    owner \"team-support\"\n";
    let text = fs::read_to_string(&path).expect("the spec").replacen("    owner \"team-support\"\n", waiver, 1);
    fs::write(&path, text).expect("written");
    let judged = |day: &str| {
        let policies = Policies::new(Set::load(Vec::new()), Day::parse(day).expect("a day"));
        let compilation = compile::compile(&path, "stack.kdl", &policies);
        // Prices grow old until then, which is no finding of policies.
        let of_policies = |finding: &&llmc::diagnostic::Finding| finding.rule.code.starts_with("LLMC-Y");
        let findings: Vec<_> = compilation.findings.iter().filter(of_policies).collect();
        assert!(findings.is_empty(), "a waiver of a policy over plans is not unused: {findings:?}");
        compile::judge_plan(&compilation, &stack_plan, Some(&base))
    };
    let within = judged("2027-01-31");
    assert!(within.findings.is_empty());
    assert_eq!(within.applied.waived[0].policy, "guardrails_kept");
    assert_eq!(within.applied.waived[0].messages, ["a guardrail is lost: support: input mask-pii"]);
    assert_eq!(judged("2027-02-01").findings.len(), 1);
}

/// Teams' policies over a plan see both stacks.
#[test]
fn own_policies_over_a_plan() {
    let text = "package plan\n\ndeny_shrink contains {\"msg\": sprintf(\"%s: %d to %d\", [input.stack, data.base.pool.a100.nodes, data.head.pool.a100.nodes]), \
                \"route\": \"/pool/a100/nodes\"} if data.head.pool.a100.nodes < data.base.pool.a100.nodes\n";
    let set = Set::load(vec![File { path: "policies/shrink.rego".into(), text: text.into() }]);
    assert!(set.faults().is_empty(), "{:?}", set.faults());
    let path = root().join("stacks/customer-support/stack.kdl");
    let compilation = compile::compile(&path, "stack.kdl", &Policies::new(set, Day::parse("2026-11-22").expect("a day")));
    let (_, plan) = example();
    let judgement = compile::judge_plan(&compilation, &plan, Some(&json!({"pool": {"a100": {"nodes": 3}}})));
    let messages: Vec<&str> = judgement.findings.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(messages, ["policy `shrink`: customer-support: 3 to 2"]);
    assert_eq!(&judgement.findings[0].primary.text[judgement.findings[0].primary.range.clone()], "2");
}

#[test]
fn policy_test_runs_every_test() {
    let run = llmc(root(), &["policy", "test", "--coverage"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("64 tests, 0 failed") && run.stdout.contains("100 %  llmc:policies/weight_jump.rego\n"), "{}", run.stdout);
    // Every line of a shipped policy is reached.
    assert!(!run.stdout.contains("not reached"), "{}", run.stdout);
    // A file by its path, also where it is a copy of a shipped one.
    let one = llmc(root(), &["policy", "test", "policies/gpu_memory_test.rego"]);
    assert!(one.code == 0 && one.stdout.contains("2 tests, 0 failed"), "{}{}", one.stdout, one.stderr);

    let policy =
        "package stack.team\n\ndeny_x contains \"a\" if input.a == 1\n\ndeny_y contains \"b\" if {\n\tinput.b == 1\n\tinput.c == 1\n}\n";
    let tests = "package team_test\n\nimport data.stack.team\n\ntest_good if count(team.deny_x) == 1 with input as {\"a\": 1}\n\n\
                 test_bad if count(team.deny_x) == 1 with input as {\"a\": 2}\n\ntest_error if 1 / count([]) == 1\n\ntodo_test_later if false\n";
    let folder = repository(&[("team.rego", policy), ("team_test.rego", tests)]);
    let run = llmc(folder.path(), &["policy", "test", "policies", "--coverage"]);
    assert_eq!(run.code, 1);
    for line in [
        "pass    policies/team_test.rego:5  ",
        "FAIL    policies/team_test.rego:7  ",
        "ERROR   policies/team_test.rego:9  ",
        "skipped policies/team_test.rego:11  ",
        "divide by zero",
        "4 tests, 2 failed",
        "policies/team.rego  not reached: line ",
    ] {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
    let run = llmc(folder.path(), &["policy", "test", "policies", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let outcomes: Vec<&str> =
        report["tests"].as_array().expect("tests").iter().map(|t| t["outcome"].as_str().expect("an outcome")).collect();
    assert_eq!((run.code, outcomes), (1, vec!["pass", "fail", "error", "skipped"]));
    // Tests are not asked of a stack.
    assert_eq!(check(folder.path()), (0, Vec::new()));
    // No test is no success.
    let empty = repository(&[("team.rego", policy)]);
    assert_eq!(llmc(empty.path(), &["policy", "test", "policies/team.rego"]).code, 1);
    assert_eq!(llmc(empty.path(), &["policy", "test", "nowhere.rego"]).code, 1);
}

/// A comparison that cannot be made is no comparison that found nothing.
#[test]
fn a_tree_without_its_record_is_not_judged_in_silence() {
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["stacks", "generated"] {
        copy(&root().join(part).join("customer-support"), &folder.path().join(part).join("customer-support"));
    }
    let spec = folder.path().join("stacks/customer-support/stack.kdl");
    let text = std::fs::read_to_string(&spec).expect("the spec");
    std::fs::write(&spec, text.replace("max-num-seqs=64", "max-num-seqs=48")).expect("written");
    assert_eq!(llmc(folder.path(), &["plan"]).code, 0);
    let record = folder.path().join("generated/customer-support/stack.json");
    for damage in [None, Some("{"), Some("[]")] {
        match damage {
            None => std::fs::remove_file(&record).expect("removed"),
            Some(text) => std::fs::write(&record, text).expect("written"),
        }
        let plan = llmc(folder.path(), &["plan"]);
        assert!(plan.code == 1 && plan.stderr.contains("error[LLMC-Y008]"), "{damage:?}: {}", plan.stderr);
        let apply = llmc(folder.path(), &["apply", "--overwrite"]);
        assert!(apply.code == 1 && apply.stderr.contains("nothing is written"), "{damage:?}: {}", apply.stderr);
    }
    // A stack that has no tree yet has nothing to be compared with.
    std::fs::remove_dir_all(folder.path().join("generated")).expect("removed");
    assert_eq!(llmc(folder.path(), &["apply"]).code, 0);
}
