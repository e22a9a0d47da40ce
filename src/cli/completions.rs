//! `llmc completions`

use clap::CommandFactory;
use clap_complete::Shell;

use super::output::Output;
use super::{Cli, Failure};

/// Print a shell's completion script.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc completions bash > /etc/bash_completion.d/llmc
  llmc completions zsh > ~/.zfunc/_llmc")]
pub(super) struct Args {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "llmc", &mut script);
    output.print(&String::from_utf8_lossy(&script))
}
