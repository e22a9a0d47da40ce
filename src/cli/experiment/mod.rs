//! `llmc experiment`

mod assign;

use super::Failure;
use super::output::Output;

/// Ask about experiments: which variant a user gets.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc experiment assign support-v2 --user user-17")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Assign(assign::Args),
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::Assign(args) => assign::run(args, output),
    }
}
