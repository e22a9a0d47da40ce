//! Applying a plan that was saved: only when everything still is as it was planned.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use super::output::Output;
use super::planned::{self, Planned, Request};
use super::{Failure, inputs};
use crate::deliver::Changes;
use crate::diagnostic::printable;
use crate::plan::{self, Plan, StackPlan};

/// Largest plan file, in bytes.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The plan file among `words`; none when they name stacks.
pub(super) fn file(words: &[String]) -> Result<Option<&Path>, Failure> {
    let is_plan = |word: &&String| Path::new(word.as_str()).extension().is_some_and(|ending| ending == "json");
    match (words.iter().find(is_plan), words.len()) {
        (None, _) => Ok(None),
        (Some(path), 1) => Ok(Some(Path::new(path))),
        (Some(path), _) => Err(format!("`{path}` is a plan file, which says itself which stacks it is for; name nothing beside it").into()),
    }
}

/// Plans the stacks of the plan file at `path` again, and refuses unless the same comes out.
pub(super) fn plan_again(path: &Path, jobs: Option<u16>, output: &mut Output) -> Result<Planned, Failure> {
    let saved = read(path)?;
    let here = env!("CARGO_PKG_VERSION");
    if saved.llmc_version != here {
        let reason = format!("llmc version: {} made the plan, and this is {here}", saved.llmc_version);
        return Err(stale(path, &[reason], output));
    }
    let base = inputs::here();
    let mut specs = Vec::new();
    for stack in &saved.stacks {
        let Some(spec) = &stack.spec else { continue };
        let place = base.join(spec);
        if !place.is_file() {
            return Err(stale(path, &[format!("the spec of `{}` is gone: there is no `{spec}`", stack.stack)], output));
        }
        specs.push(place.to_string_lossy().into_owned());
    }
    let request = Request { stacks: Some(&specs), removals: true, ..Request::of(&[], jobs) };
    let mut planned = planned::plan(&request, output)?;
    if !planned.failed.is_empty() {
        return Ok(planned);
    }
    keep_only(&mut planned, &saved);
    let mut reasons = Vec::new();
    for stack in &saved.stacks {
        let found = planned.stacks.iter().zip(&planned.plan.stacks).find(|(_, plan)| plan.stack == stack.stack);
        match found {
            // A run that was cut off, or a second one: this stack is already as planned.
            Some((now, plan)) if plan.target_sha256 == stack.target_sha256 && Changes::between(&now.old, &now.files).is_empty() => {}
            Some((_, plan)) => reasons.extend(difference(stack, plan)),
            None if stack.spec.is_none() => reasons.extend(removal(&base, stack)),
            None => reasons.push(format!(
                "the spec `{}` no longer declares the stack `{}`",
                stack.spec.as_deref().unwrap_or_default(),
                stack.stack
            )),
        }
    }
    if reasons.is_empty() { Ok(planned) } else { Err(stale(path, &reasons, output)) }
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let failed = |why: String| Failure::Message(format!("cannot read the plan `{}`: {why}", path.display()));
    // Asked before it is opened: opening a pipe waits for somebody to write into it.
    if !fs::metadata(path).map_err(|error| failed(error.to_string()))?.is_file() {
        return Err(failed("it is not a plain file".into()));
    }
    let file = fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(failed(format!("it is larger than {} MiB", MAX_BYTES >> 20)));
    }
    plan::read(&text).map_err(failed)
}

/// Leaves out what the saved plan is not about, such as other trees whose stack is gone.
fn keep_only(planned: &mut Planned, saved: &Plan) {
    let names: BTreeSet<&str> = saved.stacks.iter().map(|stack| stack.stack.as_str()).collect();
    planned.stacks.retain(|stack| names.contains(stack.name.as_str()));
    planned.plan.stacks.retain(|stack| names.contains(stack.stack.as_str()));
}

/// What moved since `saved`; nothing when the plan is the same.
fn difference(saved: &StackPlan, now: &StackPlan) -> Option<String> {
    let name = &saved.stack;
    if saved.inputs_sha256 != now.inputs_sha256 || saved.spec.is_none() != now.spec.is_none() {
        return Some(format!("inputs of `{name}`: its spec, or a file that it names, has changed"));
    }
    if saved.base_sha256 != now.base_sha256 || saved.renamed_from != now.renamed_from {
        return Some(format!("base of `{name}`: the files in `{}` are not those that were compared", saved.output));
    }
    if saved.target_sha256 != now.target_sha256 {
        return Some(format!(
            "output of `{name}`: this llmc compiles the same spec to other files, so it is another build or has other policies"
        ));
    }
    let same = serde_json::to_value(saved).ok() == serde_json::to_value(now).ok();
    (!same).then(|| format!("plan of `{name}`: the plan file does not say what is now planned for it, so it was changed after it was made"))
}

/// Why a removal that was planned is none any more; nothing when it was done.
fn removal(base: &Path, saved: &StackPlan) -> Option<String> {
    let standing = crate::deliver::read(&base.join(&saved.output)).ok()?;
    let is_done = standing.owned().is_empty();
    (!is_done).then(|| format!("inputs of `{}`: a spec declares it again, so its files are not to be removed", saved.stack))
}

fn stale(path: &Path, reasons: &[String], output: &mut Output) -> Failure {
    output.error("the plan is stale, so nothing is written");
    for reason in reasons {
        output.note(&format!("  {}\n", printable(reason)));
    }
    output.note(&format!("  look at what would change now: llmc plan --out {}\n", printable(&path.to_string_lossy())));
    Failure::Reported
}
