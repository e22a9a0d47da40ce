//! The nearest name that is allowed.

/// Words that a Jinja template reads as something else than a variable.
const RESERVED: [&str; 28] = [
    "False",
    "None",
    "True",
    "and",
    "caller",
    "class",
    "def",
    "dict",
    "elif",
    "else",
    "false",
    "for",
    "from",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "loop",
    "namespace",
    "none",
    "not",
    "or",
    "range",
    "return",
    "self",
    "super",
    "true",
];

/// `text` as a DNS label of at most `most` characters; `None` if nothing of it can be kept.
pub(in crate::check) fn as_dns_label(text: &str, most: usize, begins_with_letter: bool) -> Option<String> {
    let mut name = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    if begins_with_letter && name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(0, "s-");
    }
    name.truncate(most);
    let name = name.trim_end_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}

/// `text` as the value of a label.
pub(in crate::check) fn as_label_value(text: &str) -> Option<String> {
    let name: String = text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    let name: String = name.trim_matches(['-', '_', '.']).chars().take(63).collect();
    let name = name.trim_end_matches(['-', '_', '.']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// `text` as the key of a label: everything after the first `/` is the name.
pub(in crate::check) fn as_label_key(text: &str) -> Option<String> {
    let Some((prefix, name)) = text.split_once('/') else { return as_label_value(text) };
    let prefix = prefix.split('.').filter_map(|part| as_dns_label(part, 63, false)).collect::<Vec<_>>().join(".");
    let name = as_label_value(name)?;
    Some(if prefix.is_empty() { name } else { format!("{prefix}/{name}") })
}

/// `text` as a variable of a template.
pub(in crate::check) fn as_identifier(text: &str) -> Option<String> {
    let name: String = text.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = name.trim_matches('_');
    match name.chars().next() {
        None => None,
        Some(first) if first.is_ascii_digit() => Some(format!("v{name}")),
        Some(_) if RESERVED.contains(&name) => Some(format!("{name}_text")),
        Some(_) => Some(name.to_owned()),
    }
}

/// Whether a template can use a variable of that name.
///
/// # Errors
/// The reason why not.
pub(in crate::check) fn is_identifier(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err("may only have letters, digits and `_`, and must begin with a letter".into());
    }
    if RESERVED.contains(&name) { Err("is a word of Jinja's own".into()) } else { Ok(()) }
}

/// Whether a version of a prompt may have that name.
///
/// # Errors
/// The reason why not.
pub(in crate::check) fn is_version_name(name: &str, most: usize) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err("may only have letters, digits, `-`, `_` and `.`, and must begin with a letter or digit".into());
    }
    if name.len() > most { Err(format!("has {} characters, and may have {most}", name.len())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{is_dns_1035_label, is_dns_label, is_label_value, label_key_fault};

    #[test]
    fn what_is_suggested_is_allowed() {
        let texts = ["Llama 3.1 8B", "_a_", "-", "모델", "a".repeat(90).as_str(), "8b", "Team Süd", "a..b", "class", "...", "x-", ""]
            .map(str::to_owned);
        for text in texts {
            for most in [5, 30] {
                let label = as_dns_label(&text, most, false);
                assert!(label.as_deref().is_none_or(|l| is_dns_label(l).is_ok() && l.len() <= most), "{text}: {label:?}");
                let label = as_dns_label(&text, most, true);
                assert!(label.as_deref().is_none_or(|l| is_dns_1035_label(l).is_ok()), "{text}: {label:?}");
            }
            assert!(as_label_value(&text).is_none_or(|v| is_label_value(&v).is_ok()), "{text}");
            assert!(as_label_key(&format!("{text}/{text}/a")).is_none_or(|k| label_key_fault(&k).is_none()), "{text}");
            assert!(as_identifier(&text).is_none_or(|v| is_identifier(&v).is_ok()), "{text}");
        }
        assert_eq!(as_dns_label("Llama 3.1 8B", 30, false).as_deref(), Some("llama-3-1-8b"));
    }
}
