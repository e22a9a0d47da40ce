//! The command as people and CI jobs run it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Run, compile, judge, llmc, llmc_with, root};

const BROKEN: &str = r#"stack "x" {
    namespace "y"
    modle "m" {}
}
"#;

fn broken(here: &Path, format: &str) -> Run {
    fs::write(here.join("stack.kdl"), BROKEN).unwrap();
    llmc(here, &["check", "stack.kdl", "--format", format])
}

#[test]
fn a_first_stack_compiles_and_stays_current() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let run = llmc(here, &["init", "my-assistant"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(llmc(here, &["init", "my-assistant"]).code, 1, "an existing stack was overwritten");
    assert_eq!(llmc(here, &["init", "No Name"]).code, 1);
    let check = llmc(here, &["check"]);
    assert_eq!((check.code, check.stderr.as_str()), (0, "checked 1 stack: 0 errors, 0 warnings\n"));
    assert_eq!(llmc(here, &["fmt", "--check"]).code, 0, "the template is not formatted");
    let stale = llmc(here, &["compile", "--check"]);
    assert_eq!((stale.code, stale.stderr.contains("is stale")), (1, true), "{}", stale.stderr);
    assert!(!here.join("generated").exists(), "--check wrote something");
    let run = llmc(here, &["compile"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.starts_with("stack         files  changed  errors  warnings"), "{}", run.stdout);
    assert!(here.join("generated/my-assistant/llmc.json").is_file());
    assert_eq!(llmc(here, &["compile", "--check"]).code, 0);
    let again = llmc(here, &["compile"]);
    assert!(again.stdout.contains("  0  "), "a second compile changed files: {}", again.stdout);
    // From a folder below, the same repository is found.
    assert_eq!(llmc(&here.join("stacks/my-assistant/prompts"), &["compile", "--check"]).code, 0);
}

/// A stack that was deleted would otherwise be deployed for ever.
#[test]
fn the_output_of_a_deleted_stack_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for name in ["first", "second"] {
        assert_eq!(llmc(here, &["init", name]).code, 0);
    }
    assert_eq!(llmc(here, &["compile"]).code, 0);
    fs::remove_dir_all(here.join("stacks/second")).unwrap();
    let check = llmc(here, &["compile", "--check"]);
    assert_eq!((check.code, check.stderr.contains("generated/second was compiled from")), (1, true), "{}", check.stderr);
    assert_eq!(llmc(here, &["compile", "--check", "stacks/first"]).code, 0, "other stacks were not asked about");
    fs::remove_dir_all(here.join("generated/second")).unwrap();
    assert_eq!(llmc(here, &["compile", "--check"]).code, 0);
}

#[test]
fn the_written_manifest_lists_every_file_with_its_digest() {
    let out = tempfile::tempdir().unwrap();
    compile(&root().join("stacks/korean-assistant"), out.path());
    let folder = out.path().join("korean-assistant");
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("llmc.json")).unwrap()).unwrap();
    let files = manifest["files"].as_object().unwrap();
    assert!(files.len() > 15);
    for (path, digest) in files {
        let content = fs::read(folder.join(path)).unwrap();
        assert_eq!(digest.as_str().unwrap(), llmc::emit::sha256(&content), "{path}");
    }
}

