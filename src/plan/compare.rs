//! Two trees to a plan.

use super::types::{Action, FORMAT_VERSION, FileChange, Plan, StackPlan, Totals};
use crate::emit::{FileSet, Tree, sha256};

/// What a comparison is about.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Name of the stack.
    pub stack: &'a str,
    /// Path of its spec as shown to people; none when the stack is gone.
    pub spec: Option<&'a str>,
    /// Folder of its tree as shown to people.
    pub output: &'a str,
    /// Tree that stands at `output`, or that this one takes the place of; empty where there is none.
    pub old: &'a Tree,
    /// Name of the stack that `old` was compiled from, where it has another name.
    pub renamed_from: Option<&'a str>,
    /// The compiled tree; empty when the stack is gone.
    pub new: &'a FileSet,
}

/// What making `subject.old` equal to `subject.new` changes.
pub fn compare(subject: &Subject<'_>) -> StackPlan {
    let target = Tree::from(subject.new);
    let manifest = target.manifest();
    StackPlan {
        stack: subject.stack.to_owned(),
        spec: subject.spec.map(str::to_owned),
        output: subject.output.to_owned(),
        renamed_from: subject.renamed_from.map(str::to_owned),
        inputs_sha256: manifest.map(|m| m.inputs_sha256).unwrap_or_default(),
        base_sha256: subject.old.sha256(),
        target_sha256: target.sha256(),
        objects: Vec::new(),
        files: files(subject.old, subject.new),
        rollouts: Vec::new(),
        totals: Totals::default(),
        risks: Vec::new(),
    }
}

/// Puts the plans of several stacks together.
pub fn plan(mut stacks: Vec<StackPlan>) -> Plan {
    stacks.sort_by(|a, b| a.stack.cmp(&b.stack));
    // Strings, numbers and lists only: this cannot fail.
    let digest = sha256(serde_json::to_string(&stacks).unwrap_or_default().as_bytes());
    Plan { format_version: FORMAT_VERSION.to_owned(), llmc_version: env!("CARGO_PKG_VERSION").to_owned(), sha256: digest, stacks }
}

fn files(old: &Tree, new: &FileSet) -> Vec<FileChange> {
    let owned = old.owned();
    let edited = old.edited(new);
    let change = |action, path: &str| FileChange {
        action,
        path: path.to_owned(),
        old_sha256: old.files.get(path).map(|content| sha256(content)),
        new_sha256: new.get(path).map(|text| sha256(text.as_bytes())),
        edited: edited.iter().any(|e| e == path) || (old.files.contains_key(path) && !owned.contains(path)),
    };
    let mut changes = Vec::new();
    for (path, text) in new.iter() {
        match old.files.get(path) {
            None => changes.push(change(Action::Create, path)),
            Some(content) if content != text.as_bytes() => changes.push(change(Action::Update, path)),
            Some(_) => {}
        }
    }
    let gone = old.files.keys().filter(|path| owned.contains(*path) && new.get(path).is_none());
    changes.extend(gone.map(|path| change(Action::Delete, path)));
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}
