//! What would change: the one place where plan, apply and pull requests get their plans.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::output::{Format, Output};
use super::progress::Progress;
use super::standing::Standing;
use super::{Failure, compile, inputs, select};
use crate::compile::{Compilation, Judgement};
use crate::diagnostic::{self, Finding};
use crate::emit::{FileSet, PROMPT_INDEX_FILE, RECORD_FILE, Tree};
use crate::plan::{self, Plan, StackPlan, Subject};
use crate::policy::Applied;
use crate::prompt::{self, Version};

/// Folder beside `stacks/` that holds a compiled folder for each stack.
pub(super) const GENERATED: &str = "generated";

/// Which stacks are planned, and against what.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    /// Names of stacks, or paths of specs; none for all of them.
    pub(super) stacks: Option<&'a [String]>,
    /// Whether trees whose stack is gone are planned as removals.
    pub(super) removals: bool,
    /// Commit whose trees are compared instead of those of the work tree.
    pub(super) against: Option<&'a str>,
    /// Commit since which a stack must be affected to be planned.
    pub(super) changed_since: Option<&'a str>,
    /// Number of stacks that are compiled at once.
    pub(super) jobs: usize,
}

/// The plans, and what they were made from.
pub(super) struct Planned {
    /// What would change in every stack that compiled.
    pub(super) plan: Plan,
    /// What each of `plan.stacks` was made from, in the same order.
    pub(super) stacks: Vec<PlannedStack>,
    /// Paths of the specs that did not compile or that a policy refuses; their findings were printed.
    pub(super) failed: Vec<String>,
    /// Number of stacks that nothing affected since the commit that was asked for.
    pub(super) unaffected: usize,
}

/// What a stack's plan was made from.
pub(super) struct PlannedStack {
    /// Name of the stack.
    pub(super) name: String,
    /// The compilation; none when the stack is gone and its tree is to be removed.
    pub(super) compilation: Option<Compilation>,
    /// Folder that holds `stacks/`.
    pub(super) root: PathBuf,
    /// Folder of the tree.
    pub(super) folder: PathBuf,
    /// Name of the stack whose tree this one takes the place of, where it was renamed.
    pub(super) renamed_from: Option<String>,
    /// The tree that stands at `folder`, or at the folder of `renamed_from`.
    pub(super) old: Tree,
    /// The compiled tree; empty when the stack is gone.
    pub(super) files: FileSet,
    /// What the policies over plans say; see [`Planned::judge`].
    pub(super) judgement: Judgement,
}

impl<'a> Request<'a> {
    /// What a command's arguments ask for: the stacks that they name, or everything.
    pub(super) fn of(stacks: &'a [String], jobs: Option<u16>) -> Self {
        Self {
            stacks: (!stacks.is_empty()).then_some(stacks),
            removals: stacks.is_empty(),
            against: None,
            changed_since: None,
            jobs: jobs.map_or_else(inputs::default_jobs, usize::from),
        }
    }
}

impl PlannedStack {
    /// Folder that `old` stands in.
    pub(super) fn old_folder(&self) -> PathBuf {
        self.renamed_from.as_ref().map_or_else(|| self.folder.clone(), |name| folder_of(&self.root, name))
    }

    /// What was found about the spec and about the plan.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.compilation.iter().flat_map(|compilation| &compilation.findings).chain(&self.judgement.findings)
    }

    /// Which policies were asked about the stack and the plan, and what was let through.
    pub(super) fn applied(&self) -> Applied {
        let mut applied = self.compilation.as_ref().map(|compilation| compilation.applied.clone()).unwrap_or_default();
        applied.extend(self.judgement.applied.clone());
        applied
    }

    fn compare(&self, here: &Path) -> StackPlan {
        self.compare_at(here, &shown_from(here, &self.folder))
    }

    /// As [`Self::compare`], with `old` read from `output`, which people are shown.
    pub(super) fn compare_at(&self, here: &Path, output: &str) -> StackPlan {
        let spec = self.compilation.as_ref().map(|c| shown_from(here, Path::new(&c.spec_path)));
        let cost = crate::compile::cost_change(self.compilation.as_ref(), self.base().as_ref());
        plan::compare(&Subject {
            stack: &self.name,
            spec: spec.as_deref(),
            output,
            old: &self.old,
            renamed_from: self.renamed_from.as_deref(),
            new: &self.files,
            cost: cost.as_ref(),
            prompts: &self.versions(),
        })
    }

    /// The versions of the stack's prompts, where the spec or a prompt is another one: to price them takes time.
    fn versions(&self) -> Vec<Version> {
        let is_same = |path: &str| self.old.text(path) == self.files.get(path);
        let stack = self.compilation.as_ref().and_then(|compilation| compilation.stack.as_ref());
        let stack = stack.filter(|_| !(is_same(RECORD_FILE) && is_same(PROMPT_INDEX_FILE)));
        let Some(stack) = stack else { return Vec::new() };
        let base = self.base().unwrap_or_default();
        let live = base.get("prompt").and_then(Value::as_object).into_iter().flatten();
        let live = live.filter_map(|(name, prompt)| Some((name.clone(), prompt.get("live")?.as_str()?.to_owned())));
        prompt::versions_measured(stack, live.collect())
    }

    /// The record of the tree that stands, as [`crate::compile::judge_plan`] takes it.
    fn base(&self) -> Option<Value> {
        base_of(&self.old)
    }
}

