//! `llmc prompt list`

use super::known;
use super::words::{self, or_dash};
use crate::cli::Failure;
use crate::cli::output::{Output, table};
use crate::diagnostic::{self, printable};
use crate::prompt::{self, Version};

/// List every version of every prompt: what is live, in an experiment and pinned, its tokens and its cost.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc prompt list
  llmc prompt list customer-support --json | jq '.[] | select(.live)'

TOKENS are those of the texts and of the chat template around them, without variables; `~` marks an
estimate. A REQUEST is one of the mean length that its route states, on the model that answers it,
without cache, tiers, fallback and self checks; of several routes the lowest and the highest amount.")]
pub(super) struct Args {
    /// Names of stacks in `stacks/`, or paths of specs or of folders that hold them. Default: every stack.
    #[arg(value_name = "STACK")]
    stacks: Vec<String>,
    /// Print JSON: one object for each version, in a list.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let known = known(Some(args.stacks.as_slice()).filter(|stacks| !stacks.is_empty()))?;
    // A stack with errors elsewhere is listed as far as it can be read.
    let errors: Vec<_> = known.iter().flat_map(|known| super::errors(&known.compilation)).collect();
    output.found(&errors);
    let stacks = || known.iter().filter_map(|known| known.compilation.stack.as_ref());
    let versions: Vec<(&str, Version)> =
        stacks().flat_map(|stack| prompt::versions(stack).into_iter().map(|version| (stack.currency.as_str(), version))).collect();
    if args.json {
        let versions: Vec<&Version> = versions.iter().map(|(_, version)| version).collect();
        output.print(&super::json(&versions)?)?;
    } else {
        let rows: Vec<Vec<String>> = versions.iter().map(|(currency, version)| row(version, currency)).collect();
        let header = ["STACK", "PROMPT", "VERSION", "STATE", "PINNED", "PARENT", "TOKENS", "A REQUEST"];
        output.print(&table(&header, &rows, 6..7))?;
    }
    if diagnostic::has_errors(&errors) { Err(Failure::Reported) } else { Ok(()) }
}

fn row(version: &Version, currency: &str) -> Vec<String> {
    let pinned = match (version.pinned, version.short_identities().join(", ")) {
        (false, _) => "no".to_owned(),
        (true, identities) => format!("yes {identities}").trim_end().to_owned(),
    };
    vec![
        printable(&version.stack),
        printable(&version.prompt),
        printable(&version.version),
        or_dash(words::states(version).join(", ")),
        pinned,
        or_dash(version.parent.as_deref().map(printable).unwrap_or_default()),
        or_dash(words::tokens(version.routes.iter().map(|route| &route.tokens))),
        or_dash(words::requests(version.routes.iter().filter_map(|route| route.request.as_ref()), currency)),
    ]
}
