//! Which specs a command works on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::panic;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Failure;
use super::output::plural;
use super::progress::Progress;
use crate::compile::{self, Compilation};
use crate::policy::Policies;
use crate::source::Syntax;

/// Names of a spec in its folder.
const SPEC_NAMES: [&str; 3] = ["stack.kdl", "stack.yaml", "stack.yml"];
/// Folder of a repository that holds its stacks.
pub(super) const STACKS: &str = "stacks";

/// A spec file and the repository that it belongs to.
pub(super) struct Input {
    /// Path to open.
    pub(super) path: PathBuf,
    /// Path to show: relative where it was found relative, with `/`.
    pub(super) shown: String,
    /// Folder that holds `stacks/`, or the spec's own folder.
    pub(super) root: PathBuf,
}

/// The specs that `paths` name: files, folders of stacks, or, without any, the repository's
/// `stacks/`.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    if paths.is_empty() {
        let root = repository(Path::new("."))
            .ok_or_else(|| format!("no `{STACKS}/` here or above; name a spec, or run `llmc init NAME` to write a first stack"))?;
        collect(&root.join(STACKS), &mut inputs)?;
        if inputs.is_empty() {
            return Err(format!("no stack in `{}`; run `llmc init NAME`", shown(&root.join(STACKS))).into());
        }
    }
    for path in paths {
        if path.is_dir() {
            let before = inputs.len();
            collect(path, &mut inputs)?;
            if inputs.len() == before {
                return Err(format!("no stack.kdl or stack.yaml in `{}` or the folders in it", shown(path)).into());
            }
        } else if Syntax::of(path).is_none() {
            let stack = Path::new(STACKS).join(path);
            let instead = if stack.is_dir() { format!("; did you mean `{}`?", shown(&stack)) } else { String::new() };
            return Err(format!("`{}` is no spec: its name must end in .kdl, .yaml or .yml{instead}", shown(path)).into());
        } else {
            inputs.push(input(path.clone()));
        }
    }
    inputs.sort_by(|a, b| a.shown.cmp(&b.shown));
    // One spec may be named twice, and two names may look alike when they are shown.
    let mut seen = BTreeSet::new();
    inputs.retain(|input| seen.insert(fs::canonicalize(&input.path).unwrap_or_else(|_| input.path.clone())));
    Ok(inputs)
}

/// Every spec of the repository at `root`; none where no stack is left.
pub(super) fn of_repository(root: &Path) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    if root.join(STACKS).is_dir() {
        collect(&root.join(STACKS), &mut inputs)?;
    }
    Ok(inputs)
}

/// Compiles every input, `jobs` at a time, in the order of the inputs, each judged by the policies of
/// its repository.
pub(super) fn compile_all(inputs: &[Input], jobs: usize) -> Result<Vec<Compilation>, Failure> {
    // A model's own tokenizer takes seconds to load.
    let _progress = Progress::start(format!("compiling {}", plural(inputs.len(), "stack")));
    let policies = Repositories::of(inputs)?;
    Ok(compile_each(inputs, jobs, &policies, |input| compile::compile(&input.path, &input.shown, policies.get(input))))
}

/// Compiles a text that could stand in the place of an input's, judged by the same policies.
pub(super) fn compile_text(input: &Input, text: &str) -> Result<Compilation, Failure> {
    let inputs = std::slice::from_ref(input);
    let policies = Repositories::of(inputs)?;
    let compile = |input: &Input| compile::compile_text(&input.path, text, &input.shown, policies.get(input));
    compile_each(inputs, 1, &policies, compile).pop().ok_or_else(|| Failure::Message(format!("cannot compile `{}`", input.shown)))
}

/// The policies of each repository, read once.
struct Repositories {
    by_root: BTreeMap<PathBuf, Policies>,
    shipped: LazyLock<Policies>,
}

impl Repositories {
    fn of(inputs: &[Input]) -> Result<Self, Failure> {
        let mut by_root = BTreeMap::new();
        for input in inputs.iter().filter(|input| !input.root.as_os_str().is_empty()) {
            if !by_root.contains_key(&input.root) {
                by_root.insert(input.root.clone(), super::policies::of_repository(&input.root)?);
            }
        }
        Ok(Self { by_root, shipped: LazyLock::new(Policies::shipped) })
    }

    fn get(&self, input: &Input) -> &Policies {
        self.by_root.get(&input.root).unwrap_or(&self.shipped)
    }
}

