//! Changes in a few words.

use rust_decimal::Decimal;
use serde_json::Value;

use super::types::{Copies, FieldChange};
use crate::cost::money;
use crate::pricing::{Amounts, BLOCK, Cause, Together};

/// Longest value within a sentence, in characters.
const LONGEST_VALUE: usize = 60;
/// Characters that are shown before the difference of two long values.
const SAME_BEFORE: usize = 20;
/// Beginnings of a path that say nothing which the rest does not.
const OBVIOUS: [&str; 4] = ["spec.template.spec.", "spec.template.", "spec.", "metadata."];

/// A field with its old and new value on one line, such as `args[--max-model-len] 8192 → 16384`.
pub(super) fn change(field: &FieldChange) -> String {
    let path = path(&field.path);
    match (&field.old, &field.new) {
        (Some(old), Some(new)) => {
            let (old, new) = both(old, new);
            format!("{path} {old} → {new}")
        }
        (None, Some(new)) => format!("+{path} {}", value(new)),
        (Some(old), None) => format!("-{path} {}", value(old)),
        (None, None) => path,
    }
}

/// A path without what goes without saying: the pod's template and its first container.
pub(super) fn path(path: &str) -> String {
    let rest = OBVIOUS.iter().find_map(|obvious| path.strip_prefix(obvious)).unwrap_or(path);
    match rest.strip_prefix("containers[").and_then(|rest| rest.split_once("].")) {
        Some((_, rest)) => rest.to_owned(),
        None => rest.to_owned(),
    }
}

/// A value on one line.
pub(super) fn value(value: &Value) -> String {
    cut(&line(value))
}

/// Two values on one line each; where both begin alike, from shortly before the difference.
fn both(old: &Value, new: &Value) -> (String, String) {
    let (old, new) = (line(old), line(new));
    let same = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
    let is_long = |text: &str| text.chars().count() > LONGEST_VALUE;
    let skip = same.saturating_sub(SAME_BEFORE);
    if skip == 0 || !(is_long(&old) || is_long(&new)) {
        return (cut(&old), cut(&new));
    }
    let from = |text: &str| cut(&std::iter::once('…').chain(text.chars().skip(skip)).collect::<String>());
    (from(&old), from(&new))
}

fn line(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ⏎ "),
        other => other.to_string(),
    };
    if text.is_empty() { "\"\"".into() } else { text }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST_VALUE {
        return text.to_owned();
    }
    text.chars().take(LONGEST_VALUE - 1).chain(['…']).collect()
}

/// How telling a field is: the smaller, the sooner it is shown.
pub(super) fn rank(path: &str) -> usize {
    let noise = ["metadata.labels", "metadata.annotations", "topologySpread", "progressDeadline", ".topologySpreadConstraints", "ports"];
    let telling = ["image", "args", "resources", "replicas", "ReplicaCount", "storage", "data", "strategy", "Probe"];
    if noise.iter().any(|word| path.contains(word)) {
        return telling.len() + 1;
    }
    telling.iter().position(|word| path.contains(word)).unwrap_or(telling.len())
}

/// The fields, most telling first.
pub(super) fn telling(fields: &[FieldChange]) -> Vec<&FieldChange> {
    let mut fields: Vec<&FieldChange> = fields.iter().collect();
    fields.sort_by(|a, b| rank(&a.path).cmp(&rank(&b.path)).then_with(|| a.path.cmp(&b.path)));
    fields
}

/// `2` or `2 to 3`.
pub(super) fn copies(copies: Copies) -> String {
    if copies.min == copies.max { copies.min.to_string() } else { format!("{} to {}", copies.min, copies.max) }
}

/// `1 pod`, `2 pods`.
pub(super) fn count<N: std::fmt::Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// A line that causes an amount, such as `/model/llama-70b/replicas/max 3 → 4`.
pub(super) fn cause(cause: &Cause) -> String {
    let route = &cause.route;
    match (&cause.old, &cause.new) {
        (Some(old), Some(new)) => format!("{route} {old} → {new}"),
        (None, Some(new)) if new == BLOCK => format!("{route} is new"),
        (Some(old), None) if old == BLOCK => format!("{route} is gone"),
        (None, Some(new)) => format!("{route} {new} is new"),
        (Some(old), None) => format!("{route} {old} is gone"),
        (None, None) => route.clone(),
    }
}

/// Lines that cause an amount together.
pub(super) fn together(together: &Together) -> String {
    let more = if together.more > 0 { format!(" and {}", count(together.more, "more line")) } else { String::new() };
    match together.routes.is_empty() {
        true => "no single line".to_owned(),
        false => format!("together {}{more}", together.routes.join(", ")),
    }
}

/// What is added in a month, such as `+6,453.20 maximum`.
pub(super) fn amounts(change: &Amounts) -> String {
    let Amounts { min, expected, max } = change;
    if min == expected && expected == max {
        return format!("{} a month", signed(expected));
    }
    let parts = [(min, "minimum"), (expected, "expected"), (max, "maximum")];
    let parts = parts.iter().filter(|(amount, _)| !is_zero(amount)).map(|(amount, word)| format!("{} {word}", signed(amount)));
    parts.collect::<Vec<_>>().join(", ")
}

/// `0.001 to 0.002`, or one amount where both are the same; none where one is not known.
pub(super) fn range(low: Option<&str>, high: Option<&str>) -> Option<String> {
    match (low?, high?) {
        (low, high) if low == high => Some(low.to_owned()),
        (low, high) => Some(format!("{low} to {high}")),
    }
}

/// An amount with its sign; a plan that somebody else wrote may hold any text.
pub(super) fn signed(amount: &str) -> String {
    let Ok(number) = amount.parse::<Decimal>() else { return "an unknown amount".to_owned() };
    let sign = if number > Decimal::ZERO { "+" } else { "" };
    format!("{sign}{}", money(number))
}

fn is_zero(amount: &str) -> bool {
    amount.chars().all(|c| matches!(c, '0' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{both, count, value};

    #[test]
    fn numbers_are_read_by_people() {
        assert_eq!([count(0_u64, "pod"), count(1_u64, "pod"), count(2_usize, "pod")], ["0 pods", "1 pod", "2 pods"]);
    }

    #[test]
    fn long_values_are_cut_around_their_difference() {
        let long = |end: &str| json!(format!("{}{end} and {}", "é".repeat(70), "more ".repeat(20)));
        let (old, new) = both(&long("five"), &long("sixty"));
        assert!(old.starts_with("…é") && old.contains("five") && new.contains("sixty"), "{old} {new}");
        assert!(old.chars().count() <= 60 && new.chars().count() <= 60, "{old} {new}");
        // What is short, and what differs at once, is shown from its beginning.
        assert_eq!(both(&json!("registry/image:1"), &json!("registry/image:2")), ("registry/image:1".into(), "registry/image:2".into()));
        let (old, new) = both(&json!("a".repeat(70)), &json!("b".repeat(70)));
        assert_eq!((old, new), (value(&json!("a".repeat(70))), value(&json!("b".repeat(70)))));
    }
}
