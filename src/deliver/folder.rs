//! The tree that stands in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Refusal;
use crate::emit::{MANIFEST_FILE, Tree};

/// Most files of a tree that is read.
pub(super) const MAX_FILES: usize = 100_000;
/// Most bytes of a tree that is read.
pub(super) const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Folders in `base` that a compile wrote, sorted.
pub fn compiled_stacks(base: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(base).into_iter().flatten();
    let mut folders: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|f| f.join(MANIFEST_FILE).is_file()).collect();
    folders.sort();
    folders
}

/// Reads the tree that stands at `folder`; an empty one where there is none.
///
/// # Errors
/// When it cannot be read, is not a plain folder or is larger than any compile writes.
pub fn read(folder: &Path) -> Result<Tree, Refusal> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tree::default()),
        Err(error) => return Err(Refusal::Io(folder.to_owned(), error)),
        Ok(metadata) if !metadata.is_dir() => return Err(Refusal::NotAFolder(folder.to_owned())),
        Ok(_) => {}
    }
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    let mut open = vec![(folder.to_owned(), String::new())];
    // A list instead of recursion: folders may lie in each other as deep as the system allows.
    while let Some((next, prefix)) = open.pop() {
        let io = |error| Refusal::Io(next.clone(), error);
        for entry in fs::read_dir(&next).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else { return Err(Refusal::Name(path)) };
            let kind = entry.file_type().map_err(io)?;
            if kind.is_dir() {
                open.push((path, name + "/"));
            } else if kind.is_file() {
                let mut content = Vec::new();
                let left = MAX_BYTES - bytes;
                let file = fs::File::open(&path).and_then(|file| file.take(left + 1).read_to_end(&mut content));
                bytes += file.map_err(|error| Refusal::Io(path, error))? as u64;
                files.insert(name, content);
                if bytes > MAX_BYTES || files.len() > MAX_FILES {
                    return Err(Refusal::TooLarge(folder.to_owned()));
                }
            } else {
                return Err(Refusal::NotAFolder(path));
            }
        }
    }
    Ok(Tree { files })
}
