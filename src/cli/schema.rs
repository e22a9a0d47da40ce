//! `llmc schema`

use clap::ValueEnum;

use super::Failure;
use super::output::Output;
use crate::cost;
use crate::diagnostic;
use crate::experiment::analysis;
use crate::fit;
use crate::plan;
use crate::policy;
use crate::spec;

/// Print a JSON Schema: of the spec, for editors, or of what llmc prints for programs.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc schema > stack.schema.json

In a YAML spec, this line lets the YAML language server check and complete it:
  # yaml-language-server: $schema=../../schemas/stack.schema.json")]
pub(super) struct Args {
    /// Which schema.
    #[arg(default_value = "stack")]
    what: What,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// The spec.
    Stack,
    /// A list of prices.
    Prices,
    /// The output of `check --format json`.
    Diagnostics,
    /// The output of `plan --format json`, and the file that `plan --out` writes.
    Plan,
    /// The output of `fit --json`.
    Fit,
    /// The output of `cost --json`.
    Cost,
    /// The output of `experiment analyze --json`.
    Analysis,
    /// What a rule of a policy may give.
    PolicyFinding,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let schema = match args.what {
        What::Stack => spec::schema().clone(),
        What::Prices => spec::price_list_schema().clone(),
        What::Diagnostics => diagnostic::json_schema().to_value(),
        What::Plan => plan::json_schema().to_value(),
        What::Fit => fit::json_schema().to_value(),
        What::Cost => cost::json_schema().to_value(),
        What::Analysis => analysis::json_schema().to_value(),
        What::PolicyFinding => policy::finding_schema().to_value(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|error| error.to_string())?;
    output.print(&format!("{text}\n"))
}