impl Planned {
    /// Paths of the specs that there is no plan for; the others of `failed` were refused by a policy.
    pub(super) fn uncompiled(&self) -> Vec<&str> {
        let planned: Vec<&String> = self.stacks.iter().filter_map(|stack| Some(&stack.compilation.as_ref()?.spec_path)).collect();
        self.failed.iter().filter(|path| !planned.contains(path)).map(String::as_str).collect()
    }

    /// Makes of each renamed stack a new one and the removal of the old tree, where each is delivered by
    /// itself. The plans of these stacks are to be made again.
    #[cfg(feature = "github")]
    pub(super) fn split_renames(&mut self) {
        let (mut removals, mut plans) = (Vec::new(), Vec::new());
        for stack in &mut self.stacks {
            let Some(name) = stack.renamed_from.take() else { continue };
            let (folder, old) = (folder_of(&stack.root, &name), std::mem::take(&mut stack.old));
            let removal = PlannedStack {
                name,
                compilation: None,
                root: stack.root.clone(),
                folder,
                renamed_from: None,
                old,
                files: FileSet::default(),
                judgement: Judgement::default(),
            };
            plans.push(removal.compare(&inputs::here()));
            removals.push(removal);
        }
        self.stacks.extend(removals);
        self.plan.stacks.extend(plans);
        self.stacks.sort_by(|a, b| a.name.cmp(&b.name));
        self.plan.stacks.sort_by(|a, b| a.stack.cmp(&b.stack));
    }

    /// Holds each stack against the tree that stands, once it is known which that is: what is above its
    /// budget there already is a warning. Findings are printed; a stack that is refused is in `failed`.
    pub(super) fn hold(&mut self, output: &mut Output) -> Result<(), Failure> {
        let mut held = Vec::new();
        for stack in &mut self.stacks {
            let base = stack.base();
            let Some(compilation) = stack.compilation.as_mut().filter(|compilation| compilation.held.is_some()) else { continue };
            crate::compile::against(compilation, base.as_ref());
            if compilation.files.is_none() {
                self.failed.push(compilation.spec_path.clone());
            }
            held.push(&*compilation);
        }
        output.findings(Format::Text, held)
    }

    /// Holds each plan against the policies over plans, and as [`Self::hold`].
    pub(super) fn judge(&mut self, output: &mut Output) -> Result<(), Failure> {
        self.hold(output)?;
        for (stack, plan) in self.stacks.iter_mut().zip(&self.plan.stacks) {
            let base = stack.base();
            let Some(compilation) = stack.compilation.as_ref().filter(|_| !plan.is_empty()) else { continue };
            stack.judgement = crate::compile::judge_plan(compilation, plan, base.as_ref());
            if diagnostic::has_errors(&stack.judgement.findings) && !self.failed.contains(&compilation.spec_path) {
                self.failed.push(compilation.spec_path.clone());
            }
        }
        let mut findings: Vec<Finding> = self.stacks.iter().flat_map(|stack| stack.judgement.findings.clone()).collect();
        diagnostic::sort(&mut findings);
        output.found(&findings);
        output.waived(self.stacks.iter().filter_map(|stack| Some((stack.compilation.as_ref()?, &stack.judgement.applied))));
        Ok(())
    }
}