fn compile_each(
    inputs: &[Input],
    jobs: usize,
    policies: &Repositories,
    compile: impl Fn(&Input) -> Compilation + Sync,
) -> Vec<Compilation> {
    // A spec that the compiler fails on is reported like any other fault, and the others go on.
    let compile = |input: &Input| {
        let caught = panic::catch_unwind(panic::AssertUnwindSafe(|| compile(input)));
        caught.unwrap_or_else(|_| compile::crashed(&input.shown, policies.get(input)))
    };
    in_parallel(inputs, jobs, compile)
}

/// What `work` makes of each item, `jobs` at a time, in the order of the items.
pub(super) fn in_parallel<T: Sync, R: Send>(items: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        std::iter::from_fn(|| {
            let place = next.fetch_add(1, Ordering::Relaxed);
            items.get(place).map(|item| (place, work(item)))
        })
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.clamp(1, items.len().max(1))).map(|_| scope.spawn(|| take().collect::<Vec<_>>())).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// As many jobs as the machine has cores.
pub(super) fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Adds the spec of `folder`, or of each folder in it.
fn collect(folder: &Path, inputs: &mut Vec<Input>) -> Result<(), Failure> {
    let spec_in = |folder: &Path| -> Result<Option<PathBuf>, Failure> {
        let mut found = Vec::new();
        for path in SPEC_NAMES.map(|name| folder.join(name)) {
            match fs::symlink_metadata(&path) {
                Ok(_) => found.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // A spec that is there and cannot be seen must not count as one that is gone.
                Err(error) => return Err(format!("cannot read `{}`: {error}", shown(&path)).into()),
            }
        }
        match found.as_slice() {
            [first, second, ..] => Err(format!("both `{}` and `{}` exist; a stack has one spec", shown(first), shown(second)).into()),
            found => Ok(found.first().cloned()),
        }
    };
    if let Some(spec) = spec_in(folder)? {
        inputs.push(input(spec));
        return Ok(());
    }
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>());
    let mut folders = entries.map_err(|error| format!("cannot read `{}`: {error}", shown(folder)))?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    for folder in folders {
        if let Some(spec) = spec_in(&folder)? {
            inputs.push(input(spec));
        }
    }
    Ok(())
}

fn input(path: PathBuf) -> Input {
    let folder = parent(&path);
    let root = repository(folder).unwrap_or_else(|| folder.to_owned());
    Input { shown: shown(&path), root, path }
}

/// The repository that the command runs in, or the current folder where it is in none.
pub(super) fn here() -> PathBuf {
    repository(Path::new(".")).unwrap_or_else(|| PathBuf::from("."))
}

/// The nearest folder at or above `folder` that holds `stacks/`.
pub(super) fn repository(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).ok()?;
    let above = absolute.ancestors().position(|a| a.join(STACKS).is_dir())?;
    // Stays relative where possible, so that messages and output name no machine's folders.
    let here = std::env::current_dir().ok()?;
    let root = absolute.ancestors().nth(above)?;
    Some(match root.strip_prefix(&here) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.to_owned(),
        Err(_) => match here.strip_prefix(root) {
            Ok(up) => up.components().map(|_| Component::ParentDir).collect(),
            Err(_) => root.to_owned(),
        },
    })
}

/// The folder that `path` lies in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path as people write it: without a leading `./`.
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Input, Repositories, compile_each};
    use crate::compile;
    use crate::diagnostic;

    #[test]
    fn a_crash_is_a_finding_of_its_own_spec() {
        let names = ["a", "b", "c", "d"];
        let inputs: Vec<Input> = names.map(|name| Input { path: PathBuf::from(name), shown: name.into(), root: PathBuf::new() }).into();
        let policies = Repositories::of(&inputs).unwrap_or_else(|_| panic!("no policies are read"));
        let compilations = compile_each(&inputs, 2, &policies, |input| {
            assert_ne!(input.shown, "b", "this spec makes the compiler fail");
            compile::Compilation { findings: Vec::new(), ..compile::crashed(&input.shown, policies.get(input)) }
        });
        assert_eq!(compilations.iter().map(|c| c.spec_path.as_str()).collect::<Vec<_>>(), names);
        let failed = compilations.iter().map(|c| diagnostic::has_errors(&c.findings));
        assert_eq!(failed.collect::<Vec<_>>(), [false, true, false, false]);
    }
}
