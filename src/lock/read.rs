//! Text to a lock, or to what is wrong with it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use serde_json::Value;

use super::write::END;
use super::{FORMAT, LOCK_FILE, Lock, identity};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity, printable};
use crate::source::{self, Document, Syntax};
use crate::spec;

/// A lock that cannot be read.
pub static UNREADABLE: Rule = Rule {
    code: "LLMC-L003",
    name: "unreadable-lock",
    severity: Severity::Error,
    docs: "`llmc.lock` cannot be read: it holds the conflict markers of a merge, is cut short, is no YAML in \
           UTF-8, has a key twice or a field that the format does not have, is larger than 1 MiB, or was written by a \
           newer llmc.\n\n\
           The lock says what every version of a prompt that was ever live was made of. Without it nothing shows \
           that a version was changed after users had seen it, so nothing is compiled, and llmc never rewrites a \
           lock that it cannot read.\n\n\
           After a merge, keep the blocks of both sides, delete the marker lines and run `llmc prompt pin`, which \
           sorts them. Otherwise restore the file: `git checkout COMMIT -- llmc.lock`.",
};

/// A pin whose hashes contradict it.
pub static EDITED: Rule = Rule {
    code: "LLMC-L004",
    name: "edited-pin",
    severity: Severity::Error,
    docs: "A pin in `llmc.lock` was changed since it was written: a hash that is computed from what stands beside \
           it is another one, or a version that a pin names as its parent is gone.\n\n\
           A pin is the promise that `prompt@version` stays what it was. Editing it would let a changed version \
           pass as the old one.\n\n\
           Restore the block from Git, and give what changed a version of its own.",
};

/// The rules of a lock by itself.
pub static RULES: &[&Rule] = &[&UNREADABLE, &EDITED];

/// Most findings of one file.
const MAX_FINDINGS: usize = 20;

static SCHEMA: LazyLock<Value> = LazyLock::new(spec::schema_for::<Lock>);

/// The lock that `text` holds.
///
/// # Errors
/// Everything that is wrong with it, each in its line of the file.
pub fn read(text: &str) -> Result<Lock, Vec<Diagnostic>> {
    if let Some(fault) = torn(text) {
        return Err(fault);
    }
    let mut found = Vec::new();
    let document = source::read_beside(LOCK_FILE, text, Syntax::Yaml, &SCHEMA, &mut found);
    if !found.is_empty() {
        found.truncate(MAX_FINDINGS);
        return Err(found.into_iter().map(of_the_lock).collect());
    }
    let Some(document) = document.filter(|document| document.value.is_object()) else {
        return Err(vec![unreadable(0..0, "it holds no pins").help(RESTORE)]);
    };
    let lock = source::typed::<Lock>(&document.value)
        .map_err(|(route, message)| vec![unreadable(range_of(&document, &route), &message).help(RESTORE)])?;
    let faults = edited(&lock, &document);
    if faults.is_empty() { Ok(lock) } else { Err(faults) }
}

const RESTORE: &str = "restore it from Git: `git checkout COMMIT -- llmc.lock`";

fn unreadable(range: Range<usize>, why: &str) -> Diagnostic {
    let place = Place::Text { file: LOCK_FILE.to_owned(), range };
    Diagnostic::new(&UNREADABLE, place, format!("`{LOCK_FILE}` cannot be read: {why}"))
}

/// A fault of the file itself, such as one that is no UTF-8, as one of the lock.
pub fn unreadable_file(found: Diagnostic) -> Diagnostic {
    let message = format!("`{LOCK_FILE}` cannot be read: {}", found.message);
    Diagnostic { rule: &UNREADABLE, message, help: Vec::new(), ..found }.help(RESTORE)
}

