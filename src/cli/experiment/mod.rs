//! `llmc experiment`

mod analyze;

use super::Failure;
use super::output::Output;

/// Ask about experiments: what their scores say.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc experiment analyze support-v2 --scores scores.csv")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Analyze(analyze::Args),
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::Analyze(args) => analyze::run(args, output),
    }
}
