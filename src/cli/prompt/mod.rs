//! `llmc prompt`

mod diff;
mod list;
mod pin;
mod rollback;
mod show;
mod words;

use serde::Serialize;

use super::inputs::{self, Input};
use super::output::Output;
use super::{Failure, select};
use crate::compile::Compilation;
use crate::diagnostic::{self, did_you_mean, printable};
use crate::prompt::{self, Version};
use crate::spec::Sampling;
use crate::stack::{Prompt, PromptVersion, Stack};

/// Show prompts and their versions, compare two of them, pin what is live, and go back to an earlier one.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc prompt list                             # every version: what is live, in an experiment, pinned
  llmc prompt show support@v2                  # its texts, parameters, tokens
  llmc prompt diff support@v1 v2               # text, parameters, tokens and cost of a request
  llmc prompt pin                              # pin what is live in llmc.lock
  llmc prompt pin --check                      # fail if something live is not pinned; for CI
  llmc prompt rollback support --dry-run       # what going back would change; no pod restarts")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Diff(diff::Args),
    Pin(pin::Args),
    Rollback(rollback::Args),
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => list::run(args, output),
        Command::Show(args) => show::run(args, output),
        Command::Diff(args) => diff::run(args, output),
        Command::Pin(args) => pin::run(args, output),
        Command::Rollback(args) => rollback::run(args, output),
    }
}

/// A stack that was compiled as far as it can be.
struct Known {
    input: Input,
    compilation: Compilation,
}

/// Most names that a message lists.
const MOST_NAMES: usize = 20;

/// The stacks that `stacks` name, or all; what cannot be read of them is in their findings.
fn known(stacks: Option<&[String]>) -> Result<Vec<Known>, Failure> {
    let chosen = select::choose(stacks)?;
    let compilations = inputs::compile_all(&chosen, inputs::default_jobs())?;
    Ok(chosen.into_iter().zip(compilations).map(|(input, compilation)| Known { input, compilation }).collect())
}

/// The one stack of `stack`, or of all, that has the prompt `name`.
fn stack_of(name: &str, stack: Option<&String>, output: &mut Output) -> Result<Known, Failure> {
    let mut known = known(stack.map(std::slice::from_ref))?;
    let has = |known: &Known| known.compilation.stack.as_ref().is_some_and(|stack| stack.explicit.prompt.contains_key(name));
    let holders: Vec<usize> = known.iter().enumerate().filter(|(_, known)| has(known)).map(|(at, _)| at).collect();
    match holders.as_slice() {
        [only] => Ok(known.swap_remove(*only)),
        [] => {
            // A spec that cannot be read may be the one that has it.
            known.iter().filter(|known| known.compilation.stack.is_none()).for_each(|known| output.found(&known.compilation.findings));
            let names: Vec<&str> = known
                .iter()
                .filter_map(|known| known.compilation.stack.as_ref())
                .flat_map(|s| s.explicit.prompt.keys().map(String::as_str))
                .collect();
            Err(format!("no prompt `{}`{}; {}", printable(name), within(stack), nearest(name, &names)).into())
        }
        several => {
            let stacks =
                several.iter().filter_map(|at| known.get(*at)?.compilation.stack.as_ref()).map(|stack| format!("`{}`", stack.name));
            let stacks: Vec<String> = stacks.take(MOST_NAMES).collect();
            let first = stacks.first().map(|name| name.replace('`', "")).unwrap_or_default();
            Err(format!("the stacks {} each have a prompt `{}`; say which with `--stack {first}`", stacks.join(", "), printable(name))
                .into())
        }
    }
}

fn within(stack: Option<&String>) -> String {
    stack.map_or_else(String::new, |stack| format!(" in `{}`", printable(stack)))
}

/// A version that a person named.
struct Named<'a> {
    prompt: &'a Prompt,
    content: &'a PromptVersion,
    version: Version,
}

/// `support@v2` as prompt and version, `support` as a prompt.
fn split(word: &str) -> (&str, Option<&str>) {
    word.split_once('@').map_or((word, None), |(prompt, version)| (prompt, Some(version)))
}

/// The version of `stack` that was named, or the live one.
fn named<'a>(stack: &'a Stack, name: &str, version: Option<&str>) -> Result<Named<'a>, String> {
    let prompt = stack.prompts.get(name).ok_or_else(|| match stack.explicit.prompt.contains_key(name) {
        true => format!("prompt `{}` cannot be read whole; `llmc check` says why", printable(name)),
        false => {
            let names: Vec<&str> = stack.prompts.keys().map(String::as_str).collect();
            format!("no prompt `{}` in `{}`; {}", printable(name), printable(&stack.name), nearest(name, &names))
        }
    })?;
    let wanted = version.unwrap_or(&prompt.live);
    let content = prompt.versions.get(wanted).ok_or_else(|| {
        let names: Vec<&str> = prompt.versions.keys().map(String::as_str).collect();
        let help = nearest(wanted, &names);
        format!("prompt `{}` has no version `{}`; {help}", printable(name), printable(wanted))
    })?;
    let found = prompt::version_of(stack, prompt, wanted)
        .ok_or_else(|| format!("prompt `{}` has no version `{}`", printable(name), printable(wanted)))?;
    Ok(Named { prompt, content, version: found })
}

/// Sampling parameters as a spec writes them; those that are not stated are left out.
fn parameters(sampling: &Sampling) -> Vec<(&'static str, String)> {
    let mut parameters = vec![
        ("temperature", sampling.temperature.to_string()),
        ("top-p", sampling.top_p.to_string()),
        ("max-tokens", diagnostic::thousands(sampling.max_tokens)),
    ];
    parameters.extend(sampling.seed.map(|seed| ("seed", seed.to_string())));
    if !sampling.stop.is_empty() {
        parameters.push(("stop", sampling.stop.iter().map(|stop| format!("{stop:?}")).collect::<Vec<_>>().join(" ")));
    }
    parameters
}

/// One JSON document.
fn json(document: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(document).map(|text| text + "\n").map_err(|error| Failure::Message(error.to_string()))
}

/// What to write instead of `word`.
fn nearest(word: &str, names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    match did_you_mean(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{}`?", printable(name)),
        None if names.is_empty() => "there is none".to_owned(),
        None => format!("there is: {}", names.iter().take(MOST_NAMES).map(|name| printable(name)).collect::<Vec<_>>().join(", ")),
    }
}

/// The errors of a compilation: what else was found is no concern of these commands.
fn errors(compilation: &Compilation) -> Vec<diagnostic::Finding> {
    compilation.findings.iter().filter(|finding| finding.rule.severity == diagnostic::Severity::Error).cloned().collect()
}