/// What shows before the text is read as YAML.
fn torn(text: &str) -> Option<Vec<Diagnostic>> {
    let mut start = 0;
    let lines: Vec<(usize, &str)> = text
        .split_inclusive('\n')
        .map(|line| {
            start += line.len();
            (start - line.len(), line.trim_end_matches(['\n', '\r']))
        })
        .collect();
    let begins = |markers: &[&str]| -> Vec<&(usize, &str)> {
        lines.iter().filter(|(_, line)| markers.iter().any(|marker| line.starts_with(marker)) && !line.starts_with("========")).collect()
    };
    // A conflict is said once, where it begins; a marker without its beginning is said too.
    let conflicts = Some(begins(&["<<<<<<< "])).filter(|found| !found.is_empty());
    let conflicts = conflicts.unwrap_or_else(|| begins(&["=======", ">>>>>>> ", "||||||| "]));
    if !conflicts.is_empty() {
        let finding = |(at, line): &&(usize, &str)| {
            let finding = unreadable(*at..at + line.len(), "a merge left a conflict here").label("a marker of the conflict");
            finding.help("keep the blocks of both sides, delete the marker lines and run `llmc prompt pin`, which sorts them")
        };
        return Some(conflicts.iter().take(MAX_FINDINGS).map(finding).collect());
    }
    let written = lines.iter().find_map(|(at, line)| Some((*at, *line, line.strip_prefix("format:")?.trim())));
    if let Some((at, line, number)) = written
        && number != FORMAT.to_string()
        && !number.is_empty()
        && number.bytes().all(|digit| digit.is_ascii_digit())
    {
        let finding = unreadable(at..at + line.len(), &format!("it has version {number} of the format, and this llmc knows {FORMAT}"));
        return Some(vec![
            finding.label("not known").help("use the llmc that wrote it, or a newer one; then compile with that everywhere"),
        ]);
    }
    let last = lines.iter().rev().find(|(_, line)| !line.trim().is_empty());
    match last {
        None => Some(vec![unreadable(0..0, "it is empty").help(RESTORE)]),
        Some((_, line)) if *line == END => None,
        Some((at, line)) => {
            let finding = unreadable(*at..at + line.len(), &format!("it is cut short: its last line must be `{END}`"));
            Some(vec![finding.label("the last line").help(format!("{RESTORE}; if nothing is missing, write the line again"))])
        }
    }
}

/// A finding of the syntax or the schema, as one of the lock.
fn of_the_lock(found: Diagnostic) -> Diagnostic {
    let message = found.message.replace("the spec", "the file");
    let finding = Diagnostic { rule: &UNREADABLE, message: format!("`{LOCK_FILE}` cannot be read: {message}"), ..found };
    let is_twice = std::ptr::eq(found.rule, &source::rules::DUPLICATE);
    let help =
        if is_twice { "keep the block of the branch that was deployed first; the other one needs a name of its own" } else { RESTORE };
    Diagnostic { help: Vec::new(), ..finding }.help(help)
}

/// Pins whose hashes are not those of what stands beside them.
fn edited(lock: &Lock, document: &Document) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (prompt, pins) in &lock.prompts {
        for (version, pin) in pins {
            let at = Route::of(["prompts", prompt, version]);
            let name = printable(&format!("{prompt}@{version}"));
            let mut add = |route: &Route, message: String, label: &str| {
                let place = Place::Text { file: LOCK_FILE.to_owned(), range: range_of(document, route) };
                let finding = Diagnostic::new(&EDITED, place, message).label(label);
                found.push(finding.help(format!("{RESTORE}; what changed needs a version of its own")));
            };
            let wrong: BTreeSet<&String> = pin
                .routes
                .iter()
                .filter(|(_, on_route)| identity::version(pin, on_route) != on_route.sha256)
                .map(|(name, _)| name)
                .collect();
            if !wrong.is_empty() {
                for route in wrong {
                    let message = format!("the pin of `{name}` was edited: the hash on the route `{}` is not its own", printable(route));
                    add(&at.key("routes").key(route).key("sha256"), message, "what stands beside it has another hash");
                }
            } else if identity::seal(prompt, version, pin) != pin.seal {
                let message = format!("the pin of `{name}` was edited: its seal is that of another block");
                add(&at.key("seal"), message, "does not fit what stands above it");
            }
            if let Some(parent) = pin.parent.as_ref().filter(|parent| !pins.contains_key(*parent)) {
                let message =
                    format!("the pin of `{}` is gone, which `{name}` names as its parent", printable(&format!("{prompt}@{parent}")));
                add(&at.key("parent"), message, "is not pinned");
            }
        }
    }
    found.truncate(MAX_FINDINGS);
    found
}

/// Where `keys`, or as many of them as are written, stand in the text of a lock that was read.
pub fn key_range(text: &str, keys: &[&str]) -> Range<usize> {
    let document = source::read_beside(LOCK_FILE, text, Syntax::Yaml, &SCHEMA, &mut Vec::new()).unwrap_or_default();
    let mut route = Route::root();
    for key in keys {
        route = route.key(key);
    }
    key_of(&document, Some(route))
}

/// The value at `route`, or the nearest key above that was written.
fn range_of(document: &Document, route: &Route) -> Range<usize> {
    match document.spans.get(route) {
        Some(spans) => spans.value.clone(),
        None => key_of(document, route.parent()),
    }
}

/// The key of `route`, or of what was written nearest above it.
fn key_of(document: &Document, mut route: Option<Route>) -> Range<usize> {
    while let Some(at) = route {
        if let Some(spans) = document.spans.get(&at) {
            return spans.key.clone();
        }
        route = at.parent();
    }
    0..0
}
