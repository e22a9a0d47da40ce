//! `llmc cost`

use super::output::Output;
use super::{Failure, inputs, select};
use crate::compile::{self, Compilation};
use crate::cost::{self, Report};
use crate::diagnostic::{self, Finding};

/// Say what each stack costs: a month, a model, a route, a request, a million tokens.
///
/// A month has 730 hours and three amounts: the minimum (least copies, no traffic), what the stated load
/// leads to, and the maximum (most copies, the busy hour all month). Everything that is paid for is a line:
/// GPU hours on demand, reserved and as spot, rollouts, guardrails, caches, volumes, and tokens of external
/// models. What is not known is said and never counted as nothing, and what the amounts rest on stands
/// below them. A stack that has errors elsewhere is priced as far as it can be read.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of stacks in `stacks/`, or paths of specs or of folders that hold them. Default: every
    /// stack of the repository.
    #[arg(value_name = "STACK")]
    stacks: Vec<String>,
    /// Print one JSON document (schemas/cost.schema.json), also when a budget is exceeded.
    #[arg(long)]
    json: bool,
    /// List the prices that are used, each with its day and who says so.
    #[arg(long, conflicts_with = "json")]
    prices: bool,
}

const EXAMPLES: &str = "\
Examples:
  llmc cost
  llmc cost customer-support
  llmc cost customer-support --prices
  llmc cost --json | jq '.stacks[] | {name, expected: .monthly.expected}'
  llmc cost --json | jq '.stacks[].routes[] | {name, per_request}'

Amounts in JSON are text with a fixed number of decimals, so that nothing
rounds them.

Traffic is the `load` of a model or a route: `requests-per-second`,
`input-tokens`, `output-tokens`; its `load-factor` is an average hour as a
share of the busy one. Prices are stated in `pool`, in `external` and in the
block `prices`; those that are not come from llmc's own list.

Exit codes: 0 every stack is priced, 1 a spec has errors; an exceeded budget
is one.";

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let chosen = select::choose(Some(args.stacks.as_slice()).filter(|stacks| !stacks.is_empty()))?;
    let compilations = inputs::compile_all(&chosen, inputs::default_jobs())?;
    // First, so that the answers stand at the end, where people look.
    output.found(&errors(&compilations));
    let mut reports = Vec::new();
    for compilation in &compilations {
        match compilation.stack.as_ref().map(Report::of) {
            Some(Ok(report)) => reports.push(report),
            // A stack without a sum has a finding that names the fields; what is derived from one is told here.
            Some(Err(_)) if !diagnostic::has_errors(&compilation.findings) => {
                return Err(format!("`{}`: an amount has more digits than a number holds", compilation.spec_path).into());
            }
            Some(Err(_)) | None => {}
        }
    }
    if args.json {
        output.print(&cost::render_json(&cost::document(&reports)))?;
    } else {
        let colour = output.is_coloured(&std::io::stdout());
        let render = if args.prices { cost::render_prices } else { cost::render_text };
        for report in &reports {
            output.print(&render(report, colour))?;
        }
    }
    if compilations.iter().any(|c| diagnostic::has_errors(&c.findings)) { Err(Failure::Reported) } else { Ok(()) }
}

/// Everything that fails the stacks.
fn errors(compilations: &[Compilation]) -> Vec<Finding> {
    let mut findings = compile::findings(compilations);
    findings.retain(|finding| finding.rule.severity == diagnostic::Severity::Error);
    findings
}
