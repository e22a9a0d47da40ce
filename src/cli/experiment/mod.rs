//! `llmc experiment`

mod assign;
mod size;

use clap::Subcommand;

use super::output::Output;
use super::{Failure, inputs, select};
use crate::compile::{self, Compilation};
use crate::diagnostic::{self, Finding, did_you_mean};
use crate::stack::{Experiment, Stack};

/// Design experiments, and ask about them: how many users, how long, which variant a user gets.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc experiment size support-v2
  llmc experiment assign support-v2 --user user-17")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Assign(assign::Args),
    Size(size::Args),
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::Assign(args) => assign::run(args, output),
        Command::Size(args) => size::run(args, output),
    }
}

/// The stacks that `stack` names, by name or path; all of the repository for none.
fn stacks(stack: Option<&String>) -> Result<Vec<Compilation>, Failure> {
    let chosen = select::choose(stack.map(std::slice::from_ref))?;
    inputs::compile_all(&chosen, inputs::default_jobs())
}

/// The experiment `name` of one of `compilations`, and its stack.
fn find<'a>(name: &str, compilations: &'a [Compilation], output: &mut Output) -> Result<(&'a Stack, &'a Experiment), Failure> {
    let all = || compilations.iter().filter_map(|c| c.stack.as_ref());
    let found: Vec<_> = all().filter_map(|stack| Some((stack, stack.experiments.get(name)?))).collect();
    match found.as_slice() {
        [one] => return Ok(*one),
        [] => {}
        several => {
            let names: Vec<&str> = several.iter().map(|(stack, _)| stack.name.as_str()).collect();
            return Err(format!("the experiment `{name}` is in several stacks; choose one with `--stack`: {}", names.join(", ")).into());
        }
    }
    // One that was written and could not be resolved: its findings say why.
    let is_written = all().any(|stack| stack.explicit.experiment.contains_key(name));
    if is_written || compilations.iter().any(|c| c.stack.is_none()) {
        let mut findings: Vec<Finding> = compile::findings(compilations);
        findings.retain(|finding| finding.rule.severity == diagnostic::Severity::Error);
        output.found(&findings);
        if is_written {
            return Err(format!("the experiment `{name}` cannot be read as it stands").into());
        }
    }
    let names: Vec<&str> = all().flat_map(|stack| stack.experiments.keys().map(String::as_str)).collect();
    let help = match did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "no stack declares any".to_owned(),
        None => format!("there is: {}", names.iter().take(20).copied().collect::<Vec<_>>().join(", ")),
    };
    Err(format!("there is no experiment `{name}`; {help}").into())
}
