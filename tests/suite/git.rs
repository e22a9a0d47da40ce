//! Plans against commits, and which stacks a change affects, in real repositories.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::harness::{Run, edit, git, llmc, llmc_with, repository, tree};

/// A repository with its compiled stacks in one commit on `main`.
fn committed(names: &[&str]) -> tempfile::TempDir {
    let folder = repository(names);
    let here = folder.path();
    assert_eq!(llmc(here, &["apply"]).code, 0);
    git(here, &["init", "--quiet"]);
    commit(here);
    folder
}

fn commit(here: &Path) {
    git(here, &["add", "--all"]);
    git(here, &["commit", "--quiet", "--message", "x", "--no-verify"]);
}

fn planned(run: &Run) -> Vec<String> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    plan["stacks"].as_array().unwrap().iter().map(|stack| stack["stack"].as_str().unwrap().to_owned()).collect()
}

fn affected(here: &Path, reference: &str) -> Vec<String> {
    planned(&llmc(here, &["plan", "--format", "json", "--changed-since", reference]))
}

fn refused(here: &Path, args: &[&str], words: &str) {
    let run = llmc(here, args);
    assert_eq!((run.code, run.stderr.contains(words)), (1, true), "{args:?}: {}", run.stderr);
}

/// Git sees such an edit, which keeps the size, only because the index is not younger than the file.
#[test]
fn an_edit_in_the_second_of_its_commit_is_a_change() {
    let folder = committed(&["demo"]);
    let here = folder.path();
    let spec = here.join("stacks/demo/stack.kdl");
    // The time of the inode cannot be set, and would give the edit away.
    git(here, &["config", "core.trustctime", "false"]);
    let then = SystemTime::now() - Duration::from_secs(60);
    let at_once = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    at_once(&spec);
    git(here, &["update-index", "--refresh"]);
    edit(&spec, "max-model-len=8192", "max-model-len=4096");
    at_once(&spec);
    at_once(&here.join(".git/index"));
    assert_eq!(affected(here, "HEAD"), ["demo"]);
}

#[test]
fn a_commit_is_compared_without_touching_anything() {
    let folder = committed(&["demo"]);
    let here = folder.path();
    edit(&here.join("stacks/demo/stack.kdl"), "max-model-len=8192", "max-model-len=4096");
    assert_eq!(llmc(here, &["apply"]).code, 0);
    fs::write(here.join("untracked"), "x").unwrap();
    let before = tree(here);
    for reference in ["HEAD", "main", "refs/heads/main"] {
        let run = llmc(here, &["plan", "--against", reference, "--detailed-exitcode"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stdout.contains("max-model-len"), "{}", run.stdout);
    }
    assert_eq!(llmc(here, &["plan", "--detailed-exitcode"]).code, 0, "the work tree has it already");
    // Variables that would turn git elsewhere, and hooks and programs of the repository's own settings.
    let fsmonitor = format!("touch {}", here.join("started").display());
    git(here, &["config", "core.fsmonitor", &fsmonitor]);
    git(here, &["config", "diff.external", &fsmonitor]);
    let config = fs::read(here.join(".git/config")).unwrap();
    let environment = [("GIT_DIR", "/nonexistent"), ("GIT_INDEX_FILE", "/nonexistent"), ("GIT_WORK_TREE", "/"), ("GIT_CONFIG_COUNT", "x")];
    for args in [&["plan", "--against", "HEAD", "--detailed-exitcode"][..], &["plan", "--changed-since", "HEAD", "--detailed-exitcode"]] {
        let run = llmc_with(here, args, &environment);
        assert!(matches!(run.code, 0 | 2), "{}", run.stderr);
    }
    assert!(!here.join("started").exists(), "a configured program was started");
    let mut after = tree(here);
    assert_eq!(after.insert(".git/config".into(), before[".git/config"].clone()), Some(config));
    let differs: Vec<&String> = after.iter().filter(|(path, text)| before.get(*path) != Some(text)).map(|(path, _)| path).collect();
    assert_eq!(differs, Vec::<&String>::new(), "something was written");
    assert_eq!(after.len(), before.len(), "something was removed");
    // What was planned against a commit is not what stands here.
    assert_eq!(llmc(here, &["plan", "--against", "HEAD", "--out", "plan.json"]).code, 0);
    fs::remove_dir_all(here.join("generated")).unwrap();
    refused(here, &["apply", "plan.json"], "base of `demo`");
}

#[test]
fn a_stack_in_a_folder_below_the_top_is_found_in_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("platform/llm stacks");
    fs::create_dir_all(&below).unwrap();
    assert_eq!(llmc(&below, &["init", "demo"]).code, 0);
    assert_eq!(llmc(&below, &["apply"]).code, 0);
    git(folder.path(), &["init", "--quiet"]);
    commit(folder.path());
    assert_eq!(llmc(&below, &["plan", "--against", "HEAD", "--detailed-exitcode"]).code, 0);
    assert_eq!(llmc(&below.join("stacks/demo"), &["plan", "--against", "HEAD", "--detailed-exitcode"]).code, 0);
    fs::write(folder.path().join("outside"), "x").unwrap();
    assert_eq!(affected(&below, "HEAD"), Vec::<String>::new());
    fs::write(below.join("stacks/demo/prompts/answer.system.md"), "Other words.\n").unwrap();
    assert_eq!(affected(&below, "HEAD"), ["demo"]);
}

