//! Values that look like secrets, kept out of every output.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Forms of secrets with a fixed beginning, after the documentation of those who give them out:
/// model hub tokens, OpenAI-style keys, GitHub, GitLab, AWS, Slack and Google keys, JSON Web
/// Tokens, and private keys.
const FORMS: &[(&str, &str)] = &[
    ("a model hub token", r"\bhf_[A-Za-z0-9]{16,}"),
    ("an API key", r"\bsk-[A-Za-z0-9_-]{16,}"),
    ("an NVIDIA API key", r"\bnvapi-[A-Za-z0-9_-]{16,}"),
    // An installation's token is `ghs_<App's number>_<JSON Web Token>` since April 2026, and was 36 characters before.
    (
        "a GitHub token",
        r"\b(?:ghs_[A-Za-z0-9]+_eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,2}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    ),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{16,}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{30,}"),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
    ("a private key", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)"),
];

/// Forms whose secret is a part of the match: a header, a password by name, one in an address.
const NAMED: &[(&str, &str)] = &[
    ("a bearer token", r"\b[Bb]earer\s+([A-Za-z0-9._~+/=-]{16,})"),
    ("a password", r#"\b(?i-u:password|passwd|pwd)\s*=\s*["']?([^\s"'{}<>$*,;)]{4,})"#),
    (
        "a key",
        r#"(?:\b|-|_)(?i-u:api[-_]?key|secret[-_]?key|access[-_]?key|auth[-_]?token|access[-_]?token|hf[-_]token)\s*=\s*["']?([^\s"'{}<>$*,;)]{4,})"#,
    ),
    ("a key", r#"--(?i-u:api[-_]key|hf[-_]token|token|password)\s+["']?([^\s"'{}<>$*,;)]{4,})"#),
    ("a password", r"\b[a-z][a-z0-9+.-]*://[^\s/:@{}<>$*]+:([^\s/@{}<>$*]{3,})@"),
];

static PATTERNS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    // A pattern that does not compile would be lost here; the tests prove that each finds its own.
    let compile = |(what, pattern): &(&'static str, &str)| Some((*what, Regex::new(pattern).ok()?));
    FORMS.iter().chain(NAMED).filter_map(compile).collect()
});

/// What looks like a secret in `text`, also behind escapes of single characters: what kind, and
/// where, sorted by place.
pub fn find_secrets(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let mut found = scan(text);
    if text.contains("\\u") || text.contains("\\x") {
        let (plain, offsets) = unescape(text);
        let original = |at: usize| offsets.get(at).copied().unwrap_or(text.len());
        found.extend(scan(&plain).into_iter().map(|(what, range)| (what, original(range.start)..original(range.end))));
    }
    found.sort_by_key(|(_, range)| (range.start, std::cmp::Reverse(range.end)));
    // A token after `password=` is one secret.
    let mut end = 0;
    found.retain(|(_, range)| {
        let is_new = range.start >= end;
        end = end.max(range.end);
        is_new
    });
    found
}

fn scan(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let of_pattern = |(what, pattern): &(&'static str, Regex)| {
        let secret = |captures: regex::Captures<'_>| captures.get(1).or_else(|| captures.get(0)).map(|m| m.range());
        pattern.captures_iter(text).filter_map(secret).map(|range| (*what, range)).collect::<Vec<_>>()
    };
    PATTERNS.iter().flat_map(of_pattern).collect()
}

/// `text` with `\u{5F}`, `\u005F` and `\x5F` read, and the offset in `text` of each of its bytes.
fn unescape(text: &str) -> (String, Vec<usize>) {
    let (mut plain, mut offsets) = (String::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let (read, length) = escape(&text[at..]).unwrap_or((c, c.len_utf8()));
        plain.push(read);
        offsets.extend(std::iter::repeat_n(at, read.len_utf8()));
        at += length;
    }
    offsets.push(at);
    (plain, offsets)
}

/// The character that an escape at the start of `text` means, and the escape's length.
fn escape(text: &str) -> Option<(char, usize)> {
    let digits = |digits: &str, length: usize| Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, length));
    let rest = text.strip_prefix('\\')?;
    if let Some(braced) = rest.strip_prefix("u{") {
        let end = braced.find('}').filter(|end| *end <= 6)?;
        return digits(&braced[..end], end + 4);
    }
    [("u", 4), ("x", 2)].iter().find_map(|(letter, count)| digits(rest.strip_prefix(letter)?.get(..*count)?, count + 2))
}

/// `text` without its secrets: each of their characters becomes another of the same width in
/// UTF-8, so that every offset, line and column stays.
pub fn redact(text: &str) -> String {
    let ranges: Vec<Range<usize>> = find_secrets(text).into_iter().map(|(_, range)| range).collect();
    redact_ranges(text, &ranges)
}

