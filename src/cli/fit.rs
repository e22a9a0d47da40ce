//! `llmc fit`

use super::output::Output;
use super::{Failure, inputs, select};
use crate::compile::{self, Compilation};
use crate::diagnostic::{self, Finding};
use crate::estimate::memory::Verdict;
use crate::fit;

/// Answer whether each model starts on its GPUs, and what its cache holds.
///
/// Follows the engine's own memory arithmetic, by version, from the weights to the blocks of the KV
/// cache. Each answer is proven to start, proven to refuse (in the engine's words), or not proven,
/// with what is missing. Figures are those of one GPU, most likely first and then their bounds. A stack
/// that has errors elsewhere is answered as far as it can be read.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of stacks in `stacks/`, or paths of specs or of folders that hold them. Default: every
    /// stack of the repository.
    #[arg(value_name = "STACK")]
    stacks: Vec<String>,
    /// Print one JSON document (schemas/fit.schema.json), also when a model is proven to refuse.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  llmc fit
  llmc fit customer-support
  llmc fit stacks/customer-support/stack.kdl --json | jq '.models[] | {name, verdict, kv_tokens}'

The line `GPU KV cache size` of an engine's log is `kv_tokens`. To hold a log against it, state what
the GPU reports as `pool … gpu-memory-gib=…`; `serve kv-cache-memory-bytes=…` makes the size exact.

Exit codes: 0 nothing is proven to refuse, 1 something is, or a spec has errors.";

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let chosen = select::choose(Some(args.stacks.as_slice()).filter(|stacks| !stacks.is_empty()))?;
    let compilations = inputs::compile_all(&chosen, inputs::default_jobs())?;
    let stacks = || compilations.iter().filter_map(|compilation| compilation.stack.as_ref());
    // First, so that the answers stand at the end, where people look.
    output.found(&elsewhere(&compilations));
    if args.json {
        output.print(&fit::render_json(&fit::document(stacks())))?;
    } else {
        let colour = output.is_coloured(&std::io::stdout());
        for stack in stacks() {
            output.print(&fit::render_text(stack, colour))?;
        }
    }
    let is_refused = stacks().flat_map(fit::of_stack).any(|fit| fit.verdict() == Verdict::ProvenToRefuse);
    if is_refused || compilations.iter().any(|c| diagnostic::has_errors(&c.findings)) { Err(Failure::Reported) } else { Ok(()) }
}

/// The errors that are not about memory, which the answers tell themselves.
fn elsewhere(compilations: &[Compilation]) -> Vec<Finding> {
    let mut findings = compile::findings(compilations);
    findings.retain(|finding| finding.rule.severity == diagnostic::Severity::Error && !finding.rule.code.starts_with("LLMC-M"));
    findings
}