#[test]
fn what_is_no_commit_is_refused_with_the_fix() {
    let folder = committed(&["demo"]);
    let here = folder.path();
    refused(here, &["plan", "--against", "origin/none"], "git fetch origin none:refs/remotes/origin/none");
    for reference in ["--output=x", "-x", "", "HEAD:stacks", "a..b", "HEAD\nx"] {
        let run = llmc(here, &["plan", &format!("--against={reference}")]);
        assert_eq!(run.code, 1, "{reference:?}: {}", run.stdout);
    }
    assert!(!here.join("x").exists());
    let outside = repository(&["demo"]);
    refused(outside.path(), &["plan", "--against", "HEAD"], "is in no Git repository");
    let run = llmc_with(here, &["plan", "--against", "HEAD"], &[("PATH", "/nonexistent")]);
    assert_eq!((run.code, run.stderr.contains("`git` is not installed")), (1, true), "{}", run.stderr);
}

#[test]
fn links_and_submodules_of_a_commit_are_refused() {
    let folder = committed(&["demo"]);
    let here = folder.path();
    std::os::unix::fs::symlink("/etc/hostname", here.join("generated/demo/link")).unwrap();
    commit(here);
    fs::remove_file(here.join("generated/demo/link")).unwrap();
    refused(here, &["plan", "--against", "HEAD"], "symbolic link or a submodule");
    assert_eq!(llmc(here, &["plan", "--against", "HEAD~1"]).code, 0);
}

#[test]
fn a_change_affects_its_own_stack() {
    let folder = committed(&["a", "b", "c"]);
    let here = folder.path();
    let none = Vec::<String>::new();
    assert_eq!(affected(here, "HEAD"), none);
    let text = llmc(here, &["plan", "--changed-since", "HEAD", "--detailed-exitcode"]);
    assert_eq!((text.code, text.stdout.contains("no stack is affected since HEAD")), (0, true), "{}", text.stdout);
    let markdown = llmc(here, &["plan", "--changed-since", "HEAD", "--format", "markdown"]);
    assert_eq!((markdown.code, markdown.stdout.contains("No stack is affected")), (0, true), "{}", markdown.stdout);

    fs::write(here.join("README"), "x").unwrap();
    assert_eq!(affected(here, "HEAD"), none, "a file of no stack");
    edit(&here.join("stacks/a/prompts/answer.system.md"), ".", "!");
    assert_eq!(affected(here, "HEAD"), ["a"], "a file that the spec names, not committed");
    git(here, &["add", "--all"]);
    assert_eq!(affected(here, "HEAD"), ["a"], "staged");
    git(here, &["checkout", "--quiet", "-b", "topic"]);
    commit(here);
    assert_eq!(affected(here, "main"), ["a"], "committed");
    assert_eq!(affected(here, "HEAD"), none);
    fs::write(here.join("stacks/b/new.md"), "x").unwrap();
    assert_eq!(affected(here, "main"), ["a", "b"], "not yet tracked");
    fs::remove_file(here.join("stacks/b/new.md")).unwrap();
    fs::write(here.join("generated/c/kustomization.yaml"), "x").unwrap();
    assert_eq!(affected(here, "main"), ["a", "c"], "its output");
    git(here, &["checkout", "--quiet", "generated"]);
    fs::create_dir(here.join("policies")).unwrap();
    fs::write(here.join("policies/own.rego"), "package main\n").unwrap();
    // Whether or not this policy is one, it bears on every stack.
    let run = llmc(here, &["plan", "--changed-since", "main"]);
    assert!(!run.stderr.contains("other stack"), "{}", run.stderr);
    fs::remove_dir_all(here.join("policies")).unwrap();
    edit(&here.join("generated/b/llmc.json"), concat!("\"llmc_version\": \"", env!("CARGO_PKG_VERSION")), "\"llmc_version\": \"0.0.1");
    commit(here);
    assert_eq!(affected(here, "HEAD"), ["b"], "compiled by another version");

    // Since they parted: what main did meanwhile is not this branch's change.
    git(here, &["checkout", "--quiet", "main"]);
    edit(&here.join("stacks/c/prompts/answer.system.md"), ".", "!");
    commit(here);
    git(here, &["checkout", "--quiet", "topic"]);
    assert_eq!(affected(here, "main"), ["a", "b"]);
    // A name alone is taken from those that are affected.
    assert_eq!(planned(&llmc(here, &["plan", "c", "--format", "json", "--changed-since", "main"])), none);
}

#[test]
fn a_shallow_clone_says_what_to_fetch() {
    let folder = committed(&["demo"]);
    let here = folder.path();
    git(here, &["checkout", "--quiet", "-b", "topic"]);
    for text in ["one", "two", "three"] {
        fs::write(here.join("README"), text).unwrap();
        commit(here);
    }
    let clones = tempfile::tempdir().unwrap();
    let from = format!("file://{}", here.display());
    git(clones.path(), &["clone", "--quiet", "--depth=1", "--branch", "topic", &from, "shallow"]);
    let shallow = clones.path().join("shallow");
    refused(&shallow, &["plan", "--changed-since", "origin/main"], "git fetch origin main:refs/remotes/origin/main");
    git(&shallow, &["fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main"]);
    refused(&shallow, &["plan", "--changed-since", "origin/main"], "git fetch --unshallow");
    git(&shallow, &["fetch", "--quiet", "--unshallow"]);
    assert_eq!(affected(&shallow, "origin/main"), Vec::<String>::new());
}
