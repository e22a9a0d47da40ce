//! Findings about rows: the row itself, bounded and escaped; the first of a kind shown, all counted.

use std::collections::BTreeMap;

use crate::diagnostic::{Finding, Label, Rule, printable, redact};

/// Findings of one kind that are shown.
pub(super) const MOST_SHOWN: u64 = 20;
/// Characters of a row that are shown before what is wrong with it, and as many after.
const SHOWN_CHARS: usize = 100;
/// Characters of a name that are shown.
const NAME_CHARS: usize = 60;

/// A row as it stands in the file.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// The line that it starts on, from 1, and its bytes, as many as are known.
    pub(super) line_and_raw: &'a dyn Fn() -> (u64, Vec<u8>),
}

/// What was found in a file.
pub(super) struct Found {
    path: String,
    findings: Vec<Finding>,
    /// Findings by code.
    counts: BTreeMap<&'static str, u64>,
}

impl Found {
    /// Nothing yet, in the file that is shown as `path`.
    pub(super) fn new(path: &str) -> Self {
        Self { path: redact(&printable(path)), findings: Vec::new(), counts: BTreeMap::new() }
    }

    /// Reports `message` about `fault`, a part of `row`. What is put together for people is asked for only
    /// where it is shown, since a file may have millions of wrong rows.
    pub(super) fn add(
        &mut self,
        rule: &'static Rule,
        row: Row<'_>,
        fault: &str,
        message: impl FnOnce() -> (String, String, Option<String>),
    ) {
        let count = self.counts.entry(rule.code).or_default();
        *count += 1;
        if *count > MOST_SHOWN {
            return;
        }
        let (message, note, help) = message();
        let (line, raw) = (row.line_and_raw)();
        let (text, range) = excerpt(&raw, fault);
        let first_line = usize::try_from(line).unwrap_or(usize::MAX);
        let primary = Label { path: self.path.clone(), text: text.into(), range, first_line, note };
        self.findings.push(Finding { rule, message, primary, related: Vec::new(), help: help.into_iter().collect() });
    }

    /// What is shown, with how many more there are of each kind.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        for (code, count) in &self.counts {
            let more = count.saturating_sub(MOST_SHOWN);
            let last = self.findings.iter_mut().rfind(|finding| finding.rule.code == *code);
            if let Some(last) = last.filter(|_| more > 0) {
                last.help.push(format!("{} more of {code} are not shown", crate::diagnostic::thousands(more)));
            }
        }
        self.findings
    }
}

/// A name from outside, bounded and escaped.
pub(in crate::experiment::analysis) fn short(name: &str) -> String {
    let start: String = name.chars().take(NAME_CHARS).collect();
    let end = if start.len() < name.len() { "…" } else { "" };
    printable(&redact(&start)) + end
}

/// What is shown of `raw`, and where `fault` stands in it; all of it where it does not.
fn excerpt(raw: &[u8], fault: &str) -> (String, std::ops::Range<usize>) {
    let text = String::from_utf8_lossy(raw);
    let text = printable(&redact(text.trim_end_matches(['\r', '\n'])));
    let fault = printable(fault);
    let start = if fault.is_empty() { None } else { text.rfind(&fault) };
    let (start, length) = start.map_or((0, text.len()), |start| (start, fault.len()));
    let (before, rest) = text.split_at(start);
    let (fault, after) = rest.split_at(length.min(rest.len()));
    let skipped = before.chars().count().saturating_sub(SHOWN_CHARS);
    let cut = |part: &str| {
        let start: String = part.chars().take(SHOWN_CHARS).collect();
        if start.len() < part.len() { start + "…" } else { start }
    };
    let before: String = before.chars().skip(skipped).collect();
    let before = if skipped > 0 { format!("…{before}") } else { before };
    let fault = cut(fault);
    (format!("{before}{fault}{}", cut(after)), before.len()..before.len() + fault.len())
}

#[cfg(test)]
mod tests {
    use super::{excerpt, short};

    #[test]
    fn a_row_is_shown_bounded_and_escaped() {
        assert_eq!(excerpt(b"u1,control,quality,NaN\r\n", "NaN"), ("u1,control,quality,NaN".into(), 19..22));
        assert_eq!(excerpt(b"u\x1b[31m,x\n", "x"), ("u\\u{1b}[31m,x".into(), 12..13));
        let long = format!("{},é,{}", "a".repeat(5_000), "b".repeat(5_000));
        let (text, range) = excerpt(long.as_bytes(), "é");
        assert_eq!((&text[range], text.chars().count()), ("é", 203));
        let (text, range) = excerpt(&[0xff; 9_000], "");
        assert_eq!((range, text.chars().count()), (0..303, 101));
        assert_eq!(short(&"x".repeat(99)).chars().count(), 61);
        assert!(!short("hf_0123456789abcdefghij0123").contains("0123456789abc"));
    }
}
