//! What runs llmc for a team: the GitHub Action, the hooks for pre-commit, and the examples, held
//! against the schemas and the programs that read them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Run, compile, copy, finish, judge, root, yaml};

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The judge's word on `text` as a file of this name.
fn judged(arguments: &[&str], name: &str, text: &str) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    fs::write(&file, text).expect("written");
    judge("ci", &[arguments, &[file.to_str().expect("UTF-8")]].concat(), "")
}

#[test]
fn schemas_accept_what_ships_and_refuse_what_is_broken() {
    let cases: [(&[&str], &str, &str, &str); 7] = [
        (&["schema", "github-actions"], "action.yml", "using: composite", "using: composit"),
        (&["schema", "github-workflows"], "examples/ci/github.yml", "runs-on:", "run-on:"),
        (&["schema", "gitlab-ci"], "examples/ci/gitlab.yml", "when: always", "when: sometimes"),
        (&["objects"], "examples/argocd/application.yaml", "targetRevision:", "revision:"),
        (&["objects"], "examples/argocd/application-set.yaml", "directories:", "folders:"),
        (&["objects"], "examples/flux/customer-support.yaml", "prune: true", "prune: often"),
        (&["hooks"], ".pre-commit-hooks.yaml", "entry: llmc check", "entrance: llmc check"),
    ];
    for (arguments, path, from, to) in cases {
        let (text, name) = (read(path), path.rsplit('/').next().expect("a name"));
        let run = judged(arguments, name, &text);
        assert_eq!(run.code, 0, "{path}: {}{}", run.stdout, run.stderr);
        assert!(text.contains(from), "{path} has no {from}");
        assert_eq!(judged(arguments, name, &text.replace(from, to)).code, 1, "{path} with {to}");
    }
}

#[test]
fn actions_are_pinned_and_scripts_take_no_text_from_outside() {
    let action = yaml(&read("action.yml"));
    let workflow = yaml(&read("examples/ci/github.yml"));
    let steps = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_array).expect("steps").clone();
    let all = [steps(&action, "/runs/steps"), steps(&workflow, "/jobs/llmc/steps")].concat();
    let mut pinned = 0;
    for step in &all {
        if let Some(uses) = step["uses"].as_str() {
            let (_, commit) = uses.split_once('@').expect("a version");
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{uses}");
            pinned += 1;
        }
        if let Some(script) = step["run"].as_str() {
            assert!(!script.contains("${{"), "{script}");
        }
    }
    assert_eq!(pinned, 4);
    assert!(!read("action.sh").contains("${{"));
    // Whatever happens before, the result is reported.
    let reported: Vec<&str> =
        all.iter().filter_map(|step| step["if"].as_str()).filter(|condition| condition.contains("!cancelled()")).collect();
    assert_eq!(reported.len(), 3, "{reported:?}");
    assert_eq!(workflow["permissions"], json!({}), "jobs name what they need");
}

