//! What apply would lose, shown before it is refused.

use std::time::Duration;

use similar::TextDiff;

use super::output::{Output, plural};
use super::planned::PlannedStack;
use super::{Failure, inputs};
use crate::deliver;
use crate::diagnostic::{printable, redact};
use crate::emit::{FileSet, MANIFEST_FILE, Tree};

/// Most files whose difference is shown for each stack.
const MOST_FILES: usize = 10;
/// Most lines of a difference that are shown.
const MOST_LINES: usize = 60;
/// Most bytes of a file whose difference is computed.
const MOST_BYTES: usize = 512 * 1024;
/// Longest time that one difference may take; what is found by then is shown.
const PATIENCE: Duration = Duration::from_secs(2);

/// Refuses when a stack holds something that somebody else wrote and that writing would lose.
pub(super) fn check(pending: &[&PlannedStack], output: &mut Output) -> Result<(), Failure> {
    let mut refused = 0;
    for stack in pending {
        let nothing = FileSet::default();
        let files = if stack.renamed_from.is_some() { &nothing } else { &stack.files };
        if !has_foreign(&stack.old, files) {
            continue;
        }
        refused += 1;
        let folder = inputs::shown(&stack.old_folder());
        let paths = deliver::in_the_way(&stack.old, files);
        if stack.old.manifest().is_none() {
            let why = if stack.old.files.contains_key(MANIFEST_FILE) { "its llmc.json cannot be read" } else { "it has no llmc.json" };
            output.error(&format!("`{folder}` holds {} that llmc did not write: {why}", plural(stack.old.files.len(), "file")));
        } else {
            output.error(&format!("`{folder}` holds {} that would be lost", plural(paths.len(), "edited or foreign file")));
        }
        for path in paths.iter().take(MOST_FILES) {
            output.note(&difference(&format!("{folder}/{path}"), &stack.old, files, path));
        }
        if paths.len() > MOST_FILES {
            let others: Vec<String> = paths.iter().skip(MOST_FILES).map(|path| printable(path)).collect();
            output.note(&format!("  and {}: {}\n", plural(others.len(), "other"), others.join(", ")));
        }
    }
    if refused == 0 {
        return Ok(());
    }
    Err("nothing is written. Move the change into the spec, discard it with --overwrite, or take the files over as they stand with --adopt"
        .to_owned()
        .into())
}

/// Whether somebody else wrote something in `old` that making it `files` would lose or mix with.
pub(super) fn has_foreign(old: &Tree, files: &FileSet) -> bool {
    let is_foreign = old.manifest().is_none() && !old.files.is_empty() && !files.is_empty();
    is_foreign || !deliver::in_the_way(old, files).is_empty()
}

/// The difference between what is compiled to `path` and what stands there, for people.
fn difference(shown: &str, old: &Tree, files: &FileSet, path: &str) -> String {
    let shown = printable(shown);
    let Some(stands) = old.text(path) else {
        return format!("  {shown}: not UTF-8 text, {} bytes\n", old.files.get(path).map_or(0, Vec::len));
    };
    let compiled = files.get(path).unwrap_or_default();
    if stands.len() > MOST_BYTES || compiled.len() > MOST_BYTES {
        return format!("  {shown}: too large to compare, {} bytes\n", stands.len());
    }
    let (compiled, stands) = (redact(compiled), redact(stands));
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(compiled.as_str(), stands.as_str());
    let header = if files.get(path).is_some() { "compiled" } else { "no longer compiled" };
    let text = diff.unified_diff().context_radius(2).header(header, &shown).to_string();
    let lines: Vec<&str> = text.lines().collect();
    let mut out: String = lines.iter().take(MOST_LINES).map(|line| format!("  {}\n", printable(line))).collect();
    if lines.len() > MOST_LINES {
        out.push_str(&format!("  ... {} more\n", plural(lines.len() - MOST_LINES, "line")));
    }
    out
}
