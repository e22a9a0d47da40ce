//! `llmc upgrade`: what another release changes, and specs that keep every other byte.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{copy, edit, example_stacks, llmc, repository, root, tree};

/// The example stacks in a repository of their own, on `version`.
fn examples(version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("stacks"), &folder.path().join("stacks"));
    for name in example_stacks() {
        edit(&spec(folder.path(), &name), "0.32.0", version);
    }
    folder
}

fn spec(folder: &Path, name: &str) -> std::path::PathBuf {
    let files = ["stack.kdl", "stack.yaml"].map(|file| folder.join("stacks").join(name).join(file));
    files.into_iter().find(|file| file.is_file()).expect("a spec")
}

/// A stack of `llmc init` whose first `serve` has `args`.
fn with_args(version: &str, args: &str) -> tempfile::TempDir {
    let folder = repository(&["a"]);
    let file = spec(folder.path(), "a");
    let text = fs::read_to_string(&file).expect("a text");
    let line = text.lines().find(|line| line.trim_start().starts_with("serve ")).expect("a serve line");
    let version_now = text.lines().find(|line| line.contains("engine \"vllm\"")).and_then(|l| l.split('"').nth(3)).expect("a version");
    let serve = format!("{} {{\n{args}        }}", line.split(" //").next().expect("a line").trim_end());
    let text = text.replacen(line, &serve, 1).replace(&format!("version=\"{version_now}\""), &format!("version=\"{version}\""));
    fs::write(&file, text).expect("written");
    folder
}

fn json(folder: &Path, args: &[&str]) -> (Value, i32) {
    let run = llmc(folder, &[&["upgrade", "vllm"], args, &["--json"]].concat());
    let value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr));
    (value, run.code)
}

/// Topic, weight and name of every note.
fn notes(document: &Value) -> Vec<(String, String, String)> {
    let text = |note: &Value, field: &str| note[field].as_str().expect("a text").to_owned();
    let stacks = document["stacks"].as_array().expect("stacks").iter();
    let models = stacks.flat_map(|stack| stack["models"].as_array().expect("models"));
    let notes = models.flat_map(|model| model["notes"].as_array().expect("notes"));
    notes.map(|note| (text(note, "topic"), text(note, "weight"), text(note, "name"))).collect()
}

#[test]
fn every_example_goes_up_and_down_and_only_its_versions_change() {
    for (from, to) in [("0.32.0", "0.33.0"), ("0.8.5", "0.33.0"), ("0.33.0", "0.11.0"), ("0.9.1", "0.9.2")] {
        let folder = examples(from);
        let before = tree(folder.path());
        let check = llmc(folder.path(), &["upgrade", "vllm", to, "--check"]);
        assert_eq!(check.code, 0, "{from} to {to}: {}{}", check.stdout, check.stderr);
        assert_eq!(tree(folder.path()), before, "--check wrote something");
        let run = llmc(folder.path(), &["upgrade", "vllm", to]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.ends_with(&format!("3 stacks upgraded to vllm {to}.\n")), "{}", run.stdout);
        let expected: Vec<_> = before
            .into_iter()
            .map(|(path, content)| {
                let is_spec = path.ends_with("stack.kdl") || path.ends_with("stack.yaml");
                let text = String::from_utf8(content).expect("UTF-8");
                (path, if is_spec { text.replace(from, to) } else { text }.into_bytes())
            })
            .collect();
        assert_eq!(tree(folder.path()).into_iter().collect::<Vec<_>>(), expected, "{from} to {to}");
        // The second time there is nothing to do.
        let again = llmc(folder.path(), &["upgrade", "vllm", to]);
        assert_eq!(again.code, 0);
        assert!(again.stdout.contains("already") && again.stdout.contains("0 stacks upgraded"), "{}", again.stdout);
    }
}

#[test]
fn removed_arguments_follow_where_their_successor_is_certain() {
    let args = "            // room for long prompts\n            args \"--swap-space=4\" // in GiB\n            args \"--guided-decoding-backend=xgrammar\" \"--seed=7\" \"--disable-log-requests\"\n            args \"--num-scheduler-steps=8\"\n";
    let folder = with_args("0.9.1", args);
    let file = spec(folder.path(), "a");
    let before = fs::read_to_string(&file).expect("a text");
    let (document, code) = json(folder.path(), &["0.32.0"]);
    assert_eq!(code, 0, "{document:#}");
    let note = |name: &str| (String::from("argument"), String::from("edit"), name.to_owned());
    let told = notes(&document);
    for name in ["--swap-space=4", "--guided-decoding-backend=xgrammar", "--disable-log-requests", "--num-scheduler-steps=8"] {
        assert!(told.contains(&note(name)), "{name}: {told:?}");
    }
    assert_eq!(document["stacks"][0]["written"], true);
    let expected = before
        .replace("0.9.1", "0.32.0")
        .replace("args \"--swap-space=4\" // in GiB", "// in GiB")
        .replace("--guided-decoding-backend=xgrammar", "--structured-outputs-config.backend=xgrammar")
        .replace(" \"--disable-log-requests\"", "")
        .replace("            args \"--num-scheduler-steps=8\"\n", "");
    assert_eq!(fs::read_to_string(&file).expect("a text"), expected);
    assert_eq!(llmc(folder.path(), &["check"]).code, 0);
}

