//! Values of fields as a plan shows them: without secrets, and not longer than a person reads.

use serde_json::{Map, Number, Value};
use similar::{ChangeTag, TextDiff};

use super::words;
use crate::diagnostic::redact;

/// Longest text that is shown whole, in characters.
const LONGEST_TEXT: usize = 400;
/// Longest list or map that is shown whole, in bytes of its JSON.
const LONGEST_JSON: usize = 1000;
/// Most lines of a text that are shown of either side.
const MOST_LINES: usize = 6;
/// Longest line of such a text, in characters.
const LONGEST_LINE: usize = 160;
/// Longest text whose lines are compared, in lines: the work grows with the square of it.
const MOST_COMPARED: usize = 2000;
/// Most items of a list or map that are shown.
const MOST_ITEMS: usize = 50;

/// Where a value stands, which decides whether it is a secret.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'a> {
    /// The word that names it: its key, or the name of the item that it is the value of.
    name: &'a str,
    /// Its key, or that of the list that it is in.
    pub(super) key: &'a str,
}

impl<'a> Context<'a> {
    /// The context of the field `key`, which is about `name`.
    pub(super) fn of(name: &'a str, key: &'a str) -> Self {
        Self { name, key }
    }

    /// The context of the item `name` of the list that this is the context of: only a flag tells
    /// something about what follows it.
    pub(super) fn item<'b>(self, name: &'b str) -> Context<'b>
    where
        'a: 'b,
    {
        Context { name: if name.starts_with("--") { name } else { "" }, key: self.key }
    }
}

/// A value as it is shown.
pub(super) fn shown(context: Context<'_>, value: &Value) -> Value {
    let shown = shown_whole(context, value);
    let (kind, length) = match &shown {
        Value::Array(items) => ("item", items.len()),
        Value::Object(fields) => ("field", fields.len()),
        _ => return shown,
    };
    let bytes = shown.to_string().len();
    if bytes <= LONGEST_JSON { shown } else { Value::String(format!("… ({}, {bytes} bytes)", words::count(length, kind))) }
}

fn shown_whole(context: Context<'_>, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(short(&hidden(context, text))),
        Value::Array(items) => {
            let before = |at: usize| at.checked_sub(1).and_then(|at| items.get(at)).and_then(Value::as_str).unwrap_or_default();
            let shown_item = |(at, item)| shown_whole(context.item(before(at)), item);
            let mut list: Vec<Value> = items.iter().take(MOST_ITEMS).enumerate().map(shown_item).collect();
            if items.len() > MOST_ITEMS {
                list.push(Value::String(format!("… {} more", items.len() - MOST_ITEMS)));
            }
            Value::Array(list)
        }
        Value::Object(fields) => {
            let name = fields.get("name").and_then(Value::as_str);
            let of = |key: &str, value: &Value| {
                let name = if key == "value" { name.unwrap_or(key) } else { key };
                shown_whole(Context::of(name, key), value)
            };
            let mut map: Map<String, Value> =
                fields.iter().take(MOST_ITEMS).map(|(key, value)| (short(&redact(key)), of(key, value))).collect();
            if fields.len() > MOST_ITEMS {
                map.insert("…".into(), Value::String(format!("{} more", fields.len() - MOST_ITEMS)));
            }
            Value::Object(map)
        }
        Value::Number(number) => shown_number(number),
        other => other.clone(),
    }
}

/// A number that another reader might round becomes text, so that the plan's digest stays.
fn shown_number(number: &Number) -> Value {
    let text = number.to_string();
    let read: Result<Number, _> = serde_json::from_str(&text);
    if read.is_ok_and(|read| read.to_string() == text) { Value::Number(number.clone()) } else { Value::String(text) }
}

/// `text` without secrets, also those that only the name of the field gives away.
fn hidden(context: Context<'_>, text: &str) -> String {
    let text = redact(text);
    if context.name.is_empty() {
        return text;
    }
    // Redaction keeps the width of every character.
    ["=", " "]
        .iter()
        .find_map(|between| {
            let before = format!("{}{between}", context.name);
            let whole = redact(&format!("{before}{text}"));
            whole.get(before.len()..).filter(|after| *after != text).map(str::to_owned)
        })
        .unwrap_or(text)
}

/// `text` if a person would read it, else its size and its beginning.
fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST_TEXT && text.lines().count() <= MOST_LINES {
        return text.to_owned();
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    format!("{} … ({}, {} bytes)", cut(first), words::count(text.lines().count(), "line"), text.len())
}

fn cut(line: &str) -> String {
    if line.chars().count() <= LONGEST_LINE {
        return line.to_owned();
    }
    line.chars().take(LONGEST_LINE).chain(['…']).collect()
}

/// The lines of two long texts that differ, as the old and the new value; `None` for texts that are
/// shown whole.
pub(super) fn lines(context: Context<'_>, old: &str, new: &str) -> Option<(Option<Value>, Option<Value>)> {
    let most = old.lines().count().max(new.lines().count());
    if !(2..=MOST_COMPARED).contains(&most) {
        return None;
    }
    let (old, new) = (hidden(context, old), hidden(context, new));
    let diff = TextDiff::from_lines(&old, &new);
    let of = |tag: ChangeTag| {
        let lines: Vec<String> = diff
            .iter_all_changes()
            .filter(|change| change.tag() == tag)
            .map(|change| cut(change.value().trim_end_matches(['\n', '\r'])))
            .collect();
        let more = lines.len().saturating_sub(MOST_LINES);
        let mut shown: Vec<String> = lines.into_iter().take(MOST_LINES).collect();
        if more > 0 {
            shown.push(format!("… {more} more lines"));
        }
        (!shown.is_empty()).then(|| Value::String(shown.join("\n")))
    };
    let (removed, added) = (of(ChangeTag::Delete), of(ChangeTag::Insert));
    // Two secrets of one length look alike once they are hidden.
    (removed != added).then_some((removed, added))
}
