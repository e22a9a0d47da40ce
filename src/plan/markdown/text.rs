//! Text of a user, made inert: in a code span, a fence, or escaped inside `<code>`. GitHub looks
//! for mentions and references after it rendered the Markdown, so a backslash does not stop them;
//! it leaves code alone.

use crate::diagnostic::{printable, redact};

/// Longest run of backticks that stands as it is: parsers give up on long ones.
const LONGEST_RUN: usize = 8;

/// Characters beyond a cut that are searched for secrets.
const SECRET_CHARS: usize = 1_024;

/// `text` on one line, with everything that cannot be seen written as an escape, and without secrets.
pub(super) fn visible(text: &str, most_chars: usize) -> String {
    // A secret is looked for before the cut, which could leave a part of it that looks like none.
    escape(&cut(&redact(&cut(text, most_chars + SECRET_CHARS)), most_chars))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        if is_hidden(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// The first `most_chars` characters, with an ellipsis for the rest.
fn cut(text: &str, most_chars: usize) -> String {
    match text.char_indices().nth(most_chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Characters that take no room, or end a line for some readers.
fn is_hidden(c: char) -> bool {
    let ranges = ['\u{200B}'..='\u{200D}', '\u{2028}'..='\u{2029}', '\u{2060}'..='\u{2064}', '\u{E0000}'..='\u{E007F}'];
    matches!(c, '\u{00AD}' | '\u{FEFF}') || ranges.iter().any(|range| range.contains(&c))
}

/// A code span.
pub(super) fn code(text: &str, most_chars: usize) -> String {
    span(&visible(text, most_chars))
}

/// A code span in a table, where a bar would end the cell, also in code.
pub(super) fn cell(text: &str, most_chars: usize) -> String {
    span(&visible(text, most_chars).replace('|', "\\u{7c}"))
}

fn span(text: &str) -> String {
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let run = longest_run(text);
    if run > LONGEST_RUN {
        return format!("`{}`", text.replace('`', "\\u{60}"));
    }
    let fence = "`".repeat(run + 1);
    let is_padded = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let pad = if is_padded { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text for a `<summary>`, where Markdown is not read.
pub(super) fn html_code(text: &str, most_chars: usize) -> String {
    let text = visible(text, most_chars).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    format!("<code>{text}</code>")
}

/// Folded content; `summary` is made of plain words and of [`html_code`].
pub(super) fn folded(summary: &str, content: &str) -> String {
    format!("<details>\n<summary>{summary}</summary>\n\n{content}\n\n</details>")
}

/// The first `most` of `pieces`, and how many more there are.
pub(super) fn some(pieces: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let more = pieces.len().saturating_sub(most);
    let shown = pieces.take(most).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// A table's row of cells that are safe already.
pub(super) fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Longest line of a fenced block in characters.
const LINE_CHARS: usize = 500;

/// A fenced block; nothing in `text` can close it.
pub(super) fn fence(language: &str, text: &str) -> String {
    let mut body = String::with_capacity(text.len());
    for line in redact(text).lines() {
        let parts: Vec<String> = line.split('\t').map(|part| escape(&cut(part, LINE_CHARS))).collect();
        let line = parts.join("\t");
        body.push_str(&if longest_run(&line) > 64 { line.replace('`', "\\u{60}") } else { line });
        body.push('\n');
    }
    let fence = "`".repeat(longest_run(&body).max(2) + 1);
    format!("{fence}{language}\n{body}{fence}")
}

/// A message of llmc or of a policy: what it puts into backticks, and every word that could be more
/// than a word, becomes code.
pub(super) fn words(message: &str, most_chars: usize) -> String {
    let message = visible(message, most_chars);
    if message.matches('`').count() % 2 == 1 {
        return span(&message);
    }
    let mut pieces: Vec<(bool, String)> = Vec::new();
    for (index, part) in message.split('`').enumerate() {
        if index % 2 == 1 {
            push(&mut pieces, true, part);
            continue;
        }
        for word in part.split_inclusive(' ') {
            let bare = word.trim_end_matches(' ');
            let is_first = pieces.is_empty();
            push(&mut pieces, !bare.is_empty() && !is_plain(bare, is_first), bare);
            push(&mut pieces, false, &word[bare.len()..]);
        }
    }
    let text: String = pieces.iter().map(|(is_code, text)| if *is_code { span(text) } else { text.clone() }).collect();
    if text.trim().is_empty() { "(empty)".to_owned() } else { text.trim().to_owned() }
}

fn push(pieces: &mut Vec<(bool, String)>, is_code: bool, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        // Two code spans that touch would be one with other backticks.
        Some((was_code, last)) if *was_code == is_code => last.push_str(text),
        _ => pieces.push((is_code, text.to_owned())),
    }
}

/// Whether `word` means nothing but itself anywhere on GitHub: no markup, mention, reference, link
/// or commit.
fn is_plain(word: &str, is_first: bool) -> bool {
    let core = word.trim_start_matches(['(', '"', '\'']).trim_end_matches([')', '"', '\'', ',', '.', ';', ':', '%']);
    // After a number.
    if !is_first && word.trim_end_matches([',', '.', ';', ':']) == "%" {
        return true;
    }
    // What follows a code span, such as the colon after a name.
    if core.is_empty() && !is_first && !word.starts_with(['(', '"', '\'', '%']) {
        return true;
    }
    let is_number = core.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    if core.is_empty() || (is_first && (is_number || core.len() < word.len())) {
        return false;
    }
    let is_hash = core.len() >= 7 && core.chars().all(|c| c.is_ascii_hexdigit());
    let parts: Vec<&str> = core.split(['-', '\'']).collect();
    let joined = parts.iter().all(|part| !part.is_empty() && part.chars().all(char::is_alphanumeric));
    // `GH-1` refers to an issue, and a repository may define more such prefixes.
    let is_reference = parts.iter().skip(1).any(|part| part.starts_with(|c: char| c.is_numeric()));
    !is_hash && (is_number || (joined && !is_reference))
}

#[cfg(test)]
mod tests {
    use super::{cell, code, fence, html_code, visible, words};

    #[test]
    fn messages_keep_their_words_and_lose_their_powers() {
        let cases = [
            ("guardrail `mask-pii` removed from route `support`", "guardrail `mask-pii` removed from route `support`"),
            ("costs 12.5% more (was 1,200), as it's said.", "costs 12.5% more (was 1,200), as it's said."),
            ("ask @everyone about #1 and GH-1", "ask `@everyone` about `#1` and `GH-1`"),
            ("see www.example.com or a@b.c", "see `www.example.com` or `a@b.c`"),
            ("commit 6f6073b and deadbeef", "commit `6f6073b` and `deadbeef`"),
            ("`a`@x", "`a@x`"),
            ("prompt `a`: version `b`, `c`.", "prompt `a`: version `b`, `c`."),
            ("`a``b`", "`ab`"),
            ("an odd ` backtick", "``an odd ` backtick``"),
            ("<img onerror> **bold** _it_", "`<img` `onerror>` `**bold**` `_it_`"),
            ("1. a list", "`1.` a list"),
            ("# no heading", "`#` no heading"),
            ("", "(empty)"),
            ("한국어 메시지", "한국어 메시지"),
        ];
        for (message, expected) in cases {
            assert_eq!(words(message, 200), expected);
        }
    }

    #[test]
    fn code_spans_hold_what_they_are_given() {
        let cases = [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("", "(empty)"), (" ", "(empty)"), ("a\nb", "`a\\u{a}b`")];
        for (text, expected) in cases {
            assert_eq!(code(text, 50), expected);
        }
        assert_eq!(code(&"`".repeat(9), 50), format!("`{}`", "\\u{60}".repeat(9)));
        assert_eq!(code("abcdef", 3), "`abc…`");
        assert_eq!(cell("a|b", 50), "`a\\u{7c}b`");
        assert_eq!(html_code("</code>&\"", 50), "<code>&lt;/code&gt;&amp;&quot;</code>");
        assert_eq!(visible("a\u{202E}b\u{200B}c\u{2028}d", 50), "a\\u{202e}b\\u{200b}c\\u{2028}d");
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(fence("diff", "+ a\n- ````\n"), "`````diff\n+ a\n- ````\n`````");
        assert_eq!(fence("", ""), "```\n```");
        assert!(fence("", &"`".repeat(300)).starts_with("```\n\\u{60}"));
    }

    #[test]
    fn secrets_stay_out() {
        let token = format!("hf{}{}", "_", "a1B2".repeat(6));
        for text in [code(&token, 100), words(&token, 100), fence("", &token), html_code(&token, 100)] {
            assert!(!text.contains("a1B2a1B2"), "{text}");
        }
    }
}
