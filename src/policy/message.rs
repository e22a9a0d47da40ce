//! What the Rego engine says, as findings in the policy's file.

use std::ops::Range;
use std::sync::Arc;

use super::rules;
use crate::diagnostic::{Finding, Label, redact};

/// Texts of the policy files by path, as people see them.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts(Vec<(String, Arc<str>)>);

impl Texts {
    /// Adds a file. A secret in it is not shown.
    pub(super) fn add(&mut self, path: &str, text: &str) {
        self.0.push((path.to_owned(), redact(text).into()));
    }

    /// A fault at a byte range of a file.
    pub(super) fn fault(&self, path: &str, range: Range<usize>, message: impl AsRef<str>, help: impl Into<String>) -> Finding {
        let text = self.0.iter().find(|(known, _)| known == path).map_or_else(|| "".into(), |(_, text)| text.clone());
        let range = if text.get(range.clone()).is_some() { range } else { 0..0 };
        Finding {
            rule: &rules::FAULT,
            message: redact(message.as_ref()),
            primary: Label { path: path.to_owned(), text, range, first_line: 1, note: String::new() },
            related: Vec::new(),
            help: vec![help.into()],
        }
    }

    /// What the engine says in `text`: its place, where it names one (otherwise `path` and `range`), and
    /// its words after `opening`.
    pub(super) fn of_engine(&self, text: &str, path: &str, range: Range<usize>, opening: &str, help: &str) -> Finding {
        let words = words(text);
        match self.place(text) {
            Some((path, range)) => self.fault(&path, range, format!("{opening}{words}"), help),
            None => self.fault(path, range, format!("{opening}{words}"), help),
        }
    }

    /// The first place that `text` names, as `--> path:line:column`.
    fn place(&self, text: &str) -> Option<(String, Range<usize>)> {
        let (_, after) = text.split_once("--> ")?;
        let line = after.lines().next()?;
        let (path, content) = self.0.iter().find(|(path, _)| line.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with(':')))?;
        let mut numbers = line.strip_prefix(path.as_str())?.trim_start_matches(':').split(':').map(str::parse::<usize>);
        let (row, column) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let start_of_line = content.split_inclusive('\n').take(row.checked_sub(1)?).map(str::len).sum::<usize>();
        let line = content.get(start_of_line..)?.lines().next().unwrap_or_default();
        let (at, _) = line.char_indices().nth(column.saturating_sub(1)).unwrap_or((line.len(), ' '));
        let rest = line.get(at..).unwrap_or_default();
        let is_of_a_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len());
        let length = if length == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { length };
        Some((path.clone(), start_of_line + at..start_of_line + at + length))
    }
}

/// The reason alone: the engine draws the source line too.
fn words(text: &str) -> String {
    if text.contains("execution exceeded time limit") {
        return "it takes too long".to_owned();
    }
    let reason = text.split_once("\nerror: ").map_or(text, |(_, reason)| reason);
    let first = reason.lines().find(|line| !line.trim().is_empty()).unwrap_or("it fails");
    super::result::cut(first.trim().trim_end_matches(':'))
}
