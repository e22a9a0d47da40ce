//! `llmc plan` and `llmc apply` as people run them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Run, copy, edit, llmc, llmc_with, pin_anew, repository, root, tree};

const SPEC: &str = "stacks/demo/stack.kdl";
const FILE: &str = "generated/demo/kustomization.yaml";

fn applied(names: &[&str]) -> tempfile::TempDir {
    let folder = repository(names);
    let run = llmc(folder.path(), &["apply"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    folder
}

/// Runs that must be refused and must write nothing.
fn refused(here: &Path, args: &[&str]) -> Run {
    let before = tree(&here.join("generated"));
    let run = llmc(here, args);
    assert_eq!(run.code, 1, "{args:?} was not refused: {}", run.stdout);
    assert_eq!(tree(&here.join("generated")), before, "{args:?} was refused and wrote");
    run
}

fn json(here: &Path, args: &[&str]) -> Value {
    let run = llmc(here, &[&["plan", "--format", "json"], args].concat());
    assert!(matches!(run.code, 0 | 2), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

fn stacks(plan: &Value) -> Vec<&str> {
    plan["stacks"].as_array().unwrap().iter().map(|stack| stack["stack"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_says_by_its_exit_code_whether_something_changes() {
    let folder = repository(&["demo"]);
    let here = folder.path();
    assert_eq!(llmc(here, &["plan"]).code, 0);
    assert_eq!(llmc(here, &["plan", "--detailed-exitcode"]).code, 2);
    assert!(!here.join("generated").exists(), "plan wrote something");
    assert_eq!(llmc(here, &["apply"]).code, 0);
    assert_eq!(llmc(here, &["plan", "--detailed-exitcode"]).code, 0);
    // Layout and comments are no change.
    edit(&here.join(SPEC), "stack \"demo\" {", "// another comment\n\n\nstack   \"demo\" {");
    assert_eq!(llmc(here, &["plan", "--detailed-exitcode"]).code, 0);
    fs::write(here.join(SPEC), "stack \"demo\" {").unwrap();
    let broken = llmc(here, &["plan", "--detailed-exitcode"]);
    assert_eq!(broken.code, 1);
    assert!(broken.stderr.contains("stacks/demo/stack.kdl:1"), "{}", broken.stderr);
    assert_eq!(broken.stdout, "Not planned, because of errors: stacks/demo/stack.kdl.\n", "an error is no `No changes.`");
}

#[test]
fn what_was_planned_is_written_and_applying_twice_changes_nothing() {
    let folder = applied(&["demo"]);
    let here = folder.path();
    let compiled = tempfile::tempdir().unwrap();
    assert_eq!(llmc(here, &["compile", "--out", compiled.path().to_str().unwrap()]).code, 0);
    let written = tree(&here.join("generated"));
    assert_eq!(written, tree(compiled.path()));
    let again = llmc(here, &["apply"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, "nothing to change\n"));
    assert_eq!(tree(&here.join("generated")), written);
    edit(&here.join(SPEC), "max-model-len=8192", "max-model-len=4096");
    let run = llmc(here, &["apply", "demo"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("max-model-len"), "the plan is not shown: {}", run.stdout);
    assert!(run.stdout.contains("generated/demo: ") && run.stdout.contains(" updated"), "{}", run.stdout);
    assert_eq!(llmc(here, &["compile", "--check"]).code, 0);
}

#[test]
fn a_stack_is_named_by_its_name_or_its_path() {
    let folder = repository(&["demo", "other"]);
    let here = folder.path();
    for args in [&["demo"], &["stacks/demo"], &[SPEC]] {
        assert_eq!(stacks(&json(here, args)), ["demo"], "{args:?}");
    }
    assert_eq!(stacks(&json(here, &[])), ["demo", "other"]);
    // The same plan from any folder of the repository.
    assert_eq!(json(here, &["demo"]), json(&here.join("stacks/other"), &["demo"]));
    let wrong = llmc(here, &["plan", "dmo"]);
    assert_eq!((wrong.code, wrong.stderr.contains("did you mean `demo`?")), (1, true), "{}", wrong.stderr);
}

#[test]
fn one_stack_with_an_error_stops_the_writing_of_all() {
    let folder = repository(&["bad", "good"]);
    let here = folder.path();
    edit(&here.join("stacks/bad/stack.kdl"), "namespace", "namspace");
    let plan = llmc(here, &["plan", "--format", "json", "--out", "plan.json"]);
    assert_eq!(plan.code, 1);
    assert_eq!(stacks(&serde_json::from_str(&plan.stdout).unwrap()), ["good"], "the other is shown");
    assert!(!here.join("plan.json").exists(), "half a plan was saved");
    let run = llmc(here, &["apply"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("nothing is written, because of errors in stacks/bad/stack.kdl"), "{}", run.stderr);
    assert!(!here.join("generated").exists());
}

#[test]
fn a_saved_plan_is_written_exactly_or_not_at_all() {
    let folder = applied(&["demo", "other"]);
    let here = folder.path();
    let plan = |here: &Path| assert_eq!(llmc(here, &["plan", "--out", "plan.json"]).code, 0);
    let change = |from: &str, to: &str| edit(&here.join(SPEC), from, to);
    change("max-model-len=8192", "max-model-len=4096");
    plan(here);
    // From elsewhere in the repository, too; and twice.
    let run = llmc(&here.join("stacks/demo"), &["apply", "../../plan.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(llmc(here, &["compile", "--check"]).code, 0);
    let again = llmc(here, &["apply", "plan.json"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, "nothing to change\n"), "{}", again.stderr);

    change("max-model-len=4096", "max-model-len=2048");
    plan(here);
    change("max-model-len=2048", "max-model-len=1792");
    let inputs = refused(here, &["apply", "plan.json"]);
    assert!(inputs.stderr.contains("inputs of `demo`") && inputs.stderr.contains("llmc plan --out plan.json"), "{}", inputs.stderr);
    assert!(!inputs.stderr.contains("`other`"), "{}", inputs.stderr);

    plan(here);
    fs::write(here.join("generated/demo/note.txt"), "mine").unwrap();
    let base = refused(here, &["apply", "plan.json"]);
    assert!(base.stderr.contains("base of `demo`"), "{}", base.stderr);
    fs::remove_file(here.join("generated/demo/note.txt")).unwrap();

    edit(&here.join("plan.json"), concat!("\"llmc_version\": \"", env!("CARGO_PKG_VERSION")), "\"llmc_version\": \"99.0.0");
    let version = refused(here, &["apply", "plan.json"]);
    assert!(version.stderr.contains("llmc version: 99.0.0"), "{}", version.stderr);

    plan(here);
    let text = fs::read_to_string(here.join("plan.json")).unwrap();
    let mut forged: Value = serde_json::from_str(&text).unwrap();
    forged["stacks"][0]["risks"] = serde_json::json!([]);
    forged["stacks"][0]["files"][0]["old_sha256"] = "0".repeat(64).into();
    fs::write(here.join("plan.json"), forged.to_string()).unwrap();
    refused(here, &["apply", "plan.json"]);
    for garbage in ["", "{}", "[]", "{\"format_version\": \"2.0\"}", &text[..text.len() / 2]] {
        fs::write(here.join("plan.json"), garbage).unwrap();
        refused(here, &["apply", "plan.json"]);
    }
    refused(here, &["apply", "nothing.json"]);
    refused(here, &["apply", "plan.json", "demo"]);
    fs::write(here.join("plan.json"), &text).unwrap();
    assert_eq!(llmc(here, &["apply", "plan.json"]).code, 0, "the plan itself was fine");
}

#[test]
fn a_pipe_is_no_plan_and_is_not_waited_for() {
    let folder = applied(&["demo"]);
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("plan.json")).status().unwrap();
    assert!(made.success());
    let run = refused(folder.path(), &["apply", "plan.json"]);
    assert!(run.stderr.contains("it is not a plain file"), "{}", run.stderr);
}

#[test]
fn a_policy_refuses_an_edited_prompt_and_no_move_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    copy(&root().join("stacks/customer-support"), &here.join("stacks/customer-support"));
    copy(&root().join("generated/customer-support"), &here.join("generated/customer-support"));
    let spec = here.join("stacks/customer-support/stack.kdl");
    edit(&spec, "namespace \"llm-serving\"", "namespace \"llm\"");
    assert_eq!(llmc(here, &["plan", "--out", "plan.json"]).code, 0, "another namespace is no other text");
    edit(&spec, "namespace \"llm\"", "namespace \"llm-serving\"");
    edit(&here.join("generated/customer-support/prompts/support/v1.yaml"), "online shop", "web shop");
    assert_eq!(llmc(here, &["apply", "--overwrite"]).code, 0, "an edit of the compiled file can be undone");
    edit(&here.join("stacks/customer-support/prompts/support.v1.md"), "online shop", "web shop");
    pin_anew(&here.join("stacks/customer-support/stack.kdl"));
    let run = refused(here, &["plan", "--out", "edited.json", "--detailed-exitcode"]);
    assert!(run.stderr.contains("`v1` of the prompt `support` is edited in place"), "{}", run.stderr);
    let why = "`edited.json` is not written, because of errors in stacks/customer-support/stack.kdl";
    assert!(run.stderr.contains(why) && run.stdout.contains("Plan: 3 to update, 1 to replace"), "{}{}", run.stderr, run.stdout);
    refused(here, &["apply"]);
}

#[test]
fn a_saved_plan_whose_spec_is_gone_is_stale() {
    let folder = repository(&["demo"]);
    let here = folder.path();
    assert_eq!(llmc(here, &["plan", "--out", "plan.json"]).code, 0);
    fs::rename(here.join("stacks/demo"), here.join("stacks/moved")).unwrap();
    let run = llmc(here, &["apply", "plan.json"]);
    assert_eq!((run.code, run.stderr.contains("the spec of `demo` is gone")), (1, true), "{}", run.stderr);
    assert!(!here.join("generated").exists());
}

#[test]
fn an_edit_by_hand_is_shown_and_refused_until_somebody_decides() {
    let folder = applied(&["demo", "other"]);
    let here = folder.path();
    let before = fs::read_to_string(here.join(FILE)).unwrap();
    let edited = format!("{before}# api_key = sk-{}\nmine: true\n", "notarealtoken".repeat(4));
    fs::write(here.join(FILE), &edited).unwrap();
    edit(&here.join("stacks/other/stack.kdl"), "max-model-len=8192", "max-model-len=4096");
    let run = refused(here, &["apply"]);
    assert!(run.stderr.contains("+++ generated/demo/kustomization.yaml") && run.stderr.contains("+mine: true"), "{}", run.stderr);
    assert!(run.stderr.contains("--overwrite") && run.stderr.contains("--adopt"), "{}", run.stderr);
    assert!(!run.stderr.contains("notarealtoken"), "a secret was printed: {}", run.stderr);

    // Taking it over loses nothing: the content stays, and the next plan shows it as a plain update.
    let adopted = llmc(here, &["apply", "--adopt"]);
    assert_eq!(adopted.code, 0, "{}", adopted.stderr);
    assert!(adopted.stdout.contains("  kustomization.yaml\n"), "{}", adopted.stdout);
    assert_eq!(fs::read_to_string(here.join(FILE)).unwrap(), edited);
    let plan = json(here, &["demo"]);
    let file = &plan["stacks"][0]["files"].as_array().unwrap().iter().find(|f| f["path"] == "kustomization.yaml").unwrap().clone();
    assert_eq!((file["action"].as_str(), file["edited"].as_bool()), (Some("update"), Some(false)));
    assert_eq!(llmc(here, &["apply"]).code, 0);
    assert_eq!(fs::read_to_string(here.join(FILE)).unwrap(), before);

    fs::write(here.join(FILE), &edited).unwrap();
    assert_eq!(llmc(here, &["apply", "--overwrite"]).code, 0);
    assert_eq!(fs::read_to_string(here.join(FILE)).unwrap(), before);
    assert_eq!(llmc(here, &["apply", "--adopt", "--overwrite"]).code, 1, "both at once mean nothing");
    let nothing = llmc(here, &["apply", "--adopt"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, "nothing to change\n"));
}

#[test]
fn an_edited_file_that_is_no_longer_compiled_is_not_lost() {
    let folder = applied(&["demo"]);
    let here = folder.path();
    let removed = "generated/demo/kubernetes/llama-8b/network-policy.yaml";
    let text = fs::read_to_string(here.join(removed)).unwrap() + "# mine\n";
    fs::write(here.join(removed), text).unwrap();
    edit(&here.join(SPEC), "llama-8b", "llama-small");
    let run = refused(here, &["apply"]);
    assert!(run.stderr.contains("no longer compiled") && run.stderr.contains("network-policy.yaml"), "{}", run.stderr);
    assert_eq!(llmc(here, &["apply", "--overwrite"]).code, 0);
    assert!(!here.join(removed).exists());
}

#[test]
fn files_that_llmc_did_not_write_stay_or_refuse() {
    let folder = repository(&["demo"]);
    let here = folder.path();
    let base = here.join("generated/demo");
    fs::create_dir_all(base.join("deep/er")).unwrap();
    for (path, text) in [("kustomization.yaml", "theirs: true\n"), ("deep/er/note.sh", "#!/bin/sh\n")] {
        fs::write(base.join(path), text).unwrap();
    }
    fs::set_permissions(base.join("deep/er/note.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = refused(here, &["apply"]);
    assert!(run.stderr.contains("it has no llmc.json") && run.stderr.contains("+theirs: true"), "{}", run.stderr);
    let run = llmc(here, &["apply", "--adopt"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(fs::read_to_string(base.join("kustomization.yaml")).unwrap(), "theirs: true\n");
    assert_eq!(llmc(here, &["apply"]).code, 0);
    assert!(fs::read_to_string(base.join("kustomization.yaml")).unwrap().contains("kustomize.config.k8s.io"));
    assert_eq!(fs::read_to_string(base.join("deep/er/note.sh")).unwrap(), "#!/bin/sh\n");
    assert_eq!(fs::metadata(base.join("deep/er/note.sh")).unwrap().permissions().mode() & 0o777, 0o755, "permissions were lost");

    // In a tree of llmc's own: a file at a path that is about to be compiled, and one where a folder is to be.
    for path in ["kubernetes/llama-small", "kubernetes/llama-small/deployment.yaml"] {
        edit(&here.join(SPEC), "llama-8b", "llama-small");
        let foreign = base.join(path);
        fs::create_dir_all(foreign.parent().unwrap()).unwrap();
        fs::write(&foreign, "theirs\n").unwrap();
        let run = refused(here, &["apply"]);
        assert!(run.stderr.contains(&format!("generated/demo/{path}")), "{}", run.stderr);
        assert_eq!(llmc(here, &["apply", "--overwrite"]).code, 0);
        assert!(base.join("kubernetes/llama-small/deployment.yaml").is_file());
        edit(&here.join(SPEC), "llama-small", "llama-8b");
        assert_eq!(llmc(here, &["apply"]).code, 0);
    }
}

#[test]
fn links_and_odd_names_are_refused() {
    let folder = applied(&["demo"]);
    let here = folder.path();
    edit(&here.join(SPEC), "max-model-len=8192", "max-model-len=4096");
    let link = here.join("generated/demo/link");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
    for args in [&["plan"][..], &["apply", "--overwrite"]] {
        let run = llmc(here, args);
        assert_eq!((run.code, run.stderr.contains("symbolic link")), (1, true), "{}", run.stderr);
    }
    fs::remove_file(&link).unwrap();
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9.txt");
    fs::write(here.join("generated/demo").join(name), "mine").unwrap();
    let run = llmc(here, &["apply", "--overwrite"]);
    assert_eq!((run.code, run.stderr.contains("is not UTF-8")), (1, true), "{}", run.stderr);
    assert!(here.join("generated/demo").join(name).exists());
}

#[test]
fn a_stack_that_is_gone_is_removed_and_one_that_was_renamed_moves() {
    let folder = applied(&["demo", "old", "other"]);
    let here = folder.path();
    fs::write(here.join("generated/old/note.txt"), "mine").unwrap();
    fs::rename(here.join("stacks/old"), here.join("stacks/new")).unwrap();
    edit(&here.join("stacks/new/stack.kdl"), "stack \"old\"", "stack \"new\"");
    let plan = json(here, &[]);
    assert_eq!(stacks(&plan), ["demo", "new", "other"]);
    assert_eq!(plan["stacks"][1]["renamed_from"], "old");
    assert_eq!(json(here, &["new"])["stacks"][0]["renamed_from"], "old", "also when it is planned alone");
    assert_eq!(llmc(here, &["plan", "--out", "plan.json"]).code, 0);
    let run = llmc(here, &["apply", "plan.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(here.join("generated/new/llmc.json").is_file());
    assert_eq!(tree(&here.join("generated/old")).into_keys().collect::<Vec<_>>(), ["note.txt"], "what llmc did not write stays");
    assert_eq!(llmc(here, &["apply", "plan.json"]).stdout, "nothing to change\n");

    fs::remove_dir_all(here.join("stacks/other")).unwrap();
    assert_eq!(stacks(&json(here, &["demo"])), ["demo"], "a removal is planned only with everything");
    let named = refused(here, &["plan", "other"]);
    assert!(named.stderr.contains("without names, the removal of `generated/other` is planned too"), "{}", named.stderr);
    let plan = json(here, &[]);
    assert_eq!((stacks(&plan), &plan["stacks"][2]["spec"]), (vec!["demo", "new", "other"], &Value::Null));
    // A spec that cannot be read may be the one that declares it.
    let spec = fs::read_to_string(here.join(SPEC)).unwrap();
    fs::write(here.join(SPEC), "}").unwrap();
    let unreadable = llmc(here, &["plan", "--format", "json"]);
    assert_eq!(stacks(&serde_json::from_str(&unreadable.stdout).unwrap()), ["new"]);
    fs::write(here.join(SPEC), spec).unwrap();

    let file = here.join("generated/other/kustomization.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, "edited").unwrap();
    refused(here, &["apply"]);
    fs::write(&file, text).unwrap();
    assert_eq!(llmc(here, &["plan", "--out", "plan.json"]).code, 0);
    let run = llmc(here, &["apply", "plan.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!here.join("generated/other").exists());
    assert_eq!(llmc(here, &["apply", "plan.json"]).stdout, "nothing to change\n");
    // The last stack of a repository goes as well.
    for name in ["demo", "new"] {
        fs::remove_dir_all(here.join("stacks").join(name)).unwrap();
    }
    let run = llmc(here, &["apply"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(tree(&here.join("generated")).into_keys().collect::<Vec<_>>(), ["old/note.txt"]);
}

/// A manifest is whatever a pull request says it is.
/// Only what is known to be gone is removed: a folder of specs that cannot be told apart is no stack that is gone.
#[test]
fn stacks_that_cannot_be_listed_are_not_taken_for_gone() {
    let folder = applied(&["demo", "other"]);
    let here = folder.path();
    fs::copy(here.join(SPEC), here.join("stacks/demo/stack.yaml")).unwrap();
    for args in [["apply"].as_slice(), &["apply", "--overwrite"], &["plan"], &["drift"]] {
        let run = refused(here, args);
        assert!(run.stderr.contains("a stack has one spec"), "{args:?}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn a_hostile_manifest_removes_nothing_outside() {
    let folder = applied(&["demo"]);
    let here = folder.path();
    fs::write(here.join("generated/keep.txt"), "mine").unwrap();
    let manifest = here.join("generated/demo/llmc.json");
    let mut value: Value = serde_json::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
    let files = value["files"].as_object_mut().unwrap();
    for path in ["../keep.txt", "/etc/hostname", "../../stacks/demo/stack.kdl", ""] {
        files.insert(path.into(), "0".repeat(64).into());
    }
    fs::write(&manifest, value.to_string()).unwrap();
    assert_eq!(llmc(here, &["apply", "--overwrite"]).code, 0);
    assert_eq!(fs::read_to_string(here.join("generated/keep.txt")).unwrap(), "mine");
    assert!(here.join(SPEC).is_file());
    assert_eq!(llmc(here, &["compile", "--check"]).code, 0);
}

#[test]
fn a_plan_is_saved_whole_and_a_device_stays_a_device() {
    let folder = repository(&["demo"]);
    let here = folder.path();
    let run = llmc(here, &["plan", "--out", "/dev/null"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!fs::metadata("/dev/null").unwrap().is_file(), "the device was replaced");
    let run = llmc(here, &["plan", "--out", "no/such/folder/plan.json"]);
    assert_eq!((run.code, run.stderr.contains("cannot write `no/such/folder/plan.json`")), (1, true), "{}", run.stderr);
    assert_eq!(llmc_with(here, &["plan", "--out", "plan.json", "--jobs", "7"], &[("LC_ALL", "C")]).code, 0);
    let first = fs::read(here.join("plan.json")).unwrap();
    assert_eq!(llmc(here, &["plan", "--out", "plan.json", "--jobs", "1"]).code, 0);
    assert_eq!(fs::read(here.join("plan.json")).unwrap(), first, "a plan is the same bytes each time");
}
