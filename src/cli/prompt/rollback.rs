//! `llmc prompt rollback`

use std::collections::BTreeSet;

use super::{Known, errors, nearest, stack_of};
use crate::cli::inputs::{self, Input};
use crate::cli::output::Output;
use crate::cli::{Failure, fmt, planned};
use crate::compile::Compilation;
use crate::diagnostic::{Finding, printable};
use crate::plan::{self, Disruption};
use crate::source::{self, Syntax};
use crate::stack::{Experiment, Stack};
use crate::upgrade;

/// Make the rollback version of a prompt live again, by an edit of the spec.
///
/// Changes the value of `live` and nothing else: comments, blank lines and layout stay byte for byte. Then
/// shows what that changes of the compiled tree, which restarts no pod: applications read the new index.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc prompt rollback support --dry-run       # only show it
  llmc prompt rollback support && llmc compile

Exit codes: 0 the spec is edited, or would be; 1 it is left as it is, or something failed.")]
pub(super) struct Args {
    /// Name of the prompt.
    name: String,
    /// Name of its stack, or path of the spec. Needed where several stacks have a prompt of that name.
    #[arg(long)]
    stack: Option<String>,
    /// Write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let Known { input, compilation } = stack_of(&args.name, args.stack.as_ref(), output)?;
    let Some(stack) = &compilation.stack else { return Err(Failure::Reported) };
    let (live, rollback) = versions(stack, &args.name)?;
    let text = source::read_spec_file(&input.path).map_err(|fault| format!("{}: {}", input.shown, fault.0.message))?;
    let syntax = Syntax::of(&input.path).unwrap_or(Syntax::Kdl);
    let edited = upgrade::with_live(&text, syntax, &args.name, &rollback)?;
    let next = inputs::compile_text(&input, &edited)?;
    let new = new_errors(&compilation, &next);
    if !new.is_empty() {
        output.found(&new);
        return Err(format!("`{}` is left as it is: with `{}` live it would not compile", input.shown, printable(&rollback)).into());
    }
    if !args.dry_run {
        // Somebody may have changed it meanwhile.
        if source::read_spec_file(&input.path).ok().as_deref() != Some(text.as_str()) {
            return Err(format!("`{}` was changed meanwhile; run it again", input.shown).into());
        }
        fmt::replace(&input.path, &edited).map_err(|error| format!("cannot write `{}`: {error}", input.shown))?;
    }
    let verb = if args.dry_run { "would be" } else { "is" };
    let name = printable(&args.name);
    let [now, was] = [&rollback, &live].map(|version| printable(version));
    output.print(&format!("{}: version {now} of prompt {name} {verb} live in place of {was}.\n", input.shown))?;
    for line in notes(stack, &args.name, &live, &rollback) {
        output.print(&format!("  {line}\n"))?;
    }
    show_plan(&input, next, args.dry_run, output)
}

/// The version that is live, and the one to go back to.
fn versions(stack: &Stack, name: &str) -> Result<(String, String), String> {
    // As it is written: a text that cannot be read may be why somebody goes back.
    let prompt = stack.explicit.prompt.get(name).ok_or_else(|| format!("no prompt `{}`", printable(name)))?;
    let shown = printable(name);
    let Some(rollback) = &prompt.rollback else {
        return Err(format!(
            "prompt `{shown}` names no `rollback`, so nobody can know which version was good; write it into the spec first"
        ));
    };
    let back = printable(rollback);
    if !prompt.version.contains_key(rollback) {
        let names: Vec<&str> = prompt.version.keys().map(String::as_str).collect();
        return Err(format!("prompt `{shown}` has no version `{back}`, which `rollback` names; {}", nearest(rollback, &names)));
    }
    if *rollback == prompt.live {
        return Err(format!("version `{back}` of prompt `{shown}` is live already, and is the one that `rollback` names"));
    }
    Ok((prompt.live.clone(), rollback.clone()))
}

/// Errors of `next` that `now` has not.
fn new_errors(now: &Compilation, next: &Compilation) -> Vec<Finding> {
    let key = |finding: &Finding| (finding.rule.code, finding.message.clone());
    let old: BTreeSet<_> = errors(now).iter().map(key).collect();
    errors(next).into_iter().filter(|finding| !old.contains(&key(finding))).collect()
}

/// What else somebody has to know or do.
fn notes(stack: &Stack, name: &str, was: &str, now: &str) -> Vec<String> {
    let mut notes = vec![format!("`rollback` names {} too now: there is nothing further to go back to", printable(now))];
    let running = stack.experiments.values().filter(|experiment| experiment.prompt == name && experiment.is_running());
    notes.extend(running.flat_map(|experiment| of_experiment(experiment, was, now)));
    notes
}

fn of_experiment(experiment: &Experiment, was: &str, now: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let name = printable(&experiment.name);
    let stop = format!("`state \"stopped\"` in experiment {name}");
    let on: Vec<String> = experiment.arms.iter().filter(|(_, arm)| arm.version == was).map(|(arm, _)| printable(arm)).collect();
    if !on.is_empty() {
        notes.push(format!(
            "experiment {name} still gives version {} to the users of {}: {stop} ends that",
            printable(was),
            on.join(" and ")
        ));
    }
    let control = experiment.arms.get(&experiment.control);
    if let Some(control) = control.filter(|control| control.version != now) {
        let arm = printable(&experiment.control);
        notes.push(format!(
            "experiment {name} compares with {arm}, version {}, which is no longer what is live: set {stop}, and begin again with a new `revision`",
            printable(&control.version)
        ));
    }
    notes
}

/// Prints what the edited spec changes of the tree that stands.
fn show_plan(input: &Input, next: Compilation, is_dry_run: bool, output: &mut Output) -> Result<(), Failure> {
    let errors = errors(&next);
    let Some(mut planned) = planned::plan_one(input, next)? else {
        output.found(&errors);
        let verb = if is_dry_run { "would be" } else { "is" };
        return Err(format!("the spec {verb} edited, but it has errors that it had before, so there is no plan").into());
    };
    planned.judge(output)?;
    output.print(&format!("\n{}", plan::render_text(&planned.plan, false, output.is_coloured(&std::io::stdout()))))?;
    if planned.plan.stacks.iter().flat_map(|stack| &stack.rollouts).all(|rollout| rollout.disruption == Disruption::None) {
        output.print("No pod restarts.\n")?;
    }
    crate::cli::plan::finish(&planned, false)
}
