//! `llmc apply`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::output::{Output, plural};
use super::planned::{self, Planned, PlannedStack, Request};
use super::progress::Progress;
use super::{Failure, inputs, lock, refused, saved};
use crate::deliver::{self, Changes, Lock, Refusal, Write};
use crate::emit::{FileSet, Tree};
use crate::plan;

/// Write what `llmc plan` shows.
///
/// Without a plan file, every stack is planned, the plan is shown and written. With one, exactly
/// that plan is written: when a spec, the files that stand or llmc itself has changed since, nothing
/// is written and the reason is said.
///
/// All stacks are checked before the first is written, and each stack's folder changes in one step:
/// whatever happens, the old files stand or the new ones. Files that llmc wrote and no longer
/// writes are removed; files that it did not write stay. Applying again changes nothing.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A plan file that `llmc plan --out` wrote (its name ends in .json), or names of stacks, or
    /// paths of specs. Default: every stack of the repository.
    #[arg(value_name = "PLAN.json | STACK")]
    what: Vec<String>,
    /// Take files that were edited by hand, or that stood there before llmc, into ownership as they
    /// are. Only llmc.json is written, in the stacks that have such files; the next plan then shows what
    /// llmc would change in them, and the next apply changes it.
    #[arg(long, conflicts_with = "overwrite")]
    adopt: bool,
    /// Discard what was edited by hand, and what stands where a file is to be written.
    #[arg(long)]
    overwrite: bool,
    /// Propose instead of writing: open, update or close one pull request for each stack, where its
    /// `deliver` block says. Nothing on this machine is written. GITHUB_TOKEN must hold a token that
    /// may write contents and pull requests.
    #[cfg(feature = "github")]
    #[arg(long, conflicts_with = "adopt")]
    pr: bool,
    /// Seconds to wait for another llmc that writes to the same folder.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    lock_timeout: u32,
    /// Number of stacks that are compiled at once. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  llmc apply                                          # every stack
  llmc apply customer-support
  llmc plan --out plan.json && llmc apply plan.json   # exactly what was reviewed
  llmc apply --pr                                     # pull requests instead of files
  llmc apply --overwrite                              # compiled files were edited by hand: discard that
  llmc apply --adopt && llmc plan                     # ...or look at what llmc would make of them

When a compiled file was edited by hand, apply refuses and shows the edit. There are three ways out:
  move the edit into the spec, so that compiling makes it;
  --overwrite, which discards it;
  --adopt, which writes nothing but the list of files that llmc owns: the edited files, or those that
  stood there before llmc, count as written by llmc from then on. Their content stays until the next
  apply, and the plan before that shows each difference.

Exit codes: 0 written, or nothing to do; 1 refused or failed.";

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    #[cfg(feature = "github")]
    if args.pr {
        return propose(args, output);
    }
    let planned = match saved::file(&args.what)? {
        Some(path) => {
            let mut planned = saved::plan_again(path, args.jobs, output)?;
            planned.judge(output)?;
            planned
        }
        None => {
            let mut planned = planned::plan(&Request::of(&args.what, args.jobs), output)?;
            planned.judge(output)?;
            if !args.adopt && planned.failed.is_empty() && !planned.plan.is_empty() {
                let text = plan::render_text(&planned.plan, false, output.is_coloured(&std::io::stdout()));
                output.print(&text)?;
            }
            planned
        }
    };
    if !planned.failed.is_empty() {
        return Err(format!("nothing is written, because of errors in {}", planned.failed.join(", ")).into());
    }
    let locks = lock_all(&planned, Duration::from_secs(args.lock_timeout.into()), output)?;
    let pending = pending(&planned)?;
    if pending.is_empty() {
        return output.print("nothing to change\n");
    }
    if args.adopt {
        return adopt(&pending, &locks, output);
    }
    if !args.overwrite {
        refused::check(&pending, output)?;
    }
    write_all(&pending, &locks, args.overwrite, output)
}

#[cfg(feature = "github")]
fn propose(args: &Args, output: &mut Output) -> Result<(), Failure> {
    if let Some(path) = saved::file(&args.what)? {
        let fix = "a saved plan is for the files of this machine; `apply --pr` plans against the base of the pull request itself";
        return Err(format!("`{}` cannot be proposed: {fix}", inputs::shown(path)).into());
    }
    let planned = planned::plan(&Request::of(&args.what, args.jobs), output)?;
    super::github::propose(planned, args.overwrite, output)
}

/// The folders that a plan writes below.
fn lock_all(planned: &Planned, patience: Duration, output: &mut Output) -> Result<BTreeMap<PathBuf, Lock>, Failure> {
    let changing = planned.stacks.iter().zip(&planned.plan.stacks).filter(|(_, plan)| !plan.is_empty());
    let mut locks = BTreeMap::new();
    // A sorted map, so that two runs ask for their locks in one order.
    let bases: std::collections::BTreeSet<PathBuf> = changing.map(|(stack, _)| planned::generated(&stack.root)).collect();
    for base in bases {
        let lock = lock::take(&base, patience, output)?;
        locks.insert(base, lock);
    }
    Ok(locks)
}

