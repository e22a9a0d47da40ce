//! `llmc prompt`

mod pin;

use super::Failure;
use super::output::Output;

/// Pin versions of prompts, so that none changes after users have seen it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc prompt pin                   # add what is live, in every stack's llmc.lock
  llmc prompt pin --check           # fail if something live is not pinned; for CI")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Pin(pin::Args),
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::Pin(args) => pin::run(args, output),
    }
}
