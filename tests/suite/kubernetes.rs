//! The Kubernetes objects and prompts of whole stacks, held by real judges and by what no schema
//! knows.

mod judged;
mod models;
mod prompts;
mod reachability;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{compile, copy, pin_anew, root, texts, yaml};

/// A compiled stack on disk, gone with the value.
struct Tree {
    _folder: TempDir,
    /// The stack's output folder.
    path: PathBuf,
    /// Text of each file by its path below it.
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Compiles an example stack after replacing texts in it: (file, from, to).
    fn of(stack: &str, edits: &[(&str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("stacks").join(stack);
        copy(&root().join("stacks").join(stack), &source);
        for (file, from, to) in edits {
            let text = std::fs::read_to_string(source.join(file)).expect("a file of the stack");
            assert!(text.contains(from), "`{from}` is not in {file}");
            std::fs::write(source.join(file), text.replace(from, to)).expect("written");
        }
        // These edits are made to versions that were never live.
        if !edits.is_empty() {
            pin_anew(&source.join("stack.kdl"));
        }
        compile(&source, &folder.path().join("out"));
        let path = folder.path().join("out").join(stack);
        let files = texts(&path);
        Self { _folder: folder, path, files }
    }

    fn text(&self, path: &str) -> &str {
        self.files.get(path).unwrap_or_else(|| panic!("{path} is not among {:?}", self.files.keys()))
    }

    fn object(&self, path: &str) -> Value {
        yaml(self.text(path))
    }

    /// Every Kubernetes object by its path.
    fn objects(&self) -> BTreeMap<&str, Value> {
        let is_object = |path: &str| path.ends_with(".yaml") && path != "kustomization.yaml";
        let objects = self.files.iter().filter(|(path, text)| is_object(path) && text.contains("\nkind: "));
        objects.map(|(path, text)| (path.as_str(), yaml(text))).collect()
    }

    /// Names of the models, from their folders.
    fn models(&self) -> Vec<String> {
        let folders = self.files.keys().filter_map(|path| path.strip_prefix("kubernetes/")?.strip_suffix("/deployment.yaml"));
        folders.map(str::to_owned).collect()
    }

    /// Texts of the files below `folder`.
    fn below(&self, folder: &str) -> BTreeMap<&String, &String> {
        self.files.iter().filter(|(path, _)| path.starts_with(folder)).collect()
    }
}

/// The value at a JSON pointer, which must be there.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} of\n{value:#}"))
}

fn number(value: &Value, pointer: &str) -> u64 {
    at(value, pointer).as_u64().unwrap_or_else(|| panic!("no number at {pointer}"))
}
