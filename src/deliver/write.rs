//! Putting a tree in the place of another in one step.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{Changes, Refusal, in_the_way, read};
use crate::emit::{FileSet, MANIFEST_FILE, Tree, sha256};

/// Begins the name of a folder that a tree is written in before it takes its place.
const STAGING: &str = ".llmc-staging-";
/// Name of the old tree in that folder while no tree stands in its place.
const ASIDE: &str = "old";

/// The right to write below a folder. The system takes it back when the process ends.
#[derive(Debug)]
pub struct Lock(Option<fs::File>);

impl Lock {
    /// The lock of `base`, which is created if need be; `None` while somebody else holds it.
    ///
    /// Whoever holds it owns every staging folder there, so what a killed run left is removed. A
    /// file system without locks does without both: each tree is still written whole.
    ///
    /// # Errors
    /// When the folder cannot be created or opened.
    pub fn try_take(base: &Path) -> Result<Option<Self>, Refusal> {
        let file = open(base)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self::taken(base, file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(_)) => Ok(Some(Self(None))),
        }
    }

    fn take(base: &Path) -> Result<Self, Refusal> {
        let file = open(base)?;
        Ok(if file.lock().is_ok() { Self::taken(base, file) } else { Self(None) })
    }

    fn taken(base: &Path, file: fs::File) -> Self {
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name();
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(STAGING)).filter(|_| is_folder) else { continue };
            // A run that was killed between the two renames of `swap` left no tree at all.
            let folder = rest.rsplit_once('-').map(|(folder, _)| base.join(folder));
            if let Some(folder) = folder.filter(|folder| !folder.exists()) {
                drop(fs::rename(entry.path().join(ASIDE), folder));
            }
            // It is only in the way; the next run tries again.
            drop(fs::remove_dir_all(entry.path()));
        }
        Self(Some(file))
    }

    /// Whether the system keeps others out.
    pub fn is_held(&self) -> bool {
        self.0.is_some()
    }
}

fn open(base: &Path) -> Result<fs::File, Refusal> {
    fs::create_dir_all(base).and_then(|()| fs::File::open(base)).map_err(|error| Refusal::Io(base.to_owned(), error))
}

/// A tree to be written.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// Where.
    pub folder: &'a Path,
    /// What; empty to take away what an earlier compile wrote.
    pub files: &'a FileSet,
    /// The tree that was compared with `files`; another one is not written over.
    pub expected: Option<&'a Tree>,
    /// Whether what somebody else wrote is discarded where it is in the way.
    pub overwrite: bool,
}

/// Compares the tree at `folder` with `files`, without writing.
///
/// # Errors
/// When the folder cannot be read or is not a plain folder.
pub fn compare(folder: &Path, files: &FileSet) -> Result<Changes, Refusal> {
    Ok(Changes::between(&read(folder)?, files))
}

/// Makes the tree at `folder` equal to `files`, after waiting for whoever writes beside it. With
/// `overwrite`, changes by hand are discarded.
///
/// # Errors
/// A [`Refusal`]; the tree that stood is then untouched.
pub fn write(folder: &Path, files: &FileSet, overwrite: bool) -> Result<Changes, Refusal> {
    let lock = Lock::take(parent(folder))?;
    replace(&lock, Write { folder, files, expected: None, overwrite })
}

/// Makes the tree at `write.folder` equal to `write.files`, in one step. Files that no compile wrote
/// stay, with their permissions.
///
/// # Errors
/// A [`Refusal`]; the tree that stood is then untouched.
pub fn replace(_lock: &Lock, write: Write<'_>) -> Result<Changes, Refusal> {
    let Write { folder, files, .. } = write;
    let standing = read(folder)?;
    let changes = Changes::between(&standing, files);
    if changes.is_empty() {
        return Ok(changes);
    }
    if write.expected.is_some_and(|expected| *expected != standing) {
        return Err(Refusal::Moved(folder.to_owned()));
    }
    if !write.overwrite {
        if standing.manifest().is_none() && !standing.files.is_empty() {
            return Err(Refusal::Foreign(folder.to_owned()));
        }
        let in_the_way = in_the_way(&standing, files);
        if !in_the_way.is_empty() {
            return Err(Refusal::Edited(in_the_way));
        }
    }
    let owned = standing.owned();
    let clash = in_the_way(&standing, files);
    let is_kept = |path: &String| files.get(path).is_none() && !owned.contains(path) && !clash.contains(path);
    let kept: Vec<&String> = standing.files.keys().filter(|path| is_kept(path)).collect();
    exchange(folder, &standing, files, &kept)?;
    Ok(changes)
}

