//! The trees that a plan starts from: those of the work tree, or those of a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Failure;
use super::inputs::Input;
use super::planned::{GENERATED, folder_of, generated};
use crate::deliver::{self, git};
use crate::emit::Tree;

/// The trees that stand.
pub(super) enum Standing {
    /// In the folders of this machine.
    WorkTree,
    /// In a commit: the trees of each repository by stack.
    Commit(BTreeMap<PathBuf, BTreeMap<String, Tree>>),
}

impl Standing {
    /// The trees of the work tree, or those of the commit that `against` names, of every repository
    /// that `inputs` lie in.
    pub(super) fn of(against: Option<&str>, inputs: &[Input]) -> Result<Self, Failure> {
        let Some(reference) = against else { return Ok(Self::WorkTree) };
        let roots: BTreeSet<&Path> = inputs.iter().map(|input| input.root.as_path()).collect();
        let mut commits = BTreeMap::new();
        for root in roots {
            let repository = git::Repository::open(root)?;
            let commit = repository.commit(reference)?;
            let compiled = repository.compiled_stacks(&commit, GENERATED)?;
            // A folder without a manifest counts too: a stack may want its place.
            let declared = super::select::declared(root)?;
            let wanted = |name: &str| compiled.contains(name) || declared.iter().any(|spec| spec.name.as_deref() == Some(name));
            commits.insert(root.to_owned(), repository.trees(&commit, GENERATED, wanted)?);
        }
        Ok(Self::Commit(commits))
    }

    /// The tree of the stack `name`; an empty one where there is none.
    pub(super) fn tree(&self, root: &Path, name: &str) -> Result<Tree, Failure> {
        match self {
            Self::WorkTree => deliver::read(&folder_of(root, name)).map_err(|refusal| Failure::Message(format!("{name}: {refusal}"))),
            Self::Commit(commits) => Ok(commits.get(root).and_then(|trees| trees.get(name)).cloned().unwrap_or_default()),
        }
    }

    /// Names of the folders that a compile wrote.
    pub(super) fn compiled_stacks(&self, root: &Path) -> BTreeSet<String> {
        match self {
            Self::WorkTree => {
                let folders = deliver::compiled_stacks(&generated(root));
                folders.iter().filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())).collect()
            }
            Self::Commit(commits) => {
                let trees = commits.get(root).into_iter().flatten();
                trees.filter(|(_, tree)| tree.files.contains_key(crate::emit::MANIFEST_FILE)).map(|(name, _)| name.clone()).collect()
            }
        }
    }

    /// Version of llmc that compiled the tree of the stack `name`.
    pub(super) fn llmc_version(&self, root: &Path, name: &str) -> Option<String> {
        let manifest = match self {
            Self::WorkTree => {
                let text = std::fs::read(folder_of(root, name).join(crate::emit::MANIFEST_FILE)).ok()?;
                Tree { files: [(crate::emit::MANIFEST_FILE.to_owned(), text)].into() }.manifest()
            }
            Self::Commit(_) => self.tree(root, name).ok()?.manifest(),
        };
        manifest.map(|manifest| manifest.llmc_version)
    }
}
