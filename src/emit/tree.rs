//! A tree of files that stands somewhere: in a folder, in a commit, on a server.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::manifest::hex;
use super::{FileSet, MANIFEST_FILE, Manifest, sha256};

/// The files of a stack's output folder, wherever they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Content of every file by its path, with `/` between folders.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Tree {
    /// The manifest among the files, or `None` where no compile wrote one that can be read.
    pub fn manifest(&self) -> Option<Manifest> {
        self.files.get(MANIFEST_FILE).and_then(|content| serde_json::from_slice(content).ok())
    }

    /// Paths that an earlier compile wrote, whether or not they still stand.
    pub fn owned(&self) -> BTreeSet<String> {
        let manifest = self.manifest();
        let listed = manifest.iter().flat_map(|manifest| manifest.files.keys().cloned());
        listed.chain(manifest.iter().map(|_| MANIFEST_FILE.to_owned())).collect()
    }

    /// Owned files whose content is neither what was compiled nor what is about to be.
    pub fn edited(&self, next: &FileSet) -> Vec<String> {
        let Some(manifest) = self.manifest() else { return Vec::new() };
        let is_edited = |path: &str, content: &[u8]| {
            let compiled = manifest.files.get(path).is_some_and(|digest| *digest != sha256(content));
            compiled && next.get(path).is_none_or(|text| text.as_bytes() != content)
        };
        self.files.iter().filter(|(path, content)| is_edited(path, content)).map(|(path, _)| path.clone()).collect()
    }

    /// Text of a file, or `None` where it is missing or not UTF-8.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).and_then(|content| std::str::from_utf8(content).ok())
    }

    /// One digest over the path and content of every file.
    pub fn sha256(&self) -> String {
        digest(self.files.iter().map(|(path, content)| (path.as_str(), content.as_slice())))
    }
}

impl From<&FileSet> for Tree {
    fn from(set: &FileSet) -> Self {
        Self { files: set.iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect() }
    }
}

/// One digest over named contents; lengths keep two lists from reading as one.
pub(super) fn digest<'a>(parts: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = Sha256::new();
    for (name, content) in parts {
        for part in [name.as_bytes(), content] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hex(&hasher.finalize())
}