/// Plans. Findings are printed on standard error; a stack with an error is in `failed`, but for one that the
/// tree that stands may excuse, which [`Planned::hold`] judges.
pub(super) fn plan(request: &Request<'_>, output: &mut Output) -> Result<Planned, Failure> {
    let progress = Progress::start("reading specs");
    let chosen = select::choose(request.stacks)?;
    let standing = Standing::of(request.against, &chosen)?;
    let found = chosen.len();
    let chosen = match request.changed_since {
        Some(reference) => select::affected(chosen, reference, &standing)?,
        None => chosen,
    };
    let unaffected = found - chosen.len();
    drop(progress);
    let compilations = inputs::compile_all(&chosen, request.jobs)?;
    // What a tree that stands may excuse is said by `Planned::hold`, when it is known which tree that is.
    output.findings(Format::Text, compilations.iter().filter(|compilation| compilation.held.is_none()))?;
    compile::refuse_same_names(&compilations)?;
    let progress = Progress::start("comparing");
    let mut stacks = Vec::new();
    let mut failed = Vec::new();
    for (input, compilation) in chosen.iter().zip(compilations) {
        match (&compilation.stack, compilation.shown_files()) {
            (Some(stack), Some(files)) => {
                let (name, files) = (stack.name.clone(), files.clone());
                let (folder, root) = (folder_of(&input.root, &name), input.root.clone());
                let old = standing.tree(&root, &name)?;
                stacks.push(PlannedStack {
                    name,
                    compilation: Some(compilation),
                    root,
                    folder,
                    renamed_from: None,
                    old,
                    files,
                    judgement: Judgement::default(),
                });
            }
            _ => failed.push(compilation.spec_path),
        }
    }
    let gone = select::orphans(&mut stacks, &standing)?;
    if request.removals {
        stacks.extend(gone);
    }
    stacks.sort_by(|a, b| (&a.name, &a.folder).cmp(&(&b.name, &b.folder)));
    // Paths in a plan start from the repository, so that it reads the same wherever in it the command was started.
    let here = inputs::here();
    let plans = inputs::in_parallel(&stacks, request.jobs, |stack| stack.compare(&here));
    drop(progress);
    Ok(Planned { plan: plan::plan(plans), stacks, failed, unaffected })
}

/// The plan of the one stack that `compilation` is of, against the tree of the work tree; none where it does
/// not compile. Nothing is printed.
pub(super) fn plan_one(input: &inputs::Input, compilation: Compilation) -> Result<Option<Planned>, Failure> {
    let (Some(stack), Some(files)) = (&compilation.stack, compilation.shown_files()) else { return Ok(None) };
    let (name, files) = (stack.name.clone(), files.clone());
    let (folder, root) = (folder_of(&input.root, &name), input.root.clone());
    let old = Standing::WorkTree.tree(&root, &name)?;
    let judgement = Judgement::default();
    let stack = PlannedStack { name, compilation: Some(compilation), root, folder, renamed_from: None, old, files, judgement };
    let plan = plan::plan(vec![stack.compare(&inputs::here())]);
    Ok(Some(Planned { plan, stacks: vec![stack], failed: Vec::new(), unaffected: 0 }))
}

/// Holds `compilation` against its tree in `folder`, which holds one for each stack, where one stands.
pub(super) fn hold_against(compilation: &mut Compilation, folder: &Path) {
    let Some(name) = compilation.stack.as_ref().filter(|_| compilation.held.is_some()).map(|stack| stack.name.clone()) else { return };
    // A tree that cannot be read excuses nothing.
    let base = crate::deliver::read(&folder.join(name)).ok().and_then(|tree| base_of(&tree));
    crate::compile::against(compilation, base.as_ref());
}

/// The record of `tree`, as [`crate::compile::judge_plan`] takes it.
fn base_of(tree: &Tree) -> Option<Value> {
    // A tree that somebody else made, which llmc may have adopted, never had a record.
    let had_record = tree.files.contains_key(RECORD_FILE) || tree.owned().contains(RECORD_FILE);
    plan::recorded(tree).or_else(|| (!had_record).then(|| json!({})))
}

/// Folder of the tree of the stack `name`.
pub(super) fn folder_of(root: &Path, name: &str) -> PathBuf {
    generated(root).join(name)
}

/// Folder that holds the trees of the repository at `root`.
pub(super) fn generated(root: &Path) -> PathBuf {
    root.strip_prefix(".").unwrap_or(root).join(GENERATED)
}

/// `path` as seen from `here`, or as it is where it lies elsewhere.
fn shown_from(here: &Path, path: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    inputs::shown(absolute(path).strip_prefix(absolute(here)).unwrap_or(path))
}
