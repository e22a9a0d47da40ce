//! A document of whole pieces below a limit.

use super::text;

/// Bytes that a document may have where GitHub allows `limit_chars`. GitHub does not say whether it
/// counts characters, UTF-16 units or bytes, or a line end as two; bytes are never fewer than the
/// others, and the margin is for line ends.
pub(super) fn usable(limit_chars: usize) -> usize {
    limit_chars - limit_chars / 32
}

/// Says how much is not shown.
pub(super) fn left_out(count: usize, nouns: &str) -> String {
    format!("_{count} more {nouns} left out: they do not fit. `llmc plan --verbose` shows everything._")
}

/// Room that is kept for [`left_out`] in every section.
const TAIL: usize = 200;

/// A part of a document: an introduction and items, each of which is shown whole or not at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    /// What stands before the items, heading or a table's head among it.
    pub(super) intro: String,
    /// The items.
    pub(super) items: Vec<String>,
    /// What the items are called together.
    pub(super) nouns: &'static str,
    /// What stands between two items.
    pub(super) between: &'static str,
    /// Items that were not even built.
    pub(super) more: usize,
    /// Who gets room first: the lowest.
    pub(super) rank: u8,
}

impl Section {
    /// Text that is shown whole or not at all.
    pub(super) fn text(text: String) -> Self {
        Self { intro: text, ..Self::default() }
    }

    /// A heading with items below it, a line apart.
    pub(super) fn items(heading: &str, items: Vec<String>, nouns: &'static str, rank: u8) -> Self {
        Self { intro: heading.to_owned(), items, nouns, between: "\n\n", more: 0, rank }
    }

    /// A heading with a list below it; items begin with `- `.
    pub(super) fn list(heading: &str, items: Vec<String>, nouns: &'static str, rank: u8) -> Self {
        Self { between: "\n", ..Self::items(heading, items, nouns, rank) }
    }

    /// A table without rows.
    pub(super) fn table(heading: &str, head: &[&str], nouns: &'static str) -> Self {
        let names = text::row(&head.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let line = format!("|{}", " --- |".repeat(head.len()));
        let gap = if heading.is_empty() { "" } else { "\n\n" };
        Self { intro: format!("{heading}{gap}{names}\n{line}"), nouns, between: "\n", ..Self::default() }
    }

    /// The same with at most `most` items; the others are counted.
    pub(super) fn capped(mut self, most: usize) -> Self {
        self.more += self.items.len().saturating_sub(most);
        self.items.truncate(most);
        self
    }

    fn is_table(&self) -> bool {
        self.intro.ends_with(" --- |")
    }

    /// As much of the section as `room` bytes hold; empty where that is nothing.
    fn render(&self, room: usize) -> String {
        let tail = if self.items.is_empty() && self.more == 0 { 0 } else { TAIL };
        if self.intro.len() + tail > room {
            return String::new();
        }
        let mut text = self.intro.clone();
        let mut skipped = self.more;
        for (index, item) in self.items.iter().enumerate() {
            let gap = match (index, self.is_table()) {
                (0, true) => "\n",
                (0, false) if text.is_empty() => "",
                (0, false) => "\n\n",
                _ => self.between,
            };
            if text.len() + gap.len() + item.len() + tail > room {
                skipped += 1;
            } else {
                text.push_str(gap);
                text.push_str(item);
            }
        }
        if skipped > 0 {
            text.push_str("\n\n");
            text.push_str(&left_out(skipped, self.nouns));
        }
        text
    }
}

/// Sections in the order in which they are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Document(Vec<Section>);

impl Document {
    pub(super) fn extend(&mut self, sections: impl IntoIterator<Item = Section>) {
        self.0.extend(sections);
    }

    /// The text, of at most `limit` bytes.
    pub(super) fn render(&self, limit: usize) -> String {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|index| self.0[*index].rank);
        let mut parts = vec![String::new(); self.0.len()];
        let mut left = limit;
        let mut lost = 0;
        for index in order {
            let text = self.0[index].render(left.saturating_sub(2 + TAIL));
            if text.is_empty() {
                lost += 1;
                continue;
            }
            left = left.saturating_sub(text.len() + 2);
            parts[index] = text;
        }
        if lost > 0 {
            let note = left_out(lost, "sections");
            if note.len() + 2 <= left {
                parts.push(note);
            }
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }
}

impl From<Section> for Document {
    fn from(section: Section) -> Self {
        Self(vec![section])
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, Section};

    #[test]
    fn items_are_shown_whole_or_counted() {
        let items: Vec<String> = (0..50).map(|index| format!("item {index} {}", "x".repeat(100))).collect();
        let mut document = Document::from(Section::items("## Items", items, "items", 1));
        document.extend([Section::text("first".into())]);
        for limit in 0..7000 {
            let text = document.render(limit);
            assert!(text.len() <= limit, "{limit}: {}", text.len());
            let shown = text.matches("item ").count();
            assert_eq!(shown, text.matches(&"x".repeat(100)).count(), "{limit}");
            if text.contains("## Items") && shown < 50 {
                assert!(text.contains(&format!("_{} more items left out", 50 - shown)), "{limit}: {text}");
            }
        }
    }
}
