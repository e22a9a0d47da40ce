//! KDL text as tokens that keep every character but white space.

/// A piece of KDL text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// White space inside a line.
    Space,
    /// End of a line.
    Line,
    /// `// …`, without its line end.
    Comment(&'t str),
    /// `{`
    Open,
    /// `}`
    Close,
    /// `;`
    End,
    /// `\`, which lets a node go on in the next line.
    Continue,
    /// Anything else: names, numbers, strings with their quotes, `/* … */`.
    Word(&'t str),
}

/// The tokens of `text`, which is well-formed KDL.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\r' if rest.starts_with("\r\n") => (Token::Line, 2),
            '\n' | '\r' | '\u{85}' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}' => (Token::Line, first.len_utf8()),
            c if c.is_whitespace() || c == '\u{feff}' => (Token::Space, first.len_utf8()),
            '{' => (Token::Open, 1),
            '}' => (Token::Close, 1),
            ';' => (Token::End, 1),
            '\\' => (Token::Continue, 1),
            '/' if rest.starts_with("//") => {
                let length = rest.find(is_line_end).unwrap_or(rest.len());
                (Token::Comment(rest[..length].trim_end()), length)
            }
            '/' if rest.starts_with("/*") => word(rest, block_comment(rest)),
            '"' => word(rest, string(rest, 0)),
            '#' if opens_raw_string(rest) => word(rest, string(rest, rest.len() - rest.trim_start_matches('#').len())),
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '\\' | '"') || is_line_end(c);
                // A word may begin with a slash of `/-`; a comment ends it.
                let comment = |at: &usize| *at > 0;
                let by_comment = ["//", "/*"].iter().filter_map(|mark| rest.find(mark)).filter(comment).min();
                let length = rest.char_indices().skip(1).find(|(_, c)| ends(*c)).map_or(rest.len(), |(at, _)| at);
                word(rest, by_comment.map_or(length, |at| at.min(length)))
            }
        };
        if !(token == Token::Space && tokens.last() == Some(&Token::Space)) {
            tokens.push(token);
        }
        rest = &rest[length..];
    }
    tokens
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}')
}

fn word(rest: &str, length: usize) -> (Token<'_>, usize) {
    (Token::Word(&rest[..length]), length)
}

fn opens_raw_string(rest: &str) -> bool {
    rest.trim_start_matches('#').starts_with('"')
}

/// Length of the string at the start of `rest`, which has `hashes` before its quote.
fn string(rest: &str, hashes: usize) -> usize {
    let opening = if rest[hashes..].starts_with("\"\"\"") && !rest[hashes..].starts_with("\"\"\"\"") { "\"\"\"" } else { "\"" };
    let closing = format!("{opening}{}", "#".repeat(hashes));
    let mut at = hashes + opening.len();
    // `""` and `#""#` are empty strings, not the start of three quotes.
    while at < rest.len() {
        if rest[at..].starts_with(&closing) {
            return at + closing.len();
        }
        let c = rest[at..].chars().next().map_or(1, char::len_utf8);
        let escaped = hashes == 0 && rest[at..].starts_with('\\');
        at += if escaped { 1 + rest[at + 1..].chars().next().map_or(0, char::len_utf8) } else { c };
    }
    rest.len()
}

/// Length of the block comment at the start of `rest`; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() && depth > 0 {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at.min(rest.len())
}