/// A run of the action's script with an llmc that does as it is told.
struct Job {
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What such a run left.
struct Outcome {
    stdout: String,
    summary: String,
    outputs: String,
    calls: String,
}

impl Job {
    /// `script` decides by its arguments, in `$*`, what to print and how to end.
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let fake = path("llmc");
        fs::write(&fake, format!("#!/bin/sh\necho \"$*\" >>{}\n{script}\n", path("calls"))).expect("written");
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("executable");
        let git =
            |arguments: &[&str]| assert!(Command::new("git").current_dir(folder.path()).args(arguments).status().expect("git").success());
        git(&["init", "--quiet", "--initial-branch=main"]);
        git(&["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "--message=a"]);
        git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
        let environment = vec![
            ("BINARY", fake),
            ("MODE", "auto".into()),
            ("BASE", "main".into()),
            ("COMMENT", "true".into()),
            ("NUMBER", "7".into()),
            ("FORK", "false".into()),
            ("GITHUB_EVENT_NAME", "pull_request".into()),
            ("GITHUB_REF", "refs/pull/7/merge".into()),
            ("GITHUB_OUTPUT", path("outputs")),
            ("GITHUB_STEP_SUMMARY", path("summary")),
            ("RUNNER_TEMP", folder.path().to_str().expect("UTF-8").into()),
        ];
        Self { folder, environment }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.retain(|(existing, _)| *existing != name);
        self.environment.push((name, value.to_owned()));
        self
    }

    fn run(self) -> Outcome {
        let mut command = Command::new("bash");
        command.arg(root().join("action.sh")).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(self.environment);
        let run = finish(command.output().expect("bash"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        Outcome { stdout: run.stdout, summary: read("summary"), outputs: read("outputs"), calls: read("calls") }
    }
}

/// An llmc whose `check` is content, and whose other command ends with `code`.
fn llmc(code: u32) -> String {
    format!("case $1 in check) echo '{{}}' ;; *) echo '**report**'; echo 'on standard error' >&2; exit {code} ;; esac")
}

#[test]
fn every_run_of_the_action_is_reported() {
    for (code, result, said) in [(0, "clean", "nothing changes"), (2, "changed", "this is what changes"), (1, "failed", "the plan failed")]
    {
        let outcome = Job::new(&llmc(code)).run();
        assert!(outcome.outputs.contains(&format!("result={result}\n")), "{}", outcome.outputs);
        assert!(outcome.outputs.contains("llmc.sarif\n"), "{}", outcome.outputs);
        assert!(outcome.summary.contains(said) && outcome.summary.contains("**report**"), "{}", outcome.summary);
        assert_eq!(outcome.summary.contains("    on standard error"), code == 1, "{}", outcome.summary);
        let plan = "plan --against origin/main --changed-since origin/main --detailed-exitcode --format markdown --comment 7";
        assert_eq!(outcome.calls, format!("check --format sarif\n{plan}\n"));
    }
    for (name, value) in [("FORK", "true"), ("COMMENT", "false"), ("NUMBER", "")] {
        let outcome = Job::new(&llmc(0)).with(name, value).run();
        assert!(outcome.calls.contains("plan ") && !outcome.calls.contains("--comment"), "{name}: {}", outcome.calls);
    }
    let push = |code| Job::new(&llmc(code)).with("GITHUB_EVENT_NAME", "push").with("GITHUB_REF", "refs/heads/main");
    let applied = push(0).run();
    assert!(applied.calls.ends_with("apply --pr\n") && applied.outputs.contains("result=clean\n"), "{}", applied.outputs);
    assert!(applied.summary.contains("are delivered") && applied.summary.contains("    **report**"), "{}", applied.summary);
    assert!(push(1).run().outputs.contains("result=failed\n"));
    let other = push(1).with("GITHUB_REF", "refs/heads/topic").run();
    assert_eq!(other.calls, "check --format sarif\n", "only the base branch is applied");
    assert!(other.outputs.contains("result=clean\n"), "{}", other.outputs);
}

#[test]
fn an_action_that_cannot_run_says_so() {
    let missing = Job::new("").with("BINARY", "/nonexistent/llmc").run();
    assert!(missing.outputs.contains("result=failed\n") && missing.summary.contains("could not be built or found"), "{}", missing.summary);
    let broken = Job::new("echo '{}'; echo 'stack.kdl:1:1: error' >&2; exit 1").run();
    assert!(broken.outputs.contains("result=failed\n") && broken.outputs.contains("sarif="), "{}", broken.outputs);
    assert!(broken.summary.contains("a spec has errors") && broken.summary.contains("    stack.kdl:1:1: error"), "{}", broken.summary);
    // The comment on the pull request says so too; nothing is applied.
    assert!(broken.calls.contains("plan ") && broken.calls.contains("--comment 7"), "{}", broken.calls);
    let merged = Job::new("echo '{}'; exit 1").with("GITHUB_EVENT_NAME", "push").with("GITHUB_REF", "refs/heads/main").run();
    assert!(merged.outputs.contains("result=failed\n") && !merged.calls.contains("apply"), "{}", merged.calls);
    let base = Job::new(&llmc(0)).with("BASE", "gone").run();
    assert!(base.summary.contains("base branch could not be fetched"), "{}", base.summary);
    let mode = Job::new(&llmc(0)).with("MODE", "$(touch x)").run();
    assert!(mode.summary.contains("the mode must be"), "{}", mode.summary);
}

/// A spec's text in the log is no command for the runner.
#[test]
fn a_log_commands_nothing() {
    let outcome = Job::new("echo '{}'; [ \"$1\" = check ] || { echo '::add-mask::a' >&2; exit 1; }").run();
    let at = |text: &str| outcome.stdout.find(text).unwrap_or_else(|| panic!("no {text}: {}", outcome.stdout));
    let guard = outcome.stdout.split("::stop-commands::").nth(1).and_then(|rest| rest.lines().next()).expect("a guard");
    assert_eq!(guard.len(), 32);
    assert!(at("::stop-commands::") < at("::add-mask::a") && at("::add-mask::a") < at(&format!("::{guard}::")), "{}", outcome.stdout);
}

/// Runs every hook on all files of `folder`, each as the manifest defines it.
fn hooks(folder: &Path) -> Run {
    let git = |arguments: &[&str]| assert!(Command::new("git").current_dir(folder).args(arguments).status().expect("git").success());
    git(&["add", "--all"]);
    judge("ci", &["pre-commit", folder.to_str().expect("UTF-8"), "run", "--all-files", "--color=never"], "")
}

/// The hooks by the real pre-commit. Only where they come from differs: the llmc under test stands in
/// for one that pre-commit would build.
#[test]
fn hooks_pass_and_stop_commits() {
    let mut hooks_file = yaml(&read(".pre-commit-hooks.yaml"));
    for hook in hooks_file.as_array_mut().expect("hooks") {
        assert_eq!(hook["language"], "rust");
        hook["language"] = "system".into();
        let entry = hook["entry"].as_str().expect("an entry").strip_prefix("llmc ").expect("llmc runs").to_owned();
        hook["entry"] = format!("{} {entry}", env!("CARGO_BIN_EXE_llmc")).into();
    }
    let folder = tempfile::tempdir().expect("a folder");
    let spec = folder.path().join("stacks/research-desk/stack.kdl");
    copy(&root().join("stacks/research-desk"), spec.parent().expect("a folder"));
    compile(&spec, &folder.path().join("generated"));
    let config = json!({ "repos": [{ "repo": "local", "hooks": hooks_file }] });
    fs::write(folder.path().join(".pre-commit-config.yaml"), config.to_string()).expect("written");
    assert!(Command::new("git").current_dir(folder.path()).args(["init", "--quiet"]).status().expect("git").success());
    let run = hooks(folder.path());
    assert!(run.code == 0 && run.stdout.matches("Passed").count() == 3, "{}{}", run.stdout, run.stderr);

    let text = fs::read_to_string(&spec).expect("the spec");
    let cases = [
        ("llmc check", text.replacen("tensor-parallel=", "tensor-parallell=", 1)),
        ("llmc fmt", text.replacen("    namespace", "  namespace", 1)),
        ("llmc compile --check", text.replacen("max-num-seqs=", "max-num-seqs=1", 1)),
    ];
    for (hook, broken) in cases {
        assert_ne!(broken, text, "{hook}");
        fs::write(&spec, broken).expect("written");
        let run = hooks(folder.path());
        let line = run.stdout.lines().find(|line| line.starts_with(&format!("{hook}."))).expect("the hook ran");
        assert!(run.code == 1 && line.ends_with("Failed"), "{hook}: {}", run.stdout);
    }
}

/// Compiled files are folded in reviews and keep their bytes, which their manifest has digests of.
#[test]
fn compiled_files_are_marked() {
    let output = Command::new("git")
        .current_dir(root())
        .args([
            "check-attr",
            "linguist-generated",
            "text",
            "--",
            "generated/customer-support/llmc.json",
            "stacks/customer-support/stack.kdl",
        ])
        .output()
        .expect("git");
    let said = finish(output).stdout;
    for line in ["llmc.json: linguist-generated: set", "llmc.json: text: unset", "stack.kdl: linguist-generated: unspecified"] {
        assert!(said.contains(line), "{said}");
    }
}
