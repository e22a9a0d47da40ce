//! Writing a compiled tree, and reading the one that stands: in a folder, in a commit or in a
//! cluster.
//!
//! The old tree stands until the new one is complete, and only files that an earlier compile wrote
//! are replaced or removed.

pub mod cluster;
mod folder;
pub mod git;
#[cfg(feature = "github")]
pub mod github;
mod process;
mod write;

use std::io;
use std::path::PathBuf;

use crate::emit::{FileSet, MANIFEST_FILE, Tree};

pub use folder::{compiled_stacks, read};
pub use process::Fault;
pub use write::{Lock, Write, adopt, compare, remove, replace, write};

/// How a written tree differs from a compiled one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Paths that are new.
    pub created: Vec<String>,
    /// Paths whose content differs.
    pub updated: Vec<String>,
    /// Paths that an earlier compile wrote and this one does not.
    pub deleted: Vec<String>,
}

impl Changes {
    /// What making `standing` equal to `files` changes.
    pub fn between(standing: &Tree, files: &FileSet) -> Self {
        let mut changes = Self::default();
        for (path, text) in files.iter() {
            match standing.files.get(path) {
                None => changes.created.push(path.to_owned()),
                Some(content) if content != text.as_bytes() => changes.updated.push(path.to_owned()),
                Some(_) => {}
            }
        }
        let owned = standing.owned();
        let gone = |path: &&String| owned.contains(*path) && files.get(path).is_none();
        changes.deleted = standing.files.keys().filter(gone).cloned().collect();
        changes
    }

    /// Whether the written tree is current.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.updated.is_empty() && self.deleted.is_empty()
    }

    /// Number of files that differ.
    pub fn len(&self) -> usize {
        self.created.len() + self.updated.len() + self.deleted.len()
    }
}

/// Paths whose content somebody else wrote and that making `standing` equal to `files` would lose,
/// sorted: compiled files that were edited since, and files that stand where one is to be written.
pub fn in_the_way(standing: &Tree, files: &FileSet) -> Vec<String> {
    let edited = standing.edited(files);
    let owned = standing.owned();
    let foreign = standing.files.iter().filter(|(path, _)| !owned.contains(*path));
    let is_needed = |path: &str, content: &[u8]| match files.get(path) {
        Some(text) => text.as_bytes() != content,
        // A file where a folder is to be, or a folder where a file is to be.
        None => files.iter().any(|(new, _)| is_below(new, path) || is_below(path, new)),
    };
    let mut paths: Vec<String> = foreign.filter(|(path, content)| is_needed(path, content)).map(|(path, _)| path.clone()).collect();
    paths.extend(edited);
    paths.sort();
    paths
}

/// Whether `path` lies in the folder `folder`.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Why a tree was not read or written. The tree that stood is untouched.
#[derive(Debug)]
pub enum Refusal {
    /// The output folder, or something in it, is a symbolic link or not a folder.
    NotAFolder(PathBuf),
    /// A file's name is not UTF-8, so that it could not be kept.
    Name(PathBuf),
    /// There is more in the folder than any compile writes.
    TooLarge(PathBuf),
    /// The folder holds files, and no earlier compile wrote it.
    Foreign(PathBuf),
    /// Files that were changed by hand since they were compiled, or that somebody else put where one
    /// is to be written.
    Edited(Vec<String>),
    /// The tree changed while it was compared.
    Moved(PathBuf),
    /// The system refused.
    Io(PathBuf, io::Error),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAFolder(path) => {
                write!(f, "`{}` is a symbolic link or not a folder; the output must be a plain folder", path.display())
            }
            Self::Name(path) => write!(f, "the name of `{}` is not UTF-8; move it out of the output folder", path.display()),
            Self::TooLarge(path) => {
                write!(
                    f,
                    "`{}` holds more than {} files or {} MiB; move what llmc did not write out of it",
                    path.display(),
                    folder::MAX_FILES,
                    folder::MAX_BYTES >> 20
                )
            }
            Self::Foreign(path) => {
                write!(
                    f,
                    "`{}` holds files but no readable {MANIFEST_FILE}, so llmc did not write it; name an empty folder with --out",
                    path.display()
                )
            }
            Self::Edited(paths) => {
                write!(
                    f,
                    "edited by hand since it was compiled: {}; move the change into the spec, or discard it with --overwrite",
                    paths.join(", ")
                )
            }
            Self::Moved(path) => write!(f, "`{}` changed meanwhile; run the command again", path.display()),
            Self::Io(path, error) => write!(f, "cannot write `{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for Refusal {}
