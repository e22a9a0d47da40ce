//! Flags of experiments, held by flagd's own evaluators and schemas: who gets which arm, for every user and
//! both generations of the hash, and what a step of a ramp changes in a tree.

mod agreement;
mod assign;
mod objects;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Run, TODAY, compile, copy, edit, finish, judge, root};

/// A stack with one experiment, of its own folder.
struct Stack {
    folder: TempDir,
}

/// What stands in the place of `MORE` of a small stack's experiment, to be added to with `step`, `state` and so on.
const THREE_ARMS: &str = "variant \"control\" weight=50 prompt=\"v1\"
        variant \"short\" weight=20 prompt=\"v2\"
        variant \"warm\" weight=30 prompt=\"v3\"
        ramp 5 25 50
        ";

impl Stack {
    /// A small stack whose experiment `answer-prompt` says `body` beside its metric and guard.
    fn small(body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let version = |name: &str| {
            format!(
                "        version \"{name}\" {{\n            user file=\"{name}.md\"\n            sampling temperature=0.2 max-tokens=200\n        }}\n"
            )
        };
        let versions: String = ["v1", "v2", "v3"].map(version).concat();
        let spec = format!(
            "stack \"shop\" {{
    namespace \"llm\"
    external \"gpt\" {{
        provider \"openai\"
        model \"gpt-4o\"
        input-price-per-million 2.5
        output-price-per-million 10
        priced-on \"2026-10-01\"
        token-secret \"openai\" key=\"key\"
    }}
    prompt \"answer\" {{
        variable \"query\" max-tokens=500
{versions}        live \"v1\"
        rollback \"v1\"
    }}
    route \"chat\" {{
        prompt \"answer\"
        model \"gpt\"
    }}
    experiment \"answer-prompt\" {{
        route \"chat\"
        {body}
        metric \"quality\" baseline=0.7 deviation=0.2 minimum-effect=0.05
        guard \"errors\" worse-by=0.1 better=\"lower\"
        users-per-day 5000
    }}
}}
"
        );
        let path = folder.path().join("stacks/shop");
        std::fs::create_dir_all(&path).expect("a folder");
        std::fs::write(path.join("stack.kdl"), spec).expect("written");
        for version in ["v1", "v2", "v3"] {
            std::fs::write(path.join(format!("{version}.md")), format!("Answer as {version}: {{{{query}}}}\n")).expect("written");
        }
        Self { folder }
    }

    /// The canonical stack after replacing texts in its spec.
    fn canonical(edits: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stacks/customer-support");
        copy(&root().join("stacks/customer-support"), &path);
        edits.iter().for_each(|(from, to)| edit(&path.join("stack.kdl"), from, to));
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Every file of the compiled tree, by its path in it.
    fn tree(&self) -> BTreeMap<String, String> {
        let out = self.path().join("out");
        compile(&self.path().join("stacks"), &out);
        let trees: Vec<PathBuf> = std::fs::read_dir(&out).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        crate::harness::texts(&trees[0])
    }

    fn flags(&self) -> String {
        self.tree().remove("flagd/flags.json").expect("flags")
    }

    /// What `llmc experiment assign` prints for each of `users`.
    fn assigned(&self, experiment: &str, hash: &str, users: &[String], attributes: &Value) -> Vec<String> {
        let attributes =
            attributes.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", value.as_str().expect("a text")));
        let attributes: Vec<String> = attributes.flat_map(|pair| ["--attribute".to_owned(), pair]).collect();
        let mut args = vec!["experiment", "assign", experiment, "--stdin", "--hash", hash];
        args.extend(attributes.iter().map(String::as_str));
        let run = fed(self.path(), &args, format!("{}\n", users.join("\n")).as_bytes());
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.lines().map(str::to_owned).collect()
    }
}

/// Runs `llmc` in `folder` with `input`.
fn fed(folder: &Path, args: &[&str], input: &[u8]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llmc"));
    command.current_dir(folder).args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs([TODAY]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("llmc starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // It may stop reading at a line that it cannot read.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let run = finish(child.wait_with_output().expect("llmc ends"));
    writer.join().expect("llmc was fed");
    run
}

/// What an evaluator answers to one case.
struct Answers {
    /// Variant of each user, or `!` and the code of an error.
    variants: Vec<String>,
    /// Value of each variant that some user got.
    values: Value,
    /// What flagd's schemas say against the flags; of the evaluator in JavaScript alone.
    refused: Option<String>,
}

/// Asks the evaluator `name` of the judge.
fn evaluated(name: &str, cases: &[Value]) -> Vec<Answers> {
    let run = judge("flagd", &[name], &json!(cases).to_string());
    let answers: Vec<Answers> = run
        .stdout
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).expect("JSON");
            let variants = answer["answers"].as_array().expect("a list").iter().map(|one| one.as_str().unwrap_or("null").to_owned());
            Answers {
                variants: variants.collect(),
                values: answer["values"].clone(),
                refused: answer["refused"].as_str().map(str::to_owned),
            }
        })
        .collect();
    assert_eq!(answers.len(), cases.len(), "{name}: {}", run.stderr);
    answers
}

/// `user-0`, `user-1` and so on.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user-{number}")).collect()
}