/// The stacks that are not yet as planned, each with its tree as it was compared. Another run may
/// have written the same meanwhile; anything else that changed stops the command.
fn pending(planned: &Planned) -> Result<Vec<&PlannedStack>, Failure> {
    let mut pending = Vec::new();
    for (stack, plan) in planned.stacks.iter().zip(&planned.plan.stacks) {
        let failed = |refusal: Refusal| Failure::Message(format!("{}: {refusal}", stack.name));
        if plan.is_empty() {
            continue;
        }
        let standing = deliver::read(&stack.folder).map_err(failed)?;
        let is_done = Changes::between(&standing, &stack.files).is_empty();
        let old_folder = stack.old_folder();
        let old = deliver::read(&old_folder).map_err(failed)?;
        let is_old_done = stack.renamed_from.is_none() || old.owned().is_empty();
        match () {
            () if is_done && is_old_done => {}
            () if old != stack.old => return Err(failed(Refusal::Moved(old_folder))),
            () => pending.push(stack),
        }
    }
    Ok(pending)
}

fn lock_of<'a>(stack: &PlannedStack, locks: &'a BTreeMap<PathBuf, Lock>) -> Result<&'a Lock, Failure> {
    locks.get(&planned::generated(&stack.root)).ok_or_else(|| Failure::Message(format!("`{}` is not locked", stack.name)))
}

fn write_all(pending: &[&PlannedStack], locks: &BTreeMap<PathBuf, Lock>, overwrite: bool, output: &mut Output) -> Result<(), Failure> {
    let progress = Progress::start("writing");
    let mut lines = String::new();
    for (at, stack) in pending.iter().enumerate() {
        progress.say(format!("writing {} ({} of {})", stack.name, at + 1, pending.len()));
        match write_one(stack, lock_of(stack, locks)?, overwrite) {
            Ok(changes) => lines.push_str(&line(stack, &changes)),
            Err(refusal) => {
                drop(progress);
                output.print(&lines)?;
                let rest: Vec<&str> = pending.iter().skip(at).map(|stack| stack.name.as_str()).collect();
                let done = if at == 0 { "nothing was written".to_owned() } else { format!("{} written", plural(at, "stack")) };
                output.error(&format!("{}: {refusal}", stack.name));
                return Err(format!("{done}; not written: {}; run the command again to go on", rest.join(", ")).into());
            }
        }
    }
    drop(progress);
    output.print(&lines)
}

fn write_one(stack: &PlannedStack, lock: &Lock, overwrite: bool) -> Result<Changes, Refusal> {
    let expected = if stack.renamed_from.is_some() { Tree::default() } else { stack.old.clone() };
    let write = Write { folder: &stack.folder, files: &stack.files, expected: Some(&expected), overwrite };
    let changes = deliver::replace(lock, write)?;
    // The new tree stands before the old one goes: a run that is killed between leaves both, and
    // the next one removes the old.
    if stack.renamed_from.is_some() {
        deliver::remove(lock, &stack.old_folder(), &stack.old, overwrite)?;
    }
    Ok(changes)
}

fn line(stack: &PlannedStack, changes: &Changes) -> String {
    let folder = inputs::shown(&stack.folder);
    if let Some(old) = &stack.renamed_from {
        return format!("{folder}: written in the place of {}\n", inputs::shown(Path::new(planned::GENERATED).join(old).as_path()));
    }
    if stack.compilation.is_none() {
        return format!("{folder}: removed, {}\n", plural(changes.deleted.len(), "file"));
    }
    let counts = [(&changes.created, "created"), (&changes.updated, "updated"), (&changes.deleted, "deleted")];
    let counts: Vec<String> =
        counts.iter().filter(|(paths, _)| !paths.is_empty()).map(|(paths, word)| format!("{} {word}", paths.len())).collect();
    format!("{folder}: {}\n", counts.join(", "))
}

fn adopt(pending: &[&PlannedStack], locks: &BTreeMap<PathBuf, Lock>, output: &mut Output) -> Result<(), Failure> {
    let mut adopted_any = false;
    for stack in pending {
        let files = if stack.renamed_from.is_some() { &FileSet::default() } else { &stack.files };
        let old_folder = stack.old_folder();
        if !refused::has_foreign(&stack.old, files) {
            continue;
        }
        let adopted = deliver::adopt(lock_of(stack, locks)?, &old_folder, &stack.old, files);
        let adopted = adopted.map_err(|refusal| Failure::Message(format!("{}: {refusal}", stack.name)))?;
        adopted_any = true;
        output.print(&format!("{}: took {} into ownership as they stand\n", inputs::shown(&old_folder), plural(adopted.len(), "file")))?;
        for path in adopted {
            output.print(&format!("  {}\n", crate::diagnostic::printable(&path)))?;
        }
    }
    output.print(if adopted_any {
        "`llmc plan` now shows what llmc would change in them; `llmc apply` changes it\n"
    } else {
        "no file was edited by hand and none is in the way; there is nothing to adopt\n"
    })
}
