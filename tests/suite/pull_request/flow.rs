//! What `llmc apply --pr` makes of edits, merges, renames and removals.

use std::fs;

use super::{SHOP, Scratch};
use crate::harness::git;

#[test]
fn each_stack_has_one_pull_request_that_follows_its_spec() {
    let scratch = Scratch::of(&["chat", "desk", "voice"]);
    let printed = scratch.is_ok(&["apply", "--pr"]);
    assert_eq!(printed.matches("opened #").count(), 3, "{printed}");
    assert_eq!(scratch.open(SHOP), ["llmc/chat", "llmc/desk", "llmc/voice"]);
    let files = scratch.files(SHOP, "llmc/desk");
    assert!(files.contains_key("generated/desk/llmc.json") && files.contains_key("README.md"), "{:?}", files.keys());
    assert!(!files.keys().any(|path| path.starts_with("generated/chat/")), "a pull request is of one stack");
    assert!(!scratch.folder.path().join("generated").exists(), "nothing is written here");

    scratch.writes();
    let before = scratch.pulls(SHOP);
    let printed = scratch.is_ok(&["apply", "--pr"]);
    assert_eq!(printed.matches("is current #").count(), 3, "{printed}");
    assert_eq!(scratch.writes(), Vec::<String>::new());
    assert_eq!(scratch.pulls(SHOP), before);

    scratch.edit("desk", "max-num-seqs=32", "max-num-seqs=16");
    let printed = scratch.is_ok(&["apply", "--pr"]);
    assert!(printed.matches("is current #").count() == 2 && printed.matches("updated #").count() == 1, "{printed}");
    let body = scratch.pulls(SHOP)[1]["body"].as_str().expect("a text").to_owned();
    assert_ne!(before[1]["body"], body);
    assert_eq!([0, 2].map(|index| scratch.pulls(SHOP)[index].clone()), [before[0].clone(), before[2].clone()]);

    // A comment and a commit to something else are no reason to say anything.
    scratch.edit("desk", "// What an application calls.", "// What applications call.");
    let rest = [["init", "--quiet"].as_slice(), &["add", "--all"], &["commit", "--quiet", "--message=one"]];
    for args in rest {
        git(scratch.folder.path(), args);
    }
    scratch.is_ok(&["apply", "--pr"]);
    let stands = scratch.pulls(SHOP);
    fs::write(scratch.folder.path().join("notes.md"), "more\n").expect("written");
    git(scratch.folder.path(), &["add", "--all"]);
    git(scratch.folder.path(), &["commit", "--quiet", "--message=two"]);
    scratch.writes();
    scratch.is_ok(&["apply", "--pr"]);
    assert_eq!(scratch.writes(), Vec::<String>::new());
    assert_eq!(scratch.pulls(SHOP), stands);
    scratch.fake.assert_sound(SHOP);
}

#[test]
fn a_merge_leaves_nothing_to_do_and_a_revert_closes() {
    let scratch = Scratch::merged(&["chat", "desk"]);
    let printed = scratch.is_ok(&["apply", "--pr"]);
    assert_eq!(printed.matches("none: nothing to change").count(), 2, "{printed}");
    let state = scratch.fake.state(SHOP);
    assert_eq!(state["branches"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>()), Some(vec!["main".to_owned()]));
    scratch.fake.log();
    scratch.is_ok(&["apply", "--pr"]);
    assert_eq!(scratch.fake.log(), ["graphql Look", "graphql Look"], "one request for a stack without changes");

    scratch.edit("chat", "max-num-seqs=32", "max-num-seqs=16");
    assert!(scratch.is_ok(&["apply", "--pr", "chat"]).contains("opened #3"));
    scratch.edit("chat", "max-num-seqs=16", "max-num-seqs=32");
    let printed = scratch.is_ok(&["apply", "--pr"]);
    assert!(printed.contains("closed #3: nothing is left to change"), "{printed}");
    assert!(scratch.open(SHOP).is_empty() && scratch.fake.state(SHOP)["branches"]["llmc/chat"].is_null());
    // The same edit again is another pull request: llmc closed the first, no person did.
    scratch.edit("chat", "max-num-seqs=32", "max-num-seqs=16");
    assert!(scratch.is_ok(&["apply", "--pr"]).contains("opened #4"));
    scratch.fake.assert_sound(SHOP);
}

#[test]
fn a_stack_is_delivered_where_its_spec_says() {
    let scratch = Scratch::of(&["chat", "desk"]);
    let other = "acme/gitops";
    scratch.fake.load(other, &[("README.md".to_owned(), "# gitops\n".to_owned())].into());
    scratch.fake.tell("branch", &serde_json::json!({ "repository": other, "name": "live", "from": "main" }));
    let deliver = r#"deliver "github" {
        repository "acme/gitops"
        base "live"
        path "clusters/prod"
        labels "llm" "gpu"
        reviewers "alice" "acme/platform"
        draft #true
    }
    budget {"#;
    scratch.edit("chat", "budget {", deliver);
    scratch.is_ok(&["apply", "--pr"]);
    assert_eq!(scratch.open(SHOP), ["llmc/desk"]);
    assert_eq!(scratch.open(other), ["llmc-clusters-prod/chat"]);
    let pull = &scratch.pulls(other)[0];
    assert_eq!(pull["labels"], serde_json::json!(["llm", "gpu"]));
    assert_eq!(pull["reviewers"], serde_json::json!(["alice", "platform"]));
    assert!(pull["draft"] == true && pull["base"].as_str().is_some_and(|base| base.ends_with("live")), "{pull}");
    let files = scratch.files(other, "llmc-clusters-prod/chat");
    assert!(files.contains_key("clusters/prod/chat/llmc.json") && files.contains_key("README.md"), "{:?}", files.keys());
    assert!(pull["body"].as_str().is_some_and(|body| body.contains("clusters/prod/chat of acme/gitops")), "{}", pull["body"]);
}

#[test]
fn a_deleted_spec_takes_its_tree_along_and_a_renamed_one_both() {
    let scratch = Scratch::merged(&["chat", "desk"]);
    scratch.is_ok(&["compile"]);
    fs::remove_dir_all(scratch.folder.path().join("stacks/desk")).expect("removed");
    let printed = scratch.is_ok(&["apply", "--pr"]);
    assert!(printed.contains("opened #3") && scratch.open(SHOP) == ["llmc/desk"], "{printed}");
    let files = scratch.files(SHOP, "llmc/desk");
    assert!(!files.keys().any(|path| path.starts_with("generated/desk/")), "{:?}", files.keys());
    assert!(files.contains_key("generated/chat/llmc.json"));
    assert!(scratch.pulls(SHOP)[2]["title"].as_str().is_some_and(|title| title.contains("remove `desk`")));
    scratch.fake.merge(SHOP, "llmc/desk", "main", false);
    fs::remove_dir_all(scratch.folder.path().join("generated/desk")).expect("pulled");

    scratch.edit("chat", "stack \"chat\"", "stack \"talk\"");
    let printed = scratch.is_ok(&["apply", "--pr"]);
    assert_eq!(printed.matches("opened #").count(), 2, "{printed}");
    assert_eq!(scratch.open(SHOP), ["llmc/chat", "llmc/talk"]);
    assert!(!scratch.files(SHOP, "llmc/chat").keys().any(|path| path.starts_with("generated/chat/")));
    assert!(scratch.files(SHOP, "llmc/talk").contains_key("generated/talk/llmc.json"));
    let printed = scratch.is_ok(&["apply", "--pr"]);
    assert_eq!(printed.matches("is current #").count(), 2, "{printed}");
    scratch.fake.assert_sound(SHOP);
}