/// Takes away what an earlier compile wrote at `folder`, and the folder if nothing else is in it.
///
/// # Errors
/// A [`Refusal`]; the tree that stood is then untouched.
pub fn remove(lock: &Lock, folder: &Path, expected: &Tree, overwrite: bool) -> Result<Changes, Refusal> {
    replace(lock, Write { folder, files: &FileSet::default(), expected: Some(expected), overwrite })
}

/// Takes the files of `folder` that are in the way of `files` into ownership as they stand. Only
/// the manifest is written; it then says that llmc wrote them. Gives their paths.
///
/// # Errors
/// A [`Refusal`]; the tree that stood is then untouched.
pub fn adopt(_lock: &Lock, folder: &Path, expected: &Tree, files: &FileSet) -> Result<Vec<String>, Refusal> {
    let standing = read(folder)?;
    if standing != *expected {
        return Err(Refusal::Moved(folder.to_owned()));
    }
    let mut adopted = in_the_way(&standing, files);
    // A manifest that cannot be read is replaced; nobody wrote anything into it that is shown.
    adopted.retain(|path| path != MANIFEST_FILE);
    let manifest = standing.manifest().or_else(|| Tree::from(files).manifest().map(|m| crate::emit::Manifest { files: [].into(), ..m }));
    let Some(mut manifest) = manifest else { return Ok(Vec::new()) };
    for path in &adopted {
        manifest.files.extend(standing.files.get(path).map(|content| (path.clone(), sha256(content))));
    }
    let mut set = FileSet::default();
    set.insert(MANIFEST_FILE, manifest.to_json());
    let kept: Vec<&String> = standing.files.keys().filter(|path| *path != MANIFEST_FILE).collect();
    exchange(folder, &standing, &set, &kept)?;
    Ok(adopted)
}

/// Puts a folder with `files`, and the files of `standing` at the paths `kept`, where `folder` is.
fn exchange(folder: &Path, standing: &Tree, files: &FileSet, kept: &[&String]) -> Result<(), Refusal> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| Refusal::Io(path, error)
    };
    // The new tree grows beside the old one, on the same file system, and takes its place whole.
    let parent = parent(folder);
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let staging = tempfile::Builder::new().prefix(&format!("{STAGING}{name}-")).tempdir_in(parent);
    // The system's words without the name of the folder, which says nothing.
    let staging = staging.map_err(|error| io::Error::from(error.kind())).map_err(io(parent))?;
    let tree = staging.path().join("tree");
    fs::create_dir(&tree).map_err(io(&tree))?;
    for (path, text) in files.iter() {
        put(&tree, path, text.as_bytes()).map_err(io(&folder.join(path)))?;
    }
    for path in kept {
        keep(folder, &tree, path).map_err(io(&folder.join(path)))?;
    }
    let aside = staging.path().join(ASIDE);
    let gone = staging.path().join("gone");
    let old = if files.is_empty() && kept.is_empty() {
        fs::rename(folder, &gone).map_err(io(folder))?;
        gone
    } else {
        swap(&tree, folder, &aside).map_err(io(folder))?;
        if aside.exists() { aside } else { tree }
    };
    // What was written into the old tree while the new one grew would go with it.
    if old.exists() && read(&old)? != *standing {
        undo(&old, folder).map_err(io(folder))?;
        return Err(Refusal::Moved(folder.to_owned()));
    }
    sync(parent);
    Ok(())
}

/// Puts `tree` where `folder` is, in one step; what stood there is then at `tree` or at `aside`.
fn swap(tree: &Path, folder: &Path, aside: &Path) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(tree, folder);
    }
    match renameat_with(CWD, tree, CWD, folder, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        // A file system without exchange: two renames, the old tree kept beside until the second.
        Err(_) => {
            fs::rename(folder, aside)?;
            fs::rename(tree, folder).inspect_err(|_| drop(fs::rename(aside, folder)))
        }
    }
}

/// Puts the tree that stood back.
fn undo(old: &Path, folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return fs::rename(old, folder);
    }
    swap(old, folder, &old.with_file_name("undone"))
}

fn put(tree: &Path, path: &str, content: &[u8]) -> io::Result<()> {
    let target = tree.join(path);
    create_parent(&target)?;
    let mut file = fs::File::create_new(&target)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()
}

/// Gives the file `path` of `folder` a second name in `tree`, so that all of it stays, its
/// permissions and times too; where the file system has no second names, a copy.
fn keep(folder: &Path, tree: &Path, path: &str) -> io::Result<()> {
    let (from, target) = (folder.join(path), tree.join(path));
    create_parent(&target)?;
    fs::hard_link(&from, &target).or_else(|_| fs::copy(&from, &target).map(drop))
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Asks the system to remember the folder's entries. Not every file system can; the trees are whole
/// either way.
fn sync(folder: &Path) {
    if let Ok(folder) = fs::File::open(folder) {
        drop(folder.sync_all());
    }
}

fn parent(folder: &Path) -> &Path {
    folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
