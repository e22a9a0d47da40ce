//! The sizes of a model's weights, read from the files in a folder that anybody may have filled.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::catalog::{ModelFacts, checkpoint, config};

/// Most bytes of an index.
const MOST_INDEX_BYTES: u64 = 64 << 20;
/// Most files of a checkpoint.
const MOST_FILES: usize = 10_000;
/// Most bytes of all headers: some ten times those of the largest published checkpoints.
const MOST_HEADERS_BYTES: u64 = 4 * checkpoint::MOST_HEADER_BYTES;
/// Name of the list of a checkpoint's files.
const INDEX: &str = "model.safetensors.index.json";
/// How a file starts that only stands for one in another storage.
const POINTER: &[u8] = b"version https://git-lfs";

/// What is done about symbolic links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// They are followed: whoever runs the command chose the folder, and caches of weights are made of links.
    Followed,
    /// They are a fault: whoever wrote the spec may not lead outside of its folder.
    Refused,
}

/// What is wrong with a file of weights, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its name in the folder; empty for the folder itself.
    pub file: String,
    /// What is wrong.
    pub why: String,
}

/// Fills the sizes of `facts` from the weights in `folder`: from the headers of all files, else from the index.
///
/// # Errors
/// The first file that cannot be used. Without any file of weights, nothing is wrong.
pub fn measure(folder: &Path, links: Links, facts: &mut ModelFacts) -> Result<(), Fault> {
    let folder = Weights { folder, links };
    let index = match folder.is_file(INDEX)? {
        true => Some(checkpoint::index(&folder.index()?).map_err(|fault| wrong(INDEX, fault))?),
        false => None,
    };
    let names = match &index {
        Some(index) => index.files.clone(),
        None => folder.names()?,
    };
    if names.len() > MOST_FILES {
        return Err(wrong("", format!("has more than {MOST_FILES} files of weights")));
    }
    let mut are_there = !names.is_empty();
    for name in &names {
        are_there = are_there && folder.is_file(name)? && !folder.is_pointer(name)?;
    }
    if !are_there {
        facts.checkpoint_bytes = index.and_then(|index| index.total_bytes).or(facts.checkpoint_bytes);
        return Ok(());
    }
    let (mut tensors, mut bytes, mut left) = (Vec::new(), 0_u64, MOST_HEADERS_BYTES);
    for name in &names {
        let header = folder.header(name, left)?;
        left = left.saturating_sub(header.len() as u64);
        bytes = bytes.saturating_add(fs::metadata(folder.path(name)).map_err(|error| wrong(name, error))?.len());
        tensors.extend(checkpoint::tensors(&header).map_err(|fault| wrong(name, fault))?);
    }
    facts.checkpoint_bytes = Some(bytes);
    if let Some(shape) = &mut facts.shape {
        shape.stored = checkpoint::stored(&tensors, shape.layer_count());
    }
    config::validate(facts).map_err(|fault| wrong("", fault))
}

fn wrong(file: &str, why: impl ToString) -> Fault {
    Fault { file: file.to_owned(), why: why.to_string() }
}

/// A folder of weights.
struct Weights<'a> {
    folder: &'a Path,
    links: Links,
}

impl Weights<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether `name` is a plain file.
    fn is_file(&self, name: &str) -> Result<bool, Fault> {
        let is_link = fs::symlink_metadata(self.path(name)).is_ok_and(|metadata| metadata.is_symlink());
        match self.links {
            Links::Refused if is_link => Err(wrong(name, "it is a symbolic link")),
            // The type is asked before opening, because opening a pipe blocks.
            _ => Ok(self.path(name).is_file()),
        }
    }

    /// Whether `name` only stands for the weights, as a clone without its large files has it.
    fn is_pointer(&self, name: &str) -> Result<bool, Fault> {
        let mut start = Vec::new();
        let read = File::open(self.path(name)).and_then(|file| file.take(POINTER.len() as u64).read_to_end(&mut start));
        read.map(|_| start == POINTER).map_err(|error| wrong(name, error))
    }

    /// Names of the files of weights.
    fn names(&self) -> Result<BTreeSet<String>, Fault> {
        let fail = |error: io::Error| wrong("", format!("cannot be read: {error}"));
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(self.folder).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            names.extend(name.to_str().filter(|name| name.ends_with(".safetensors")).map(str::to_owned));
        }
        Ok(names)
    }

    fn index(&self) -> Result<String, Fault> {
        let mut bytes = Vec::new();
        let read = File::open(self.path(INDEX)).and_then(|file| file.take(MOST_INDEX_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|error| wrong(INDEX, error))?;
        if bytes.len() as u64 > MOST_INDEX_BYTES {
            return Err(wrong(INDEX, format!("it is larger than {} MiB", MOST_INDEX_BYTES >> 20)));
        }
        String::from_utf8(bytes).map_err(|_| wrong(INDEX, "it is not UTF-8"))
    }

    /// The header of a file of weights, where all headers may have `left` more bytes.
    fn header(&self, name: &str, left: u64) -> Result<Vec<u8>, Fault> {
        let mut file = File::open(self.path(name)).map_err(|error| wrong(name, error))?;
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| wrong(name, "the file is too short for a header"))?;
        let length = u64::from_le_bytes(length);
        if length > checkpoint::MOST_HEADER_BYTES {
            let why = format!("the header would have {length} bytes; the format allows {}", checkpoint::MOST_HEADER_BYTES);
            return Err(wrong(name, why));
        }
        if length > left {
            return Err(wrong(name, format!("the headers of all files have more than {MOST_HEADERS_BYTES} bytes")));
        }
        let mut header = Vec::new();
        file.take(length).read_to_end(&mut header).map_err(|error| wrong(name, error))?;
        if header.len() as u64 != length {
            return Err(wrong(name, format!("the file ends inside its header of {length} bytes")));
        }
        Ok(header)
    }
}