#[test]
fn the_stream_holds_every_object_and_nothing_else() {
    let run = llmc(root(), &["compile", "stacks/customer-support", "--stdout"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let documents: Vec<&str> = run.stdout.split("---\n").filter(|d| !d.trim().is_empty()).collect();
    assert!(documents.len() > 10);
    for document in documents {
        assert!(document.contains("\nkind: ") && document.contains("\napiVersion: "), "{document}");
    }
}

#[test]
fn one_spec_by_two_names_is_one_and_two_specs_without_a_name_are_two() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for name in ["a", "b"] {
        assert_eq!(llmc(here, &["init", name]).code, 0);
    }
    let whole = here.join("stacks/a");
    let run = llmc(here, &["compile", "stacks/a", "stacks/a/stack.kdl", "stacks/../stacks/a", whole.to_str().unwrap()]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for name in ["a", "b"] {
        let spec = here.join(format!("stacks/{name}/stack.kdl"));
        let text = fs::read_to_string(&spec).unwrap().replace(&format!("stack \"{name}\""), "stack");
        fs::write(&spec, text).unwrap();
    }
    let run = llmc(here, &["compile"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("required field `stack`") && !run.stderr.contains("both declare"), "{}", run.stderr);
}

#[test]
fn exit_codes_keep_two_free() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["--no-such-flag"][..], &["compile", "--jobs", "0"], &["nothing"], &[], &["check", "--format", "xml"]] {
        let run = llmc(folder.path(), args);
        assert_eq!(run.code, 1, "{args:?}: {}", run.stderr);
        assert!(!run.stderr.is_empty(), "{args:?} says nothing");
    }
    for args in [&["--help"][..], &["--version"], &["compile", "--help"], &["explain"]] {
        let run = llmc(folder.path(), args);
        assert_eq!(run.code, 0, "{args:?}");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn every_command_has_examples_in_its_help() {
    let help = llmc(root(), &["--help"]).stdout;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // The description of a command may go on in a second line, further in.
    let first = |line: &str| line.strip_prefix("  ").filter(|l| !l.starts_with(' ')).and_then(|l| l.split(' ').next()).map(str::to_owned);
    let commands: Vec<String> = list.lines().filter_map(first).collect();
    assert!(commands.len() >= 8, "{help}");
    for command in commands.into_iter().filter(|c| *c != "help") {
        let help = llmc(root(), &[&command, "--help"]).stdout;
        assert!(help.contains("Examples:"), "{command} --help has no examples");
    }
}

#[test]
fn findings_come_in_five_formats() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();

    let text = broken(here, "text");
    assert_eq!(text.code, 1);
    for part in ["error[LLMC-S002]", "stack.kdl:3:5", "^^^^^", "did you mean `model`?"] {
        assert!(text.stderr.contains(part), "no `{part}` in:\n{}", text.stderr);
    }
    assert!(!text.stderr.contains('\u{1b}'), "colour without a terminal");

    let short = broken(here, "short");
    assert_eq!(short.stderr, "stack.kdl:3:5: error[LLMC-S002]: a stack has no field `modle`\n");

    let json = broken(here, "json");
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    let schema = llmc::diagnostic::json_schema().to_value();
    assert!(jsonschema::is_valid(&schema, &report), "{}", json.stdout);
    assert_eq!((&report["errors"], &report["findings"][0]["primary"]["line"]), (&1.into(), &3.into()));
    assert_eq!(json.stderr, "");

    let sarif: Value = serde_json::from_str(&broken(here, "sarif").stdout).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(result["ruleId"], "LLMC-S002");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"], "LLMC-S002");

    let github = broken(here, "github");
    assert_eq!(
        github.stdout,
        "::error file=stack.kdl,line=3,endLine=3,col=5,endColumn=10,title=LLMC-S002::a stack has no field `modle`%0Ahelp: did you mean `model`?\n"
    );
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("stack.kdl"), BROKEN).unwrap();
    let asked = llmc(folder.path(), &["check", "stack.kdl", "--color", "always"]);
    assert!(asked.stderr.contains('\u{1b}'));
    let piped = llmc_with(folder.path(), &["check", "stack.kdl"], &[("TERM", "xterm-256color")]);
    assert!(!piped.stderr.contains('\u{1b}'));
}

#[test]
fn explain_documents_every_code() {
    let list = llmc(root(), &["explain"]).stdout;
    assert!(list.lines().count() > 20, "{list}");
    for line in list.lines() {
        let code = line.split_whitespace().next().unwrap();
        let one = llmc(root(), &["explain", code]);
        assert_eq!(one.code, 0, "{code}");
        assert!(one.stdout.starts_with(code) && one.stdout.len() > 100, "{}", one.stdout);
    }
    let wrong = llmc(root(), &["explain", "LLMC-S090"]);
    assert_eq!((wrong.code, wrong.stderr.contains("did you mean `LLMC-S0")), (1, true), "{}", wrong.stderr);
}

#[test]
fn completions_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = llmc(root(), &["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("compile"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let script = format!("'{}' explain | head -n 1", env!("CARGO_BIN_EXE_llmc"));
    let output = std::process::Command::new("bash").args(["-o", "pipefail", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Every field of the published schema says what it is, and what it is when it is left out.
#[test]
fn the_schema_documents_every_field() {
    let schema = llmc::spec::schema();
    assert!(jsonschema::meta::is_valid(schema));
    let mut fields = 0;
    let definitions = schema["$defs"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value));
    for (owner, definition) in definitions.chain([("stack", schema)]) {
        let Some(properties) = definition["properties"].as_object() else { continue };
        assert_eq!(definition["additionalProperties"], false, "{owner} accepts unknown fields");
        let required: Vec<&str> = definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in properties {
            fields += 1;
            let description = field["description"].as_str().unwrap_or_else(|| panic!("{owner}.{name} is not described"));
            assert!(description.len() > 10, "{owner}.{name}: {description}");
            let is_map = field["additionalProperties"].is_object();
            let says = description.contains("Default:") || description.contains("required") || is_map;
            assert!(required.contains(&name.as_str()) || says, "{owner}.{name} has no stated default: {description}");
        }
    }
    assert!(fields > 80, "{fields}");
}

/// What is checked in is what the compiler writes today.
#[test]
fn checked_in_schemas_are_current() {
    for (name, args) in [
        ("stack", &["schema"][..]),
        ("diagnostics", &["schema", "diagnostics"]),
        ("fit", &["schema", "fit"]),
        ("analysis", &["schema", "analysis"]),
    ] {
        let file = root().join(format!("schemas/{name}.schema.json"));
        assert_eq!(fs::read_to_string(file).unwrap(), llmc(root(), args).stdout, "run: llmc schema {name} > schemas/{name}.schema.json");
    }
}

/// The YAML language server, which editors run, finds the schema by the line at the top of the
/// spec, accepts the spec, and underlines what is wrong with a broken one.
#[test]
fn editors_check_a_yaml_spec() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read_to_string(root().join("stacks/korean-assistant/stack.yaml")).unwrap();
    assert!(good.starts_with("# yaml-language-server: $schema=../../schemas/stack.schema.json\n"));
    let write = |name: &str, text: &str| {
        let path = folder.path().join(format!("stacks/{name}/stack.yaml"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    fs::create_dir_all(folder.path().join("schemas")).unwrap();
    fs::copy(root().join("schemas/stack.schema.json"), folder.path().join("schemas/stack.schema.json")).unwrap();
    let run = judge("editor", &[&write("good", &good)], "");
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    let bad = good.replace("max-num-seqs: 32", "max-num-sqs: 32").replace("nodes: 1", "nodes: one");
    let run = judge("editor", &[&write("bad", &bad)], "");
    assert_eq!(run.code, 1);
    for part in ["max-num-sqs is not allowed", "Expected \"integer\""] {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
}