#[test]
fn a_person_decides_first_and_until_then_nothing_is_written() {
    for (from, to, args, name) in [
        ("0.9.1", "0.32.0", "--rope-theta=500000", "--rope-theta=500000"),
        ("0.33.0", "0.9.1", "--async-scheduling", "--async-scheduling"),
        ("0.33.0", "0.32.0", "--disable-prefix-caching", "--disable-prefix-caching"),
        ("0.9.1", "0.10.2", "--task=generate", ""),
        ("0.12.0", "0.13.0", "--task=generate", "--task=generate"),
        ("0.32.0", "0.9.2", "--reasoning-parser=glm45", "--reasoning-parser=glm45"),
    ] {
        let folder = with_args(from, &format!("            args \"{args}\"\n"));
        let before = tree(folder.path());
        let (document, code) = json(folder.path(), &[to]);
        let told = notes(&document);
        if name.is_empty() {
            assert_eq!(code, 0, "{from} to {to} {args}: {document:#}");
            continue;
        }
        assert_eq!(code, 1, "{from} to {to} {args}: {document:#}");
        assert!(told.contains(&("argument".into(), "person".into(), name.into())), "{told:?}");
        assert_eq!(document["stacks"][0]["clean"], false);
        assert_eq!(document["stacks"][0]["errors"][0]["code"], "LLMC-E002", "{document:#}");
        assert_eq!(tree(folder.path()), before, "{from} to {to} {args}");
        assert_eq!(json(folder.path(), &[to, "--check"]).1, 1);
    }
}

#[test]
fn an_image_of_the_old_version_is_reported() {
    let folder = with_args("0.31.0", "            args \"--seed=7\"\n");
    let file = spec(folder.path(), "a");
    edit(&file, "version=\"0.31.0\"", "version=\"0.31.0\" image=\"registry.example.com/vllm:v0.31.0-cu130\"");
    let (document, code) = json(folder.path(), &["0.33.0"]);
    let image = |weight: &str, tag: &str| ("image".to_owned(), weight.to_owned(), format!("registry.example.com/vllm:{tag}"));
    assert_eq!((code, notes(&document).contains(&image("person", "v0.31.0-cu130"))), (1, true), "{document:#}");
    // A name that says nothing of a version is only worth a look, and the right one is not.
    edit(&file, "v0.31.0-cu130", "stable-7");
    let (document, code) = json(folder.path(), &["0.33.0", "--check"]);
    assert_eq!((code, notes(&document).contains(&image("note", "stable-7"))), (0, true), "{document:#}");
    edit(&file, "stable-7", "v0.33.0-cu130");
    let (document, code) = json(folder.path(), &["0.33.0", "--check"]);
    assert_eq!((code, notes(&document).iter().any(|(topic, ..)| topic == "image")), (0, false), "{document:#}");
}

#[test]
fn metrics_defaults_and_deprecations_are_told() {
    let folder = examples("0.9.1");
    let told = notes(&json(folder.path(), &["0.33.0", "korean-assistant", "--check"]).0);
    let note = |topic: &str, name: &str| (topic.to_owned(), "note".to_owned(), name.to_owned());
    for expected in [note("metric", "vllm:gpu_cache_usage_perc"), note("default", "async-scheduling"), note("drain", "stop")] {
        assert!(told.contains(&expected), "{expected:?} is not among {told:#?}");
    }
    // The spec says these itself, always.
    assert!(!told.iter().any(|(_, _, name)| name.contains("max-num-seqs") || name.contains("gpu-memory-utilization")), "{told:#?}");
    let folder = with_args("0.30.0", "            args \"--log-config-file=/a.json\"\n");
    let (document, code) = json(folder.path(), &["0.32.0", "--check"]);
    assert_eq!(code, 0, "{document:#}");
    assert!(notes(&document).contains(&note("deprecated", "--log-config-file")), "{document:#}");
    // What the spec decides by an argument is no change of a default.
    let folder = with_args("0.9.1", "            args \"--enforce-eager\"\n");
    let before = notes(&json(folder.path(), &["0.33.0", "--check"]).0);
    let folder = with_args("0.9.1", "            args \"--prefix-caching-hash-algo=sha256\"\n");
    let after = notes(&json(folder.path(), &["0.33.0", "--check"]).0);
    let default = note("default", "--prefix-caching-hash-algo");
    assert_eq!((before.contains(&default), after.contains(&default)), (true, false));
}

#[test]
fn unknown_engines_versions_stacks_and_broken_specs_are_refused() {
    let folder = examples("0.32.0");
    let before = tree(folder.path());
    for (args, message) in [
        (["vllm", "0.33.7"], "the nearest known: 0.33.0"),
        (["vllm", "0.20.9"], "the nearest known: 0.20.2 and 0.21.0"),
        (["vllm", "0.9.0.1"], "is not an exact version"),
        (["vllm", "latest"], "is not an exact version of vllm; write one such as 0.33.0"),
        (["vlm", "0.33.0"], "did you mean `vllm`?"),
        (["sglang", "0.5.0"], "there is: vllm"),
    ] {
        let run = llmc(folder.path(), &[&["upgrade"], args.as_slice()].concat());
        assert_eq!(run.code, 1, "{args:?}");
        assert!(run.stderr.contains(message), "{args:?}: {}", run.stderr);
    }
    let run = llmc(folder.path(), &["upgrade", "vllm", "0.33.0", "korean"]);
    assert!(run.code == 1 && run.stderr.contains("no stack `korean`"), "{}", run.stderr);
    assert_eq!(tree(folder.path()), before);

    fs::write(spec(folder.path(), "research-desk"), "stack \"research-desk\" {\n").expect("written");
    let run = llmc(folder.path(), &["upgrade", "vllm", "0.33.0"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("LLMC-S001") && run.stderr.contains("stacks/research-desk/stack.kdl is left as it is"), "{}", run.stderr);
    assert!(run.stdout.ends_with("2 stacks upgraded to vllm 0.33.0, 1 stack to be changed by a person first.\n"), "{}", run.stdout);
}
