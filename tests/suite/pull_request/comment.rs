//! `llmc plan --comment`

use std::fs;

use serde_json::{Value, json};

use super::{SHOP, Scratch};
use crate::harness::git;

/// A repository whose trees are committed with their specs, and pull request #7 in it.
fn reviewed() -> Scratch {
    let scratch = Scratch::of(&["chat", "desk"]);
    scratch.is_ok(&["compile"]);
    let commands = [["init", "--quiet"].as_slice(), &["add", "--all"], &["commit", "--quiet", "--message=one"]];
    for args in commands {
        git(scratch.folder.path(), args);
    }
    scratch.fake.tell("branch", &json!({ "repository": SHOP, "name": "topic", "from": "main" }));
    scratch.fake.person(SHOP, "topic", "stacks/chat/stack.kdl", "// an edit");
    scratch.fake.tell("open", &json!({ "repository": SHOP, "number": 7, "head": "topic" }));
    scratch
}

fn comments(scratch: &Scratch) -> Vec<String> {
    let state = scratch.fake.state(SHOP);
    let of = |comment: &Value| comment["body"].as_str().expect("a text").to_owned();
    state["comments"]["7"].as_array().map(|all| all.iter().map(of).collect()).unwrap_or_default()
}

const PLAN: [&str; 7] = ["plan", "--against", "HEAD", "--changed-since", "HEAD", "--comment", "7"];

#[test]
fn there_is_one_and_only_where_something_is_to_be_said() {
    let scratch = reviewed();
    let run = scratch.run(&PLAN);
    assert!(run.code == 0 && run.stderr.contains("no comment on #7: no stack is affected"), "{run:?}");
    assert!(comments(&scratch).is_empty());

    scratch.edit("chat", "max-num-seqs=32", "max-num-seqs=16");
    let run = scratch.run(&PLAN);
    assert!(run.code == 0 && run.stderr.contains("commented on #7"), "{run:?}");
    assert!(comments(&scratch)[0].contains("max-num-seqs"), "{:?}", comments(&scratch));

    // One run says the same in every format.
    let markdown = scratch.is_ok(&[PLAN.as_slice(), &["--format", "markdown"]].concat());
    let stands = comments(&scratch);
    assert_eq!(stands.len(), 1);
    assert_eq!(stands[0].split_once('\n').expect("a marker").1.trim_end(), markdown.trim_end());
    let plan: Value = serde_json::from_str(&scratch.is_ok(&[PLAN.as_slice(), &["--format", "json"]].concat())).expect("JSON");
    for object in plan["stacks"][0]["objects"].as_array().expect("objects") {
        let name = object["name"].as_str().expect("a name");
        assert!(markdown.contains(name), "{name} is not in {markdown}");
    }

    scratch.edit("chat", "max-num-seqs=16", "max-num-seqs=32");
    let run = scratch.run(&PLAN);
    assert!(run.code == 0 && run.stderr.contains("updated the comment on #7"), "{run:?}");
    let stands = comments(&scratch);
    assert!(stands.len() == 1 && stands[0].contains("**No stack is affected.**"), "{stands:?}");
}

#[test]
fn refusals_and_errors_stand_in_it() {
    let scratch = reviewed();
    scratch.edit("chat", "            block-pii \"email\" \"credit-card\"\n", "");
    let run = scratch.run(&PLAN);
    assert_eq!(run.code, 1, "{run:?}");
    let stands = comments(&scratch);
    assert!(stands[0].contains("**Errors in `stacks/chat/stack.kdl`**") && stands[0].contains("- **error**"), "{}", stands[0]);
    scratch.edit("desk", "live \"v1\"", "live \"v9\"");
    assert_eq!(scratch.run(&PLAN).code, 1);
    let stands = comments(&scratch);
    assert!(stands.len() == 1 && stands[0].contains("`stacks/desk/stack.kdl`"), "{}", stands[0]);
}

#[test]
fn it_compares_with_the_place_of_delivery() {
    let scratch = reviewed();
    scratch.fake.load("acme/gitops", &[("README.md".to_owned(), "# gitops\n".to_owned())].into());
    scratch.edit("chat", "budget {", "deliver \"github\" { repository \"acme/gitops\"; path \"prod\"; }\n    budget {");
    scratch.is_ok(&["apply", "--pr", "chat"]);
    scratch.fake.merge("acme/gitops", "llmc-prod/chat", "main", false);
    scratch.is_ok(&PLAN);
    assert!(comments(&scratch)[0].contains("**No changes** in stack `chat`"), "{:?}", comments(&scratch));
    scratch.edit("chat", "max-num-seqs=32", "max-num-seqs=16");
    scratch.is_ok(&PLAN);
    assert!(comments(&scratch)[0].contains("prod/chat of acme/gitops"), "{:?}", comments(&scratch));
    // The same folder of this repository, by its path alone.
    scratch.edit("chat", "repository \"acme/gitops\"; ", "");
    let markdown = scratch.is_ok(&[PLAN.as_slice(), &["--format", "markdown"]].concat());
    assert!(markdown.contains("prod/chat of acme/shop"), "{markdown}");
}

#[test]
fn a_plan_is_shown_also_where_it_cannot_be_said() {
    let scratch = reviewed();
    scratch.edit("chat", "max-num-seqs=32", "max-num-seqs=16");
    let run = scratch.run(&["plan", "--format", "markdown", "--comment", "99"]);
    assert!(run.code == 1 && run.stdout.contains("max-num-seqs") && run.stderr.contains("#99"), "{run:?}");
    fs::remove_dir_all(scratch.folder.path().join("generated")).expect("removed");
    scratch.is_ok(&["plan", "--comment", "7"]);
    assert!(comments(&scratch)[0].contains("2 of 2 affected stacks"), "{:?}", comments(&scratch));
}
