//! What a tree says about the stack that it was compiled from.

use serde_json::Value;

use crate::emit::{MANIFEST_FILE, Manifest, RECORD_FILE, Tree};
use crate::spec::Spec;

/// Longest record that is read, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The record of a tree.
#[derive(Debug)]
pub(super) enum Record {
    /// There is no compiled tree.
    Absent,
    /// There is a tree, and no record in it that this version can read; why, in words.
    Unreadable(String),
    /// The spec, every default filled in, as types and as the JSON that they came from.
    Read(Box<(Spec, Value)>),
}

impl Record {
    /// The record of `tree`.
    pub(super) fn of(tree: &Tree) -> Self {
        // Files of somebody else are no stack.
        if ![RECORD_FILE, MANIFEST_FILE].iter().any(|file| tree.files.contains_key(*file)) {
            return Self::Absent;
        }
        let Some(content) = tree.files.get(RECORD_FILE) else {
            return Self::Unreadable(format!("it has no `{RECORD_FILE}`"));
        };
        let typed = |value: Value| serde_json::from_value(value.clone()).map(|spec| (spec, value)).map_err(|error| error.to_string());
        match parse(content).and_then(typed) {
            Ok(read) => Self::Read(Box::new(read)),
            Err(why) => Self::Unreadable(format!("its `{RECORD_FILE}` cannot be read: {why}")),
        }
    }

    /// The spec, where it can be read.
    pub(super) fn spec(&self) -> Option<&Spec> {
        match self {
            Self::Read(read) => Some(&read.0),
            _ => None,
        }
    }

    /// The spec as JSON, where it can be read.
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Self::Read(read) => Some(&read.1),
            _ => None,
        }
    }
}

/// The JSON of a record, or why it cannot be read.
pub(super) fn parse(content: &[u8]) -> Result<Value, String> {
    if content.len() > MAX_BYTES {
        return Err(format!("it is larger than {} MiB", MAX_BYTES >> 20));
    }
    serde_json::from_slice(content).map_err(|error| error.to_string())
}

/// The spec that `tree` was compiled from, as JSON; `None` where no record can be read, which its plan says.
pub fn recorded(tree: &Tree) -> Option<Value> {
    tree.files.get(RECORD_FILE).and_then(|content| parse(content).ok()).filter(Value::is_object)
}

/// One side of a comparison.
pub(super) struct Side<'a> {
    /// The files.
    pub(super) tree: &'a Tree,
    /// What was compiled.
    pub(super) record: Record,
    /// The list of files, with the GPUs of each pool.
    pub(super) manifest: Option<Manifest>,
}

impl<'a> Side<'a> {
    /// Reads what `tree` says about itself.
    pub(super) fn of(tree: &'a Tree) -> Self {
        Self { tree, record: Record::of(tree), manifest: tree.manifest() }
    }

    /// The spec, where it can be read.
    pub(super) fn spec(&self) -> Option<&Spec> {
        self.record.spec()
    }

    /// Whether there is anything.
    pub(super) fn is_empty(&self) -> bool {
        self.tree.files.is_empty()
    }
}
