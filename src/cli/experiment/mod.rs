//! `llmc experiment`

mod analyze;
mod assign;
#[cfg(feature = "prometheus")]
mod prometheus;

use super::Failure;
use super::output::Output;
use crate::compile::Compilation;
use crate::diagnostic::{did_you_mean, printable};
use crate::stack::{Experiment, Stack};

/// Ask about experiments: which variant a user gets, and what the scores of the users say.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc experiment assign support-v2 --user user-17
  llmc experiment analyze support-v2 --scores scores.csv")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Assign(assign::Args),
    Analyze(analyze::Args),
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::Assign(args) => assign::run(args, output),
        Command::Analyze(args) => analyze::run(args, output),
    }
}

/// The one experiment `name`, and its stack.
fn find<'a>(compilations: &'a [Compilation], name: &str) -> Result<(&'a Compilation, &'a Stack, &'a Experiment), Failure> {
    let stacks = || compilations.iter().filter_map(|compilation| Some((compilation, compilation.stack.as_ref()?)));
    let found: Vec<_> = stacks().filter_map(|(compilation, stack)| Some((compilation, stack, stack.experiments.get(name)?))).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let names: Vec<&str> = stacks().flat_map(|(_, stack)| stack.experiments.keys()).map(String::as_str).collect();
            let near = match did_you_mean(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "no stack has one that can be read; `llmc check` says what is wrong".to_owned(),
                None => format!("there is: {}", names.join(", ")),
            };
            Err(format!("no experiment `{}`; {near}", printable(name)).into())
        }
        several => {
            let stacks: Vec<&str> = several.iter().map(|(_, stack, _)| stack.name.as_str()).collect();
            Err(format!("several stacks have an experiment `{}`; add --stack with one of: {}", printable(name), stacks.join(", ")).into())
        }
    }
}
