//! `llmc policy`

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::output::{Output, plural, table};
use super::policies::{FOLDER, read};
use super::{Failure, inputs};
use crate::diagnostic;
use crate::policy::{self, File, Set};

/// Test policies, and list those that stacks are judged by.
///
/// Policies are Rego v1 files: those that ship with llmc, and those in `policies/` beside `stacks/`,
/// which every command that compiles a stack asks too.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc policy list
  llmc policy test --coverage

To turn a shipped policy off, write policies/exceptions.rego:
  package stack
  exception contains [\"two_replicas\"]")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Test(Test),
    List(List),
}

/// Run the `test_` rules of policies.
///
/// Without paths, those of the policies that ship and of the repository's `policies/`. With paths, the
/// tests in those files or folders only, together with the policies that they test. Ends with 1 when a
/// test fails, and when there is none.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc policy test
  llmc policy test policies/replicas_test.rego
  llmc policy test --coverage               # with the lines that no test reaches")]
struct Test {
    /// Rego files, or folders that hold them.
    paths: Vec<PathBuf>,
    /// Show how much of each policy the tests reach, and the lines that they do not.
    #[arg(long)]
    coverage: bool,
    /// How the results are printed.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

/// List the policies that stacks are judged by.
///
/// `on` is asked about every stack, and `off` is excepted in `policies/` whatever the stack is.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc policy list
  llmc policy list --format json")]
struct List {
    /// How the list is printed.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::Test(args) => test(args, output),
        Command::List(args) => list(args, output),
    }
}

/// The policies of the repository that the command runs in.
fn here() -> (Vec<File>, Vec<diagnostic::Finding>) {
    read(&inputs::here().join(FOLDER))
}

fn report(set: &Set, output: &mut Output) -> Result<(), Failure> {
    output.found(set.faults());
    if diagnostic::has_errors(set.faults()) { Err(Failure::Reported) } else { Ok(()) }
}

fn list(args: &List, output: &mut Output) -> Result<(), Failure> {
    let (files, faults) = here();
    let set = Set::load(files).with_faults(faults);
    report(&set, output)?;
    let off = set.excepted_always()?;
    let state = |policy: &policy::Policy| if off.contains(&policy.name) { "off" } else { "on" };
    if args.format == Format::Json {
        let policies: Vec<Value> = set
            .policies()
            .iter()
            .map(|policy| {
                json!({
                    "name": policy.name,
                    "moment": policy.moment.word(),
                    "severity": policy.severity.word(),
                    "state": state(policy),
                    "shipped": policy.is_shipped,
                    "package": policy.package.join("."),
                    "rule": policy.rule,
                    "path": policy.path,
                    "line": policy.line,
                })
            })
            .collect();
        return print_json(&json!({ "format_version": 1, "policies": policies }), output);
    }
    let row = |policy: &policy::Policy| {
        let words = [policy.name.as_str(), policy.moment.word(), policy.severity.word(), state(policy)];
        words.into_iter().map(str::to_owned).chain([policy.origin()]).map(|cell| diagnostic::printable(&cell)).collect()
    };
    let rows: Vec<Vec<String>> = set.policies().iter().map(row).collect();
    output.print(&table(&["policy", "moment", "severity", "state", "origin"], &rows, 0..0))
}

fn test(args: &Test, output: &mut Output) -> Result<(), Failure> {
    let (mut files, mut faults) = here();
    let mut chosen = Vec::new();
    for path in &args.paths {
        let shown = inputs::shown(path);
        let (named, wrong) = if path.is_dir() { read(path) } else { policy::read_file(path, &shown) };
        if named.is_empty() && wrong.is_empty() {
            return Err(format!("no Rego file in `{shown}`").into());
        }
        chosen.extend(named.iter().map(|file| file.path.clone()));
        faults.extend(wrong);
        files.extend(named);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    let set = Set::load_with_tests(files).with_faults(faults);
    report(&set, output)?;
    let mut trial = policy::trial(&set)?;
    if !chosen.is_empty() {
        // A file that ships is known by its own name, wherever its copy lies.
        let chosen: Vec<String> = chosen.iter().map(|path| set.known_as(path)).collect();
        trial.tests.retain(|test| chosen.contains(&test.path));
    }
    let failed = trial.tests.iter().filter(|test| !matches!(test.outcome, policy::Outcome::Passed | policy::Outcome::Skipped)).count();
    if args.format == Format::Json {
        print_json(&as_json(&trial), output)?
    } else {
        output.print(&as_text(&trial, args.coverage, failed))?
    }
    match (trial.tests.len(), failed) {
        (0, _) => Err("there is no test: name a rule `test_…` in a file `…_test.rego`".to_owned().into()),
        (_, 0) => Ok(()),
        _ => Err(Failure::Reported),
    }
}

fn as_text(trial: &policy::Trial, with_coverage: bool, failed: usize) -> String {
    let mut text = String::new();
    for test in &trial.tests {
        let line = format!("{:<8}{}:{}  {}", test.outcome.word(), test.path, test.line, test.name.trim_start_matches("data."));
        text.push_str(&diagnostic::printable(&line));
        text.push('\n');
        if let policy::Outcome::Error(words) = &test.outcome {
            words.lines().for_each(|line| text.push_str(&format!("        {}\n", diagnostic::printable(line))));
        }
    }
    if with_coverage {
        text.push('\n');
        for file in &trial.coverage {
            let lines: Vec<String> = file.not_covered.iter().map(u32::to_string).collect();
            let missing = if lines.is_empty() { String::new() } else { format!("  not reached: line {}", lines.join(", ")) };
            text.push_str(&format!("{:>3} %  {}{missing}\n", file.percent(), diagnostic::printable(&file.path)));
        }
    }
    text.push_str(&format!("\n{}, {failed} failed\n", plural(trial.tests.len(), "test")));
    text
}

fn as_json(trial: &policy::Trial) -> Value {
    let tests = trial.tests.iter().map(|test| {
        let words = if let policy::Outcome::Error(words) = &test.outcome { Some(words) } else { None };
        let outcome = test.outcome.word().to_lowercase();
        json!({ "path": test.path, "line": test.line, "name": test.name, "outcome": outcome, "error": words })
    });
    let files = trial.coverage.iter().map(
        |file| json!({ "path": file.path, "percent": file.percent(), "covered_lines": file.covered, "not_covered": file.not_covered }),
    );
    json!({ "format_version": 1, "tests": tests.collect::<Vec<_>>(), "coverage": files.collect::<Vec<_>>() })
}

fn print_json(value: &Value, output: &mut Output) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    output.print(&format!("{text}\n"))
}
