//! Differences of texts and of fields, in a fence.

use similar::TextDiff;

use super::record::{Difference, shown};
use super::text;
use crate::diagnostic::redact;
use crate::plan::FieldChange;

/// Most lines of both sides together that are compared: the time grows with their product.
const MOST_LINES: usize = 20_000;

/// Most bytes of a difference that is shown.
const MOST_BYTES: usize = 12_000;

/// Longest value of a field in characters.
const VALUE_CHARS: usize = 200;

/// The lines that differ, in a fence, or why they are not shown.
pub(super) fn lines(old: &str, new: &str) -> String {
    changed_lines(old, new).map_or_else(|why| why, |diff| text::fence("diff", &diff))
}

/// The lines in which `old` and `new` differ as a unified diff, without secrets.
///
/// # Errors
/// Why they are not shown, as a sentence.
pub fn changed_lines(old: &str, new: &str) -> Result<String, String> {
    // Before the comparison, which may leave out the line by which a secret is known.
    let (old, new) = (redact(old), redact(new));
    if old == new {
        return Err("The text differs only in what is hidden, because it looks like a secret.".to_owned());
    }
    let count = old.lines().count() + new.lines().count();
    if count > MOST_LINES {
        return Err(format!("The text is left out: {count} lines are too many to compare."));
    }
    let diff = TextDiff::from_lines(old.as_str(), new.as_str());
    let diff = diff.unified_diff().context_radius(3).missing_newline_hint(false).to_string();
    if diff.len() > MOST_BYTES {
        return Err(format!("The text is left out: its difference has {} lines.", diff.lines().count()));
    }
    Ok(diff)
}

/// Fields of a block of the spec.
pub(super) fn spec_fields(found: &[Difference]) -> String {
    fields(found.iter().map(|difference| (difference.path.as_str(), difference.old.as_ref(), difference.new.as_ref())))
}

/// Fields of a Kubernetes object.
pub(super) fn object_fields(found: &[FieldChange]) -> String {
    fields(found.iter().map(|change| (change.path.as_str(), change.old.as_ref(), change.new.as_ref())))
}

fn fields<'a>(found: impl Iterator<Item = (&'a str, Option<&'a serde_json::Value>, Option<&'a serde_json::Value>)>) -> String {
    let mut body = String::new();
    let mut skipped = 0;
    for (path, old, new) in found {
        if body.len() > MOST_BYTES {
            skipped += 1;
            continue;
        }
        for (sign, value) in [('-', old), ('+', new)] {
            if let Some(value) = value {
                body.push_str(&format!("{sign} {}: {}\n", text::visible(path, VALUE_CHARS), text::visible(&shown(value), VALUE_CHARS)));
            }
        }
    }
    let fence = text::fence("diff", &body);
    if skipped > 0 { format!("{fence}\n\n{skipped} more fields differ.") } else { fence }
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn texts_are_compared_or_the_reason_is_said() {
        assert_eq!(lines("a\nb\n", "a\nc\n"), "```diff\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n```");
        let token = format!("hf{}{}", "_", "a1B2".repeat(6));
        assert!(lines(&token, &token.to_lowercase()).starts_with("The text differs only in what is hidden"));
        let many = |start: usize| (start..start + 9_900).map(|line| format!("{line}\n")).collect::<String>();
        let started = std::time::Instant::now();
        assert!(lines(&many(0), &many(10_000)).ends_with("its difference has 19801 lines."));
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
        assert!(lines(&many(0).repeat(3), "a").ends_with("are too many to compare."));
    }
}
