//! Writing a compiled tree: the old tree stands until the new one is complete, and only files
//! that an earlier compile wrote are replaced or removed.

#[cfg(feature = "github")]
pub mod github;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::emit::{FileSet, MANIFEST_FILE, Tree};

/// Begins the name of a folder that a tree is written in before it takes its place.
const STAGING: &str = ".llmc-staging-";

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
    /// Whether the written tree is current.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.updated.is_empty() && self.deleted.is_empty()
    }

    /// Number of files that differ.
    pub fn len(&self) -> usize {
        self.created.len() + self.updated.len() + self.deleted.len()
    }
}

/// Why a tree was not written. The tree that stood is untouched.
#[derive(Debug)]
pub enum Refusal {
    /// The output folder, or something in it, is a symbolic link or not a folder.
    NotAFolder(PathBuf),
    /// The folder holds files, and no earlier compile wrote it.
    Foreign(PathBuf),
    /// Files that were changed by hand since they were compiled.
    Edited(Vec<String>),
    /// The system refused.
    Io(PathBuf, io::Error),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAFolder(path) => {
                write!(f, "`{}` is a symbolic link or not a folder; the output must be a plain folder", path.display())
            }
            Self::Foreign(path) => {
                write!(
                    f,
                    "`{}` holds files but no {MANIFEST_FILE}, so llmc did not write it; name an empty folder with --out",
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
            Self::Io(path, error) => write!(f, "cannot write `{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for Refusal {}

/// Compares the tree at `folder` with `files`, without writing.
///
/// # Errors
/// When the folder cannot be read or is not a plain folder.
pub fn compare(folder: &Path, files: &FileSet) -> Result<Changes, Refusal> {
    let standing = read(folder)?;
    Ok(changes(&standing, files))
}

/// Makes the tree at `folder` equal to `files`. With `overwrite`, changes by hand are discarded.
///
/// # Errors
/// A [`Refusal`]; the tree that stood is then untouched.
pub fn write(folder: &Path, files: &FileSet, overwrite: bool) -> Result<Changes, Refusal> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| Refusal::Io(path, error)
    };
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io(parent))?;
    let _lock = lock(parent);
    let standing = read(folder)?;
    let changes = changes(&standing, files);
    if standing.manifest().is_none() && !standing.files.is_empty() && !overwrite {
        return Err(Refusal::Foreign(folder.to_owned()));
    }
    if !overwrite {
        let edited = standing.edited(files);
        if !edited.is_empty() {
            return Err(Refusal::Edited(edited));
        }
    }
    if changes.is_empty() {
        return Ok(changes);
    }
    // The new tree grows beside the old one, on the same file system, and takes its place whole.
    let staging = tempfile::Builder::new().prefix(STAGING).tempdir_in(parent).map_err(io(parent))?;
    let tree = staging.path().join("tree");
    fs::create_dir(&tree).map_err(io(&tree))?;
    for (path, text) in files.iter() {
        put(&tree, path, text.as_bytes()).map_err(io(&folder.join(path)))?;
    }
    let owned = standing.owned();
    let foreign = standing.files.iter().filter(|(path, _)| files.get(path).is_none() && !owned.contains(*path));
    for (path, content) in foreign {
        put(&tree, path, content).map_err(io(&folder.join(path)))?;
    }
    swap(&tree, folder).map_err(io(folder))?;
    Ok(changes)
}

/// Folders in `base` that a compile wrote, sorted.
pub fn compiled_stacks(base: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(base).into_iter().flatten();
    let mut folders: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|f| f.join(MANIFEST_FILE).is_file()).collect();
    folders.sort();
    folders
}

/// Lets one compile at a time write below `parent`, until the lock is dropped or the process ends.
///
/// Whoever holds it owns every staging folder there, so what a killed compile left is removed. A
/// file system without locks does without both: each tree is still written whole.
fn lock(parent: &Path) -> Option<fs::File> {
    let lock = fs::File::open(parent).ok()?;
    lock.lock().ok()?;
    for entry in fs::read_dir(parent).ok()?.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && entry.file_name().as_encoded_bytes().starts_with(STAGING.as_bytes()) {
            // It is only in the way; the next compile tries again.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
    Some(lock)
}

/// Puts `tree` where `folder` is, in one step.
fn swap(tree: &Path, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(tree, folder);
    }
    // Exchanging leaves the old tree in the staging folder, which is removed with it.
    match renameat_with(CWD, tree, CWD, folder, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        // A file system without exchange: two renames, the old tree kept beside until the second.
        Err(_) => {
            let aside = tree.with_file_name("old");
            fs::rename(folder, &aside)?;
            fs::rename(tree, folder).inspect_err(|_| drop(fs::rename(&aside, folder)))
        }
    }
}

fn put(tree: &Path, path: &str, content: &[u8]) -> io::Result<()> {
    let target = tree.join(path);
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = fs::File::create_new(&target)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()
}

fn changes(standing: &Tree, files: &FileSet) -> Changes {
    let mut changes = Changes::default();
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

/// Reads the tree that stands at `folder`; an empty one where there is none.
///
/// # Errors
/// When it cannot be read or is not a plain folder.
pub fn read(folder: &Path) -> Result<Tree, Refusal> {
    let mut files = BTreeMap::new();
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tree { files }),
        Err(error) => return Err(Refusal::Io(folder.to_owned(), error)),
        Ok(metadata) if !metadata.is_dir() => return Err(Refusal::NotAFolder(folder.to_owned())),
        Ok(_) => walk(folder, "", &mut files)?,
    }
    Ok(Tree { files })
}

fn walk(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Refusal> {
    let io = |error| Refusal::Io(folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(io)?;
        if kind.is_dir() {
            walk(&path, &format!("{name}/"), files)?;
        } else if kind.is_file() {
            files.insert(name, fs::read(&path).map_err(|error| Refusal::Io(path, error))?);
        } else {
            return Err(Refusal::NotAFolder(path));
        }
    }
    Ok(())
}
