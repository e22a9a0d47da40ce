//! The policy files of a repository, read without trusting them.

use std::fs;
use std::path::Path;

use super::rules;
use crate::diagnostic::{Finding, Label, Place, redact};
use crate::source;

/// Most policy files of one repository.
const MOST_FILES: usize = 500;
/// Most folders below one another.
const MOST_FOLDERS: usize = 16;

/// A policy file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path as shown to people.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl File {
    /// Whether it holds tests: its name ends in `_test.rego`.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("_test.rego")
    }
}

/// Reads every `*.rego` below `folder`, shown as `shown`, sorted by path; a folder that does not
/// exist has none. What cannot be read is a finding.
pub fn read(folder: &Path, shown: &str) -> (Vec<File>, Vec<Finding>) {
    let mut files = Vec::new();
    let mut faults = Vec::new();
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => faults.push(fault(shown, format!("cannot read `{shown}`: {error}"), "make it readable")),
        Ok(metadata) if metadata.is_symlink() => faults.push(link(shown)),
        Ok(_) => walk(folder, shown, 0, &mut files, &mut faults),
    }
    (files, faults)
}

/// Reads the policy file at `path`, shown as `shown`: the file, or what is wrong with it.
pub fn read_file(path: &Path, shown: &str) -> (Vec<File>, Vec<Finding>) {
    match source::read_spec_file(path) {
        Ok(text) => (vec![File { path: shown.to_owned(), text }], Vec::new()),
        Err(refused) => {
            let (diagnostic, text) = *refused;
            let range = if let Place::Text { range, .. } = diagnostic.primary.0 { range } else { 0..0 };
            let primary = Label { path: shown.to_owned(), text: redact(&text).into(), range, first_line: 1, note: diagnostic.primary.1 };
            let message = redact(&diagnostic.message);
            (Vec::new(), vec![Finding { rule: diagnostic.rule, message, primary, related: Vec::new(), help: diagnostic.help }])
        }
    }
}

fn walk(folder: &Path, shown: &str, depth: usize, files: &mut Vec<File>, faults: &mut Vec<Finding>) {
    if depth > MOST_FOLDERS {
        faults.push(fault(shown, format!("`{shown}` is more than {MOST_FOLDERS} folders deep"), "move its policies up"));
        return;
    }
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => return faults.push(fault(shown, format!("cannot read `{shown}`: {error}"), "make it readable")),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let shown = format!("{shown}/{}", name.to_string_lossy());
        let is_policy = Path::new(&name).extension().is_some_and(|extension| extension == "rego");
        match fs::symlink_metadata(&path) {
            // A link to a folder could hold policies that a reviewer never sees.
            Ok(metadata) if metadata.is_symlink() && (is_policy || path.is_dir()) => faults.push(link(&shown)),
            Ok(metadata) if metadata.is_dir() => walk(&path, &shown, depth + 1, files, faults),
            Ok(_) if !is_policy => {}
            _ if files.len() >= MOST_FILES => {
                return faults.push(fault(
                    &shown,
                    format!("there are more than {MOST_FILES} policy files"),
                    "put several rules into one file",
                ));
            }
            _ => {
                let (file, fault) = read_file(&path, &shown);
                files.extend(file);
                faults.extend(fault);
            }
        }
    }
}

fn link(shown: &str) -> Finding {
    fault(shown, format!("`{shown}` is a symbolic link"), "put the file itself into `policies/`")
}

fn fault(path: &str, message: String, help: &str) -> Finding {
    let primary = Label { path: path.to_owned(), text: "".into(), range: 0..0, first_line: 1, note: String::new() };
    Finding { rule: &rules::FAULT, message, primary, related: Vec::new(), help: vec![help.to_owned()] }
}
