//! The stack's folder as it stands at the base.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::call::{Call, Failure, Method, Operation};
use super::object::{Entry, Listing, blob_oid, from_base64, is_oid, tree_oid};
use super::view::View;
use super::{Connection, Fault, Target};
use crate::emit::{FileSet, MANIFEST_FILE, RECORD_FILE, Tree};

/// Most files in a stack's folder.
const MOST_FILES: usize = 20_000;

/// Longest path of a file in bytes, after Git's own bound; it also bounds how deep its folders lie.
const MOST_PATH: usize = 4096;

/// Most bytes of contents that are fetched.
const MOST_BYTES: usize = 256 << 20;

/// Contents asked for in one GraphQL request.
const BATCH: usize = 100;

/// The largest content of one file: GitHub's own bound for files.
const MOST_BLOB: u64 = 100 << 20;

/// The stack's folder as it stands at the base.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What stands in the folder of what llmc owns or is about to write. Other files of the folder
    /// are not fetched.
    pub tree: Tree,
    /// Everything in the folder.
    pub(super) listing: Listing,
    pub(super) view: View,
}

impl Connection {
    /// Reads the stack's folder at the base. Contents that are those of `files` are not fetched.
    ///
    /// # Errors
    /// When it cannot be read, or there is no such base.
    pub fn standing(&self, target: &Target, files: &FileSet) -> Result<Standing, Fault> {
        target.check()?;
        self.begin();
        self.say(&format!("reading {} of {}", target.folder, target.repository));
        for _ in 0..3 {
            if let Some(standing) = self.read(target, files).map_err(Failure::fault)? {
                return Ok(standing);
            }
        }
        Err(Fault::Racing { branch: target.base.clone().unwrap_or_default(), message: "the base moved while it was read".to_owned() })
    }

    /// None when the base moved between two requests.
    fn read(&self, target: &Target, files: &FileSet) -> Result<Option<Standing>, Failure> {
        let view = self.look(target)?;
        let compiled: Listing = files.iter().map(|(path, text)| (path.to_owned(), Entry::plain(text))).collect();
        let listing = match &view.base_folder {
            // Nothing but these files is there, so the list is known.
            Some(tree) if tree_oid(&compiled).is_ok_and(|oid| oid.as_ref() == Some(tree)) => compiled,
            Some(tree) => self.list(target, tree)?,
            None => Listing::new(),
        };
        let mut tree = Tree::default();
        let mut wanted: BTreeMap<&str, &Entry> = BTreeMap::new();
        for (path, entry) in listing.iter().filter(|(_, entry)| entry.mode != "160000") {
            match files.get(path) {
                Some(text) if entry.oid == blob_oid(text.as_bytes()) => {
                    tree.files.insert(path.clone(), text.as_bytes().to_vec());
                }
                Some(_) => drop(wanted.insert(path, entry)),
                None if path == MANIFEST_FILE || path == RECORD_FILE => drop(wanted.insert(path, entry)),
                None => {}
            }
        }
        let expected = view.base_folder.as_deref();
        if !listing.is_empty() && !self.fetch(target, &view, expected, &wanted, &mut tree)? {
            return Ok(None);
        }
        // Only the manifest says which of the rest are llmc's.
        let owned = tree.owned();
        let rest = |(path, entry): &(&String, &Entry)| owned.contains(*path) && !tree.files.contains_key(*path) && entry.mode != "160000";
        let wanted: BTreeMap<&str, &Entry> = listing.iter().filter(rest).map(|(path, entry)| (path.as_str(), entry)).collect();
        if !wanted.is_empty() {
            self.fetch(target, &view, expected, &wanted, &mut tree)?;
        }
        Ok(Some(Standing { tree, listing, view }))
    }

    /// Every file below a tree.
    pub(super) fn list(&self, target: &Target, tree: &str) -> Result<Listing, Failure> {
        let doing = format!("list {}", target.folder);
        let answer = self.call(&Call {
            doing: &doing,
            what: &format!("the folder {}", target.folder),
            needs: "contents: read",
            repeatable: true,
            method: Method::Get,
            path: self.path(&target.repository, &format!("/git/trees/{tree}?recursive=1")),
            body: Value::Null,
        })?;
        let entries = answer["tree"].as_array().ok_or_else(|| self.senseless(&doing, "it holds no entries"))?;
        if answer["truncated"] == true || entries.len() > MOST_FILES {
            return Err(Fault::TooLarge(format!("{} holds more than {MOST_FILES} files", target.folder)).into());
        }
        let mut listing = Listing::new();
        for entry in entries.iter().filter(|entry| entry["type"] != "tree") {
            let text = |field: &str| entry[field].as_str().map(str::to_owned);
            match (text("path"), text("mode"), text("sha")) {
                (Some(path), Some(mode), Some(oid)) if is_oid(&oid) && path.len() <= MOST_PATH => {
                    drop(listing.insert(path, Entry { mode, oid }))
                }
                _ => return Err(self.senseless(&doing, "an entry lacks its path, mode or name, or its path is too long")),
            }
        }
        Ok(listing)
    }

