//! `llmc experiment`

mod analyze;
mod assign;
#[cfg(feature = "prometheus")]
mod prometheus;
mod size;

use super::output::Output;
use super::{Failure, inputs, select};
use crate::compile::{self, Compilation};
use crate::diagnostic::{self, Finding, did_you_mean, printable};
use crate::stack::{Experiment, Stack};

/// Design experiments, ask which variant a user gets, and judge the scores of the users.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc experiment size support-v2
  llmc experiment assign support-v2 --user user-17
  llmc experiment analyze support-v2 --scores scores.csv")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Size(size::Args),
    Assign(assign::Args),
    Analyze(analyze::Args),
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::Size(args) => size::run(args, output),
        Command::Assign(args) => assign::run(args, output),
        Command::Analyze(args) => analyze::run(args, output),
    }
}

/// The stacks that `stack` names, by name or path; all of the repository for none.
fn stacks(stack: Option<&String>) -> Result<Vec<Compilation>, Failure> {
    let chosen = select::choose(stack.map(std::slice::from_ref))?;
    inputs::compile_all(&chosen, inputs::default_jobs())
}

/// The one experiment `name` of `compilations`, with its stack and what that was compiled from.
fn find<'a>(
    name: &str,
    compilations: &'a [Compilation],
    output: &mut Output,
) -> Result<(&'a Compilation, &'a Stack, &'a Experiment), Failure> {
    let all = || compilations.iter().filter_map(|compilation| Some((compilation, compilation.stack.as_ref()?)));
    let found: Vec<_> = all().filter_map(|(compilation, stack)| Some((compilation, stack, stack.experiments.get(name)?))).collect();
    match found.as_slice() {
        [one] => return Ok(*one),
        [] => {}
        several => {
            let names: Vec<&str> = several.iter().map(|(_, stack, _)| stack.name.as_str()).collect();
            let name = printable(name);
            return Err(format!("the experiment `{name}` is in several stacks; choose one with `--stack`: {}", names.join(", ")).into());
        }
    }
    // One that was written and could not be resolved: its findings say why.
    let is_written = all().any(|(_, stack)| stack.explicit.experiment.contains_key(name));
    if is_written || compilations.iter().any(|c| c.stack.is_none()) {
        let mut findings: Vec<Finding> = compile::findings(compilations);
        findings.retain(|finding| finding.rule.severity == diagnostic::Severity::Error);
        output.found(&findings);
        if is_written {
            return Err(format!("the experiment `{}` cannot be read as it stands", printable(name)).into());
        }
    }
    let names: Vec<&str> = all().flat_map(|(_, stack)| stack.experiments.keys().map(String::as_str)).collect();
    let help = match did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "no stack declares any".to_owned(),
        None => format!("there is: {}", names.iter().take(20).copied().collect::<Vec<_>>().join(", ")),
    };
    Err(format!("there is no experiment `{}`; {help}", printable(name)).into())
}
