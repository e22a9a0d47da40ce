//! What stops `llmc apply --pr`, in words, and what it does not stop.

use std::fs;

use super::{SHOP, Scratch};
use crate::github::TOKEN;
use crate::harness::{git, llmc_with};

#[test]
fn a_commit_by_a_person_stops_its_stack_alone() {
    let scratch = Scratch::of(&["chat", "desk"]);
    scratch.is_ok(&["apply", "--pr"]);
    let sha = scratch.fake.person(SHOP, "llmc/chat", "generated/chat/notes.md", "mine\n");
    for name in ["chat", "desk"] {
        scratch.edit(name, "max-num-seqs=32", "max-num-seqs=16");
    }
    let said = scratch.fails(&["apply", "--pr"]);
    assert!(said.contains("chat: somebody else committed to `llmc/chat`") && said.contains(&sha[..7]), "{said}");
    assert!(said.contains("updated #2"), "{said}");
    assert_eq!(scratch.fake.state(SHOP)["branches"]["llmc/chat"]["commit"], sha.as_str());
}

#[test]
fn files_by_hand_at_the_base_are_refused_and_the_others_delivered() {
    let scratch = Scratch::merged(&["chat", "desk"]);
    scratch.fake.person(SHOP, "main", "generated/chat/stack.json", "{}\n");
    for name in ["chat", "desk"] {
        scratch.edit(name, "max-num-seqs=32", "max-num-seqs=16");
    }
    let said = scratch.fails(&["apply", "--pr"]);
    assert!(said.contains("chat: edited by hand") && said.contains("stack.json") && said.contains("--overwrite"), "{said}");
    assert_eq!(scratch.open(SHOP), ["llmc/desk"]);
    scratch.is_ok(&["apply", "--pr", "--overwrite"]);
    assert_eq!(scratch.open(SHOP), ["llmc/chat", "llmc/desk"]);
}

#[test]
fn a_place_that_is_not_there_stops_its_stack_alone() {
    let scratch = Scratch::of(&["chat", "desk"]);
    scratch.edit("chat", "budget {", "deliver \"github\" { repository \"acme/gone\"; }\n    budget {");
    let said = scratch.fails(&["apply", "--pr"]);
    assert!(said.contains("chat: the repository acme/gone is not there"), "{said}");
    assert_eq!(scratch.open(SHOP), ["llmc/desk"]);
}

/// The guardrails at GitHub are what counts; on this machine nothing was compiled before.
#[test]
fn policies_compare_with_what_stands_at_github() {
    let scratch = Scratch::merged(&["chat", "desk"]);
    scratch.edit("desk", "max-num-seqs=32", "max-num-seqs=16");
    scratch.edit("chat", "            block-pii \"email\" \"credit-card\"\n", "");
    let said = scratch.fails(&["apply", "--pr"]);
    assert!(said.contains("nothing is proposed, because of errors in") && said.contains("guardrail"), "{said}");
    assert!(scratch.open(SHOP).is_empty() && scratch.writes().is_empty());
}

#[test]
fn a_spec_with_errors_proposes_nothing_and_asks_nobody() {
    let scratch = Scratch::of(&["chat", "desk"]);
    scratch.edit("chat", "live \"v1\"", "live \"v9\"");
    let said = scratch.fails(&["apply", "--pr"]);
    assert!(said.contains("nothing is proposed, because of errors in stacks/chat/stack.kdl"), "{said}");
    assert_eq!(scratch.fake.log(), Vec::<String>::new());
}

#[test]
fn what_the_environment_lacks_is_said() {
    let scratch = Scratch::of(&["chat"]);
    let folder = scratch.folder.path();
    let url = ("GITHUB_API_URL", scratch.fake.url.as_str());
    let run = |environment: &[(&str, &str)]| {
        let run = llmc_with(folder, &["apply", "--pr"], environment);
        assert!(run.code == 1 && !run.stdout.contains('#'), "{run:?}");
        assert!(!run.stderr.contains("wrong-token") && !run.stderr.contains(TOKEN), "{run:?}");
        run.stderr
    };
    let said = run(&[url, ("GITHUB_REPOSITORY", SHOP)]);
    assert!(said.contains("GITHUB_TOKEN is not set") && said.contains("pull_requests"), "{said}");
    let said = run(&[url, ("GITHUB_REPOSITORY", SHOP), ("GITHUB_TOKEN", "wrong-token-of-nobody")]);
    assert!(said.contains("does not accept the token"), "{said}");
    let said = run(&[url, ("GITHUB_TOKEN", TOKEN)]);
    assert!(said.contains("which repository is it?") && said.contains("GITHUB_REPOSITORY=owner/name"), "{said}");
    let said = run(&[url, ("GITHUB_TOKEN", TOKEN), ("GITHUB_REPOSITORY", "not a repository")]);
    assert!(said.contains("`not a repository` is no repository; write owner/name"), "{said}");
    // Origin names it too, and a credential in its address goes nowhere.
    git(folder, &["init", "--quiet"]);
    git(folder, &["remote", "add", "origin", "https://x:secret-of-origin@github.com/acme/shop.git"]);
    let run = llmc_with(folder, &["apply", "--pr"], &[url, ("GITHUB_TOKEN", TOKEN)]);
    assert!(run.code == 0 && run.stdout.contains("opened #1"), "{run:?}");
    assert!(!(run.stdout + &run.stderr + &scratch.fake.state(SHOP).to_string()).contains("secret-of-origin"));
}

#[test]
fn a_secret_that_a_spec_names_reaches_nobody_and_colour_is_for_terminals() {
    let scratch = Scratch::of(&["chat"]);
    let mut environment = scratch.environment();
    environment.push(("NO_COLOR", "1"));
    for args in [["apply", "--pr"].as_slice(), &["plan", "--verbose"], &["plan", "--comment", "1"]] {
        let run = llmc_with(scratch.folder.path(), args, &environment);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "{run:?}");
    }
    // A token with a line end, as `echo` leaves one in a file, is the same token.
    let token = format!("{TOKEN}\n");
    environment[0] = ("GITHUB_TOKEN", &token);
    assert_eq!(llmc_with(scratch.folder.path(), &["apply", "--pr"], &environment).code, 0);
    let saved = scratch.folder.path().join("plan.json");
    scratch.is_ok(&["plan", "--out", "plan.json"]);
    assert!(!fs::read_to_string(saved).expect("a plan").contains(TOKEN));
    let said = scratch.fails(&["apply", "--pr", "plan.json"]);
    assert!(said.contains("cannot be proposed"), "{said}");
}
