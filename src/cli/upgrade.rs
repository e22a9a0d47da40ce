//! `llmc upgrade`

use serde::Serialize;

use super::inputs::{self, Input};
use super::output::{Output, plural};
use super::{Failure, fmt, select};
use crate::compile::Compilation;
use crate::diagnostic::{self, Finding, Severity};
use crate::source::{self, Syntax};
use crate::upgrade::{self, Memory, ModelUpgrade, Target, Upgrade};

/// Move the models of stacks to another release of their engine.
///
/// Says what the release changes for each model: its own arguments, the words of its settings, the
/// metrics that its rules and dashboards read, defaults where the spec says nothing, and the memory.
/// Then writes the version into the specs, and arguments whose successor is certain; every other byte
/// stays, comments too. A spec is left alone where somebody must decide something first, and where it
/// would not compile. Older releases work the same way.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Engine, such as `vllm`.
    engine: String,
    /// Exact version, such as `0.33.0`.
    version: String,
    /// Names of stacks in `stacks/`, or paths of specs or of folders that hold them. Default: every
    /// stack of the repository.
    #[arg(value_name = "STACK")]
    stacks: Vec<String>,
    /// Write nothing; fail when something must be changed by a person.
    #[arg(long)]
    check: bool,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  llmc upgrade vllm 0.33.0 --check                    what would change, for every stack
  llmc upgrade vllm 0.33.0 customer-support           edit its spec
  llmc upgrade vllm 0.33.0 --json | jq '.stacks[] | select(.clean | not).stack'

In the text, `!` must be changed by a person, and `~` is edited in the spec.
Exit codes: 0 every upgrade is clean, 1 a person must change something first, or something failed.
After it, `llmc plan` shows what the new specs do to running pods.";

/// What became of one stack.
struct Done {
    name: String,
    spec: String,
    upgrade: Option<Upgrade>,
    findings: Vec<Finding>,
    written: bool,
}

impl Done {
    fn is_clean(&self) -> bool {
        self.upgrade.as_ref().is_some_and(|upgrade| !upgrade.needs_a_person()) && !diagnostic::has_errors(&self.findings)
    }
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let target = Target::of(&args.engine, &args.version)?;
    let inputs = select::choose(if args.stacks.is_empty() { None } else { Some(&args.stacks) })?;
    let mut all = Vec::new();
    for input in &inputs {
        all.push(one(input, &target, args.check)?);
    }
    if args.json {
        output.print(&json(&all, &target)?)?;
    } else {
        text(&all, &target, args.check, output)?;
    }
    if all.iter().all(Done::is_clean) { Ok(()) } else { Err(Failure::Reported) }
}

/// Plans the upgrade of one spec, and writes it unless `is_check` is set or something is in the way.
fn one(input: &Input, target: &Target, is_check: bool) -> Result<Done, Failure> {
    let text = source::read_spec_file(&input.path).map_err(|fault| format!("{}: {}", input.shown, fault.0.message))?;
    let now = inputs::compile_text(input, &text)?;
    let mentions = |metric: &str| now.files.as_ref().is_none_or(|files| files.iter().any(|(_, content)| content.contains(metric)));
    let syntax = Syntax::of(&input.path).unwrap_or(Syntax::Kdl);
    let upgrade = upgrade::plan(&text, syntax, target, &mentions);
    let name = now.stack.as_ref().map_or_else(|| input.shown.clone(), |stack| stack.name.clone());
    let mut done = Done { name, spec: input.shown.clone(), upgrade, findings: Vec::new(), written: false };
    let edited = done.upgrade.as_ref().and_then(|upgrade| upgrade.edited.clone().ok());
    let Some(edited) = edited else {
        // What cannot be read is said as `check` says it.
        done.findings = now.findings;
        return Ok(done);
    };
    let next = if edited == text { None } else { Some(inputs::compile_text(input, &edited)?) };
    if let Some(upgrade) = &mut done.upgrade {
        upgrade.models.iter_mut().for_each(|model| model.memory = memory(model, &now, next.as_ref()));
    }
    done.findings = errors(next.unwrap_or(now));
    if !is_check && edited != text && done.is_clean() {
        // Somebody may have changed it meanwhile.
        if source::read_spec_file(&input.path).ok().as_deref() != Some(text.as_str()) {
            return Err(format!("`{}` was changed meanwhile; run it again", input.shown).into());
        }
        fmt::replace(&input.path, &edited).map_err(|error| format!("cannot write `{}`: {error}", input.shown))?;
        done.written = true;
    }
    Ok(done)
}

fn memory(model: &ModelUpgrade, now: &Compilation, next: Option<&Compilation>) -> Option<Memory> {
    upgrade::memory(now.stack.as_ref()?, next?.stack.as_ref()?, &model.model)
}

/// The errors of a compilation: warnings are no concern of an upgrade.
fn errors(compilation: Compilation) -> Vec<Finding> {
    compilation.findings.into_iter().filter(|finding| finding.rule.severity == Severity::Error).collect()
}

fn text(all: &[Done], target: &Target, is_check: bool, output: &mut Output) -> Result<(), Failure> {
    for done in all {
        if let Some(upgrade) = &done.upgrade {
            output.print(&format!("{}\n", upgrade::render_text(&done.name, &done.spec, upgrade, target)))?;
        }
        output.found(&done.findings);
        if !is_check && !done.is_clean() {
            output.note(&format!("{} is left as it is\n", done.spec));
        }
    }
    let count = |of: &dyn Fn(&Done) -> bool| all.iter().filter(|done| of(done)).count();
    let is_open = |done: &Done| done.is_clean() && done.upgrade.as_ref().is_some_and(|upgrade| !upgrade.models.is_empty());
    let (clean, stuck) = (count(&is_open), count(&|done| !done.is_clean()));
    let ready = if is_check { "can be upgraded" } else { "upgraded" };
    let stuck = if stuck == 0 { String::new() } else { format!(", {} to be changed by a person first", plural(stuck, "stack")) };
    output.print(&format!("{} {ready} to {} {}{stuck}.\n", plural(clean, "stack"), target.name(), target.version))
}

#[derive(Serialize)]
struct Document<'a> {
    engine: &'a str,
    version: String,
    stacks: Vec<Stack<'a>>,
}

#[derive(Serialize)]
struct Stack<'a> {
    stack: &'a str,
    spec: &'a str,
    clean: bool,
    written: bool,
    refusal: Option<&'a str>,
    models: &'a [ModelUpgrade],
    errors: Vec<Error<'a>>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    help: &'a [String],
}

fn json(all: &[Done], target: &Target) -> Result<String, Failure> {
    let stacks = all.iter().map(|done| Stack {
        stack: &done.name,
        spec: &done.spec,
        clean: done.is_clean(),
        written: done.written,
        refusal: match &done.upgrade {
            Some(upgrade) => upgrade.edited.as_ref().err().map(String::as_str),
            None => Some("the spec cannot be read"),
        },
        models: done.upgrade.as_ref().map_or(&[], |upgrade| &upgrade.models),
        errors: done.findings.iter().map(|f| Error { code: f.rule.code, message: &f.message, help: &f.help }).collect(),
    });
    let document = Document { engine: target.name(), version: target.version.to_string(), stacks: stacks.collect() };
    serde_json::to_string_pretty(&document).map(|text| text + "\n").map_err(|error| Failure::Message(error.to_string()))
}
