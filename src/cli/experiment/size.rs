//! `llmc experiment size`

use super::super::Failure;
use super::super::output::Output;
use super::{find, stacks};
use crate::experiment::design;

/// Say how many users an experiment takes, how many days that is, and what it sees by its end.
///
/// Samples of each arm at which a two-sided test shows the smallest effect of interest with the power that
/// is asked for: Welch's t test of means, the arcsine test of shares, at the ratio of the arms' weights. With
/// several metrics or arms, alpha is divided by the number of comparisons. Days are rounded up to whole
/// weeks, and are never fewer than the shortest run or than what gives each arm 1,000 samples.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Name of the experiment.
    name: String,
    /// Stack that declares it, by name or path. Default: every stack of the repository is searched.
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  llmc experiment size support-v2
  llmc experiment size support-v2 --stack customer-support
  llmc experiment size support-v2 --json | jq '{per_arm, total, days, power}'

`power` of the JSON document is what the experiment has by its planned end; `days` and `power` are null
where the spec states no `users-per-day`.";

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let compilations = stacks(args.stack.as_ref())?;
    let (_, stack, experiment) = find(&args.name, &compilations, output)?;
    let fault = |fault: design::Fault| Failure::Message(format!("the metric `{}` cannot be planned for: {}", fault.metric, fault.error));
    let design = design::design(experiment).map_err(fault)?;
    let text = if args.json {
        let document = design::json(&stack.name, experiment, &design).map_err(fault)?;
        serde_json::to_string_pretty(&document).map_err(|error| error.to_string())? + "\n"
    } else {
        let colour = output.is_coloured(&std::io::stdout());
        design::text(&stack.name, experiment, &design, colour).map_err(fault)?
    };
    output.print(&text)
}