/// `text` with everything in `ranges` replaced, as [`redact`] does.
pub fn redact_ranges(text: &str, ranges: &[Range<usize>]) -> String {
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| range.start);
    let mut ahead = ranges.into_iter().peekable();
    // One pass over both: a text may have as many secrets as lines.
    let mut hidden_until = 0;
    text.char_indices()
        .map(|(at, c)| {
            while let Some(range) = ahead.next_if(|range| range.start <= at) {
                hidden_until = hidden_until.max(range.end);
            }
            match c.len_utf8() {
                _ if c == '\n' || c == '\r' || at >= hidden_until => c,
                1 => '*',
                2 => '\u{A4}',
                3 => '\u{2022}',
                _ => '\u{1F512}',
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{FORMS, NAMED, PATTERNS, find_secrets, redact};

    /// Each is made of parts, so that no scanner takes this file for a leak.
    fn secrets() -> Vec<(&'static str, String, String)> {
        let case = |what, before: &str, secret: String| (what, before.to_owned(), secret);
        vec![
            case("a model hub token", "", format!("hf{}{}", "_", "a1B2".repeat(6))),
            case("an API key", "", format!("sk{}{}", "-", "proj-a1B2c3D4e5F6g7H8")),
            case("an NVIDIA API key", "", format!("nvapi{}{}", "-", "a1B2c3D4e5F6g7H8")),
            case("a GitHub token", "", format!("ghp{}{}", "_", "a1B2".repeat(9))),
            case("a GitHub token", "", format!("github{}{}", "_pat_", "a1B2".repeat(9))),
            case("a GitHub token", "", format!("ghs{}{}", "_", "a1B2".repeat(9))),
            case(
                "a GitHub token",
                "",
                format!("ghs{}eyJ{}.eyJ{}.{}", "_1234567_", "hbGciOiJSUzI1NiJ9", "pc3MiOiIxMjM0In0", "c2ln_bmF0-dXJl"),
            ),
            case("a GitLab token", "", format!("glpat{}{}", "-", "a1B2".repeat(5))),
            case("an AWS access key", "", format!("AKIA{}", "IOSFODNN7EXAMPLE")),
            case("a Google API key", "", format!("AIza{}", "a1B2c".repeat(7))),
            case("a Slack token", "", format!("xoxb{}", "-123456789012-abc")),
            case("a JSON Web Token", "", format!("eyJ{}.eyJ{}.{}", "hbGciOiJIUzI1NiJ9", "zdWIiOiIxMjM0In0", "c2lnbmF0dXJl")),
            case("a private key", "", format!("-----BEGIN RSA {0} KEY-----\nMIIE\nAAAA\n-----END RSA {0} KEY-----", "PRIVATE")),
            case("a bearer token", "Authorization: Bearer ", "a1B2c3D4e5F6g7H8".into()),
            case("a password", "password=", "hunter22".into()),
            case("a password", "Password = ", "비밀번호".into()),
            case("a key", "--api-key=", "abcd1234".into()),
            case("a key", "--hf_token=", "abcd1234".into()),
            case("a key", "--api-key ", "abcd1234".into()),
            case("a password", "postgres://app:", "hunter22".into()),
        ]
    }

    #[test]
    fn each_form_is_found_and_nothing_of_it_is_left() {
        assert_eq!(PATTERNS.len(), FORMS.len() + NAMED.len(), "a pattern does not compile");
        for (what, before, secret) in secrets() {
            let text = format!("앞 {before}{secret}@host\nnext");
            let text = if before.starts_with("postgres") { text } else { text.replace("@host", " after") };
            assert_eq!(
                find_secrets(&text).first().map(|(found, range)| (*found, &text[range.clone()])),
                Some((what, secret.as_str())),
                "{text}"
            );
            let redacted = redact(&text);
            assert!(secret.lines().all(|line| !redacted.contains(line)), "{redacted}");
            assert_eq!((redacted.len(), redacted.chars().count()), (text.len(), text.chars().count()), "offsets and columns stay");
            assert_eq!(redacted.lines().count(), text.lines().count());
            assert!(redacted.starts_with("앞") && redacted.ends_with("next"));
        }
    }

    #[test]
    fn escapes_hide_nothing() {
        for (_, before, secret) in secrets() {
            let first = secret.chars().next().expect("a character");
            let after = if before.contains("://") { "@host" } else { "" };
            for escaped in [format!("\\u{{{:X}}}", u32::from(first)), format!("\\u{:04x}", u32::from(first))] {
                let text = format!("가 {before}{escaped}{}{after} 나", &secret[first.len_utf8()..]);
                let found = find_secrets(&text);
                let [(_, range)] = found.as_slice() else { panic!("{text}: {found:?}") };
                assert!(text[..range.start].ends_with(&format!("가 {before}")) && text[range.start..].starts_with('\\'), "{text}");
                assert!(!redact(&text).contains(&secret[first.len_utf8()..]), "{text}");
            }
        }
    }

    #[test]
    fn plain_words_are_no_secrets() {
        let plain = [
            "token-secret \"hf-secret\" key=\"token\"",
            "hf-token",
            "the prefixes ghs_ and ghp_ of tokens, ghs_12_x.y",
            "a mask-based task-oriented risk-averse-classification-model",
            "Never reveal a password, a bearer token or an API key.",
            "password={{ password }}",
            "revision=\"6f6073b423013f6a7d4d9f39144961bfbfbc386b\"",
            "http://prometheus-operated.monitoring.svc:9090",
            "image \"registry.example.com:5000/vllm@sha256:0f1e\"",
        ];
        for text in plain {
            assert_eq!(find_secrets(text), Vec::new(), "{text}");
        }
    }
}