    /// Fetches contents into `tree`; false when the folder at the base commit is not the `expected`.
    fn fetch(
        &self,
        target: &Target,
        view: &View,
        expected: Option<&str>,
        wanted: &BTreeMap<&str, &Entry>,
        tree: &mut Tree,
    ) -> Result<bool, Failure> {
        // One content may stand at many paths.
        let oids: Vec<&str> = wanted.values().map(|entry| entry.oid.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
        let mut contents: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        let mut bytes = 0;
        if oids.len() > BATCH {
            self.say(&format!("reading {} files of {}", oids.len(), target.folder));
        }
        for batch in oids.chunks(BATCH) {
            let data = self.contents(target, view, batch)?;
            if data["check"]["oid"].as_str() != expected {
                return Ok(false);
            }
            for (index, oid) in batch.iter().enumerate() {
                let blob = &data[format!("b{index}").as_str()];
                if blob["byteSize"].as_u64().is_some_and(|size| size > MOST_BLOB) {
                    return Err(Fault::TooLarge(format!("a file in {} is larger than {} MiB", target.folder, MOST_BLOB >> 20)).into());
                }
                // The name proves the content, so text that was cut or altered is seen.
                let text = blob["text"].as_str().filter(|text| blob_oid(text.as_bytes()) == **oid);
                let content = match text {
                    Some(text) => text.as_bytes().to_vec(),
                    None => self.blob(target, oid)?,
                };
                bytes += content.len();
                if bytes > MOST_BYTES {
                    return Err(Fault::TooLarge(format!("{} holds more than {} MiB", target.folder, MOST_BYTES >> 20)).into());
                }
                contents.insert(oid, content);
            }
        }
        for (path, entry) in wanted {
            if let Some(content) = contents.get(entry.oid.as_str()) {
                tree.files.insert((*path).to_owned(), content.clone());
            }
        }
        Ok(true)
    }

    fn contents(&self, target: &Target, view: &View, oids: &[&str]) -> Result<Value, Failure> {
        let (owner, name) = target.repository.split_once('/').unwrap_or_default();
        let mut text = "query Contents($owner: String!, $name: String!, $folder: String!) {
  repository(owner: $owner, name: $name) {
    check: object(expression: $folder) { oid }
"
        .to_owned();
        for (index, oid) in oids.iter().enumerate() {
            text += &format!("    b{index}: object(oid: \"{oid}\") {{ ... on Blob {{ text byteSize }} }}\n");
        }
        text.push_str("  }\n}");
        let mut data = self.graphql(&Operation {
            doing: &format!("read {}", target.folder),
            what: &format!("the repository {}", target.repository),
            needs: "contents: read",
            repeatable: true,
            name: "Contents",
            text: &text,
            variables: json!({ "owner": owner, "name": name, "folder": format!("{}:{}", view.base_head.commit, target.folder) }),
        })?;
        Ok(data["repository"].take())
    }

    /// A content that GraphQL gives no text for.
    fn blob(&self, target: &Target, oid: &str) -> Result<Vec<u8>, Failure> {
        let doing = format!("read a file of {}", target.folder);
        let answer = self.call(&Call {
            doing: &doing,
            what: &format!("the blob {oid}"),
            needs: "contents: read",
            repeatable: true,
            method: Method::Get,
            path: self.path(&target.repository, &format!("/git/blobs/{oid}")),
            body: Value::Null,
        })?;
        let content = answer["content"].as_str().filter(|_| answer["encoding"] == "base64").and_then(from_base64);
        let content = content.filter(|content| blob_oid(content) == oid);
        content.ok_or_else(|| self.senseless(&doing, "its content is not the one that its name says"))
    }
}

impl Standing {
    /// Name of the base branch.
    pub fn base(&self) -> &str {
        &self.view.base
    }

    /// What the folder holds once `files` are delivered: they replace what llmc owns, and every other
    /// file stays.
    ///
    /// # Errors
    /// Without `overwrite`, when that would discard a change by hand or a file of somebody else's.
    pub(super) fn wanted(&self, files: &FileSet, overwrite: bool) -> Result<Listing, Fault> {
        let owned = self.tree.owned();
        let mut listing = self.listing.clone();
        let oid = |path: &str| files.get(path).map(|text| blob_oid(text.as_bytes()));
        if !overwrite {
            let is_strange = |(path, entry): &(&String, &Entry)| owned.contains(*path) && entry.mode == "160000";
            let mut edited = self.tree.edited(files);
            edited.extend(listing.iter().filter(is_strange).map(|(path, _)| path.clone()));
            if !edited.is_empty() {
                return Err(Fault::Edited(edited));
            }
            let in_the_way = |(path, entry): &(&String, &Entry)| !owned.contains(*path) && oid(path).is_some_and(|oid| oid != entry.oid);
            let foreign: Vec<String> = listing.iter().filter(in_the_way).map(|(path, _)| path.clone()).collect();
            if !foreign.is_empty() {
                return Err(Fault::Foreign(foreign));
            }
            // A folder with other files and no manifest is somebody else's to write to.
            if !listing.is_empty() && !files.is_empty() && self.tree.manifest().is_none() {
                return Err(Fault::Foreign(listing.into_keys().collect()));
            }
        }
        listing.retain(|path, _| !owned.contains(path));
        listing.extend(files.iter().map(|(path, text)| (path.to_owned(), Entry::plain(text))));
        Ok(listing)
    }
}
