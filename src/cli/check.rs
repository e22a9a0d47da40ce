//! `llmc check`

use std::path::PathBuf;

use super::output::{Format, Output, plural};
use super::{Failure, inputs, planned};
use crate::compile;
use crate::diagnostic;

/// Check specs and say what is wrong with them.
///
/// Everything that `compile` would refuse is found, and nothing is written. All findings are
/// shown, not the first. A budget that the tree in `generated/` exceeds already, and no less, is a
/// warning. Without paths, every stack below the repository's `stacks/` is checked.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc check
  llmc check stacks/customer-support/stack.kdl
  llmc check --format sarif > llmc.sarif")]
pub(super) struct Args {
    /// Spec files, or folders that hold them.
    paths: Vec<PathBuf>,
    /// How findings are printed.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let inputs = inputs::find(&args.paths)?;
    let mut compilations = inputs::compile_all(&inputs, inputs::default_jobs())?;
    for (input, compilation) in inputs.iter().zip(&mut compilations) {
        planned::hold_against(compilation, &planned::generated(&input.root));
    }
    output.findings(args.format, &compilations)?;
    let findings = compile::findings(&compilations);
    if args.format == Format::Text {
        let counts = compile::count(&findings);
        let stacks = compilations.len();
        output.note(&format!(
            "checked {}: {}, {}\n",
            plural(stacks, "stack"),
            plural(counts["error"], "error"),
            plural(counts["warning"], "warning")
        ));
    }
    if diagnostic::has_errors(&findings) { Err(Failure::Reported) } else { Ok(()) }
}
