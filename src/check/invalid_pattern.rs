//! Patterns of guardrails that mean something else than they say.

use std::sync::LazyLock;

use regex::Regex;

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-G002",
    name: "invalid-pattern",
    severity: Severity::Error,
    docs: "A `block-pattern` is no regular expression, uses what Python and Rust do not share, or matches \
           every message.\n\n\
           The guardrails server runs Python's `re`; llmc proves the pattern with Rust's `regex`, whose time \
           grows with the length of the text and not beyond. What both read alike is safe in both. \
           Look-around and back-references can take minutes on a text made for it, which stops the server. \
           A pattern that matches the empty text refuses every message.\n\n\
           ```kdl\nblock-pattern \"project-code\" \"(PRJ-[0-9]{6})?\"   // also matches nothing at all\n```\n\n\
           Correct the pattern: the message says where. `(?i)` at the start ignores case.",
};

/// Forms that Rust reads and Python's `re` does not, or reads as something else.
const ONLY_RUST: [(&str, &str); 8] = [
    (r"\\[pP]", "Unicode classes such as `\\p{L}`: write the characters, such as `[가-힣]`"),
    (r"\\z", "`\\z`: write `$`"),
    (r"\\[<>]", "`\\<` and `\\>`: write `\\b`"),
    (r"\\b\{", "`\\b{…}`: write `\\b`"),
    (r"\\[xuU]\{", "`\\x{…}`: write the character itself"),
    (r"\(\?<[A-Za-z_]", "`(?<name>…)`: write `(?P<name>…)`"),
    (r"\[\[:|\[[^\]]*(?:&&|--|~~|\[)", "sets of sets: write the characters"),
    (r".\(\?[a-zA-Z-]+\)", "a flag in the middle: write it at the start, or `(?i:…)`"),
];

static ONLY_RUST_FORMS: LazyLock<Vec<(Regex, &'static str)>> =
    LazyLock::new(|| ONLY_RUST.iter().filter_map(|(form, help)| Some((Regex::new(form).ok()?, *help))).collect());

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for guardrails in cx.stack.guardrails.values() {
        for (direction, rails) in [("input", &guardrails.input), ("output", &guardrails.output)] {
            for (name, pattern) in &rails.patterns {
                if let Some((message, help)) = fault(pattern) {
                    let at = Route::of(["guardrails", &guardrails.name, direction, "block-pattern", name]);
                    out.push(Diagnostic::at_value(&RULE, at, format!("the pattern `{name}` {message}")).help(help));
                }
            }
        }
    }
}

/// What is wrong with `pattern`, and what works.
fn fault(pattern: &str) -> Option<(String, String)> {
    let regex = match Regex::new(pattern) {
        Ok(regex) => regex,
        Err(error) => {
            let words = error.to_string();
            let last = words.lines().last().unwrap_or_default();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            let help = if reason.contains("look-around") || reason.contains("backreference") {
                "write what it must match instead; several patterns under several names are tried one after the other"
            } else {
                "a character that is meant as itself needs a backslash: `\\(`, `\\[`, `\\.`; in KDL, #\"…\"# keeps backslashes"
            };
            return Some((format!("is no regular expression that Python and Rust share: {reason}"), help.to_owned()));
        }
    };
    let escaped = pattern.replace(r"\\", "··").replace(r"\[", "··").replace(r"\]", "··");
    if let Some((_, help)) = ONLY_RUST_FORMS.iter().find(|(form, _)| form.is_match(&escaped)) {
        return Some(("is not read alike by Python and Rust".to_owned(), format!("Python has no {help}")));
    }
    if ["a", "Z", "1", " ", "가", "\u{E000}"].iter().all(|text| regex.is_match(text)) {
        let help = if regex.is_match("") {
            "make a part of it required: `+` in place of `*`, no `?` around the whole, no empty alternative"
        } else {
            "name the characters that it must find"
        };
        return Some(("matches every message".to_owned(), help.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{ONLY_RUST, ONLY_RUST_FORMS, fault};

    #[test]
    fn only_what_both_languages_read_alike_passes() {
        assert_eq!(ONLY_RUST_FORMS.len(), ONLY_RUST.len(), "a form does not compile");
        for pattern in ["PRJ-[0-9]{6}", "(?i)secret", r"\b\d{6}-[1-4]\d{6}\b", "[가-힣]{2,4}은행", r"a\\p", "^$", "(?:a|b)+", r"[\[\]]", "[^\\x00-\\x7F]"] {
            assert_eq!(fault(pattern), None, "{pattern}");
        }
        let wrong = [
            "(", "a{2,1}", r"(?=a)b", r"(?<!a)b", r"(a)\1", r"\p{Hangul}", r"\Pa", r"a\z", r"\<a", r"\b{start}a", r"\x{AC00}", "(?<n>a)",
            "[[:alpha:]]", "[a-z&&b]", "a(?i)b", "a*", "(a)?", "a|", ".", r"[\s\S]+", "x{0}",
        ];
        for pattern in wrong {
            assert!(fault(pattern).is_some(), "{pattern}");
        }
    }
}
