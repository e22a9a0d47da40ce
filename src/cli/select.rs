//! Which stacks a plan is about: those that were named, those that a change affects, and those that
//! are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Failure;
use super::inputs::{self, Input, STACKS};
use super::planned::{GENERATED, PlannedStack, folder_of};
use super::policies;
use super::standing::Standing;
use crate::compile::Judgement;
use crate::deliver::git;
use crate::diagnostic::did_you_mean;
use crate::emit::FileSet;
use crate::plan;
use crate::source::{self, Syntax};
use crate::spec;

/// A spec and the name of the stack that it declares, as far as it can be read.
pub(super) struct Declared {
    input: Input,
    pub(super) name: Option<String>,
}

/// The specs that `stacks` name, each by the stack's name or by a path; all of the repository for
/// none.
pub(super) fn choose(stacks: Option<&[String]>) -> Result<Vec<Input>, Failure> {
    let Some(stacks) = stacks else { return all() };
    if stacks.is_empty() {
        return Ok(Vec::new());
    }
    let repository = inputs::repository(Path::new("."));
    let known = repository.as_deref().map(declared).transpose()?.unwrap_or_default();
    let root = repository.unwrap_or_else(|| PathBuf::from("."));
    let mut paths = Vec::new();
    for word in stacks {
        let named = known.iter().find(|spec| spec.name.as_deref() == Some(word));
        match named {
            Some(spec) => paths.push(spec.input.path.clone()),
            None if word.contains('/') || Path::new(word).exists() => paths.push(PathBuf::from(word)),
            None if Standing::WorkTree.compiled_stacks(&root).contains(word) => {
                let shown = inputs::shown(&folder_of(&root, word));
                return Err(format!(
                    "no spec declares the stack `{word}` any more; without names, the removal of `{shown}` is planned too"
                )
                .into());
            }
            None => {
                let names: BTreeSet<&str> = known.iter().filter_map(|spec| spec.name.as_deref()).collect();
                let help = match did_you_mean(word, names.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None if names.is_empty() => format!("there is no `{STACKS}/` here or above"),
                    None => format!("there is: {}", names.iter().take(20).copied().collect::<Vec<_>>().join(", ")),
                };
                return Err(format!("no stack `{word}`, and no such path; {help}").into());
            }
        }
    }
    inputs::find(&paths)
}

/// Every spec of the repository that the command runs in; none where every stack is gone and only
/// its compiled tree is left.
fn all() -> Result<Vec<Input>, Failure> {
    let is_left = |root: &PathBuf| {
        inputs::of_repository(root).is_ok_and(|specs| specs.is_empty()) && !Standing::WorkTree.compiled_stacks(root).is_empty()
    };
    if inputs::repository(Path::new(".")).as_ref().is_some_and(is_left) { Ok(Vec::new()) } else { inputs::find(&[]) }
}

/// Every spec of the repository at `root`, with its name; none where no stack is left.
pub(super) fn declared(root: &Path) -> Result<Vec<Declared>, Failure> {
    let inputs = inputs::of_repository(root)?;
    Ok(inputs.into_iter().map(|input| Declared { name: name(&input), input }).collect())
}

/// The name that a spec declares, read without resolving anything.
fn name(input: &Input) -> Option<String> {
    let text = source::read_spec_file(&input.path).ok()?;
    let document = source::read(&text, Syntax::of(&input.path)?, spec::schema(), &mut Vec::new())?;
    document.value.get("stack")?.as_str().map(str::to_owned)
}

/// Those of `inputs` that changes since `reference` bear on: in the folder of the spec, which holds
/// every file that it names, in its output, in the policies, or of llmc itself.
pub(super) fn affected(inputs: Vec<Input>, reference: &str, standing: &Standing) -> Result<Vec<Input>, Failure> {
    let roots: BTreeSet<PathBuf> = inputs.iter().map(|input| input.root.clone()).collect();
    let mut changes: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for root in roots {
        let repository = git::Repository::open(&root)?;
        let commit = repository.commit(reference)?;
        let changed = repository.changed_since(&commit, reference)?;
        changes.insert(root, changed);
    }
    let is_affected = |input: &Input| {
        let Some(changed) = changes.get(&input.root) else { return true };
        let is_in = |folder: &str| changed.range(folder.to_owned()..).next().is_some_and(|path| path.starts_with(folder));
        // Without a name the compile says what is wrong.
        let Some(name) = name(input) else { return true };
        let is_other_version = standing.llmc_version(&input.root, &name).is_some_and(|version| version != env!("CARGO_PKG_VERSION"));
        is_other_version
            || is_in(&format!("{}/", policies::FOLDER))
            || is_in(&format!("{GENERATED}/{name}/"))
            || folder_below(input).is_none_or(|folder| is_in(&folder))
    };
    Ok(inputs.into_iter().filter(is_affected).collect())
}

/// Folder of the spec below the repository, with a `/` at the end; empty for the repository itself.
fn folder_below(input: &Input) -> Option<String> {
    let (path, root) = (std::path::absolute(&input.path).ok()?, std::path::absolute(&input.root).ok()?);
    let folder = inputs::shown(path.parent()?.strip_prefix(root).ok()?);
    Some(if folder.is_empty() { folder } else { folder + "/" })
}

/// The stacks that no spec declares any more, as removals of their trees. One that a new stack
/// without a tree continues becomes where that one comes from.
pub(super) fn orphans(stacks: &mut [PlannedStack], standing: &Standing) -> Result<Vec<PlannedStack>, Failure> {
    let mut roots: BTreeSet<PathBuf> = stacks.iter().map(|stack| stack.root.clone()).collect();
    roots.extend(inputs::repository(Path::new(".")));
    let mut gone = Vec::new();
    for root in roots {
        let specs = declared(&root)?;
        // A spec that cannot be read hides its stack's name, so nothing can be said.
        if specs.iter().any(|spec| spec.name.is_none()) || !root.join(STACKS).is_dir() {
            continue;
        }
        let names: BTreeSet<&str> = specs.iter().filter_map(|spec| spec.name.as_deref()).collect();
        let planned: BTreeSet<String> = stacks.iter().filter(|s| s.root == root).map(|s| s.name.clone()).collect();
        let is_orphan = |name: &String| !names.contains(name.as_str()) && !planned.contains(name);
        let mut orphans = BTreeMap::new();
        for name in standing.compiled_stacks(&root).into_iter().filter(is_orphan) {
            let tree = standing.tree(&root, &name)?;
            orphans.insert(name, tree);
        }
        let is_new = |stack: &PlannedStack| stack.root == root && stack.old.files.is_empty();
        let pairs: Vec<(usize, String)> = stacks
            .iter()
            .enumerate()
            .filter(|(_, stack)| is_new(stack))
            .flat_map(|(at, stack)| {
                orphans.iter().filter(|(_, tree)| plan::is_rename(tree, &stack.files)).map(move |(name, _)| (at, name.clone()))
            })
            .collect();
        for (at, name) in &pairs {
            // Two candidates on either side would be a guess.
            let is_only = pairs.iter().filter(|(other, from)| other == at || from == name).count() == 1;
            if let (true, Some(stack)) = (is_only, stacks.get_mut(*at)) {
                stack.old = orphans.remove(name).unwrap_or_default();
                stack.renamed_from = Some(name.clone());
            }
        }
        gone.extend(orphans.into_iter().map(|(name, old)| PlannedStack {
            folder: folder_of(&root, &name),
            name,
            compilation: None,
            root: root.clone(),
            renamed_from: None,
            old,
            files: FileSet::default(),
            judgement: Judgement::default(),
        }));
    }
    Ok(gone)
}
