//! What would change: the one place where plan, apply and pull requests get their plans.

use std::path::{Path, PathBuf};

use super::output::{Format, Output};
use super::progress::Progress;
use super::standing::Standing;
use super::{Failure, compile, inputs, select};
use crate::compile::Compilation;
use crate::diagnostic;
use crate::emit::{FileSet, Tree};
use crate::plan::{self, Plan, StackPlan, Subject};

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
    /// Paths of the specs that did not compile; their findings were printed.
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

    fn compare(&self, base: &Path) -> StackPlan {
        let spec = self.compilation.as_ref().map(|c| shown_from(base, Path::new(&c.spec_path)));
        plan::compare(&Subject {
            stack: &self.name,
            spec: spec.as_deref(),
            output: &shown_from(base, &self.folder),
            old: &self.old,
            renamed_from: self.renamed_from.as_deref(),
            new: &self.files,
        })
    }
}

/// Plans. Findings are printed on standard error; a stack with an error is in `failed`.
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
    progress.say(format!("compiling {} stacks", chosen.len()));
    let compilations = inputs::compile_all(&chosen, request.jobs);
    drop(progress);
    output.findings(Format::Text, &compilations)?;
    compile::refuse_same_names(&compilations)?;
    let progress = Progress::start("comparing");
    let mut stacks = Vec::new();
    let mut failed = Vec::new();
    for (input, compilation) in chosen.iter().zip(compilations) {
        match (&compilation.stack, &compilation.files) {
            (Some(stack), Some(files)) if !diagnostic::has_errors(&compilation.findings) => {
                let (name, files) = (stack.name.clone(), files.clone());
                let (folder, root) = (folder_of(&input.root, &name), input.root.clone());
                let old = standing.tree(&root, &name)?;
                stacks.push(PlannedStack { name, compilation: Some(compilation), root, folder, renamed_from: None, old, files });
            }
            _ => failed.push(compilation.spec_path),
        }
    }
    let gone = select::orphans(&mut stacks, &standing)?;
    if request.removals {
        stacks.extend(gone);
    }
    stacks.sort_by(|a, b| (&a.name, &a.folder).cmp(&(&b.name, &b.folder)));
    let base = base();
    let plans = inputs::in_parallel(&stacks, request.jobs, |stack| stack.compare(&base));
    drop(progress);
    Ok(Planned { plan: plan::plan(plans), stacks, failed, unaffected })
}

/// Folder of the tree of the stack `name`.
pub(super) fn folder_of(root: &Path, name: &str) -> PathBuf {
    generated(root).join(name)
}

/// Folder that holds the trees of the repository at `root`.
pub(super) fn generated(root: &Path) -> PathBuf {
    root.strip_prefix(".").unwrap_or(root).join(GENERATED)
}

/// Folder that the paths in a plan start from: the repository that the command runs in, so that
/// a plan reads the same wherever in it the command was started.
pub(super) fn base() -> PathBuf {
    inputs::repository(Path::new(".")).unwrap_or_else(|| PathBuf::from("."))
}

/// `path` as seen from `base`, or as it is where it lies elsewhere.
fn shown_from(base: &Path, path: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    inputs::shown(absolute(path).strip_prefix(absolute(base)).unwrap_or(path))
}
