//! Reading the fields of a `config.json` without trusting them.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// Most characters of a wrong value that are shown.
const SHOWN_CHARS: usize = 60;

/// What is wrong with a file of facts, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, as a path with dots; empty for the file as a whole.
    pub field: String,
    /// What is wrong and what is allowed, in words that go on from the field's name.
    pub message: String,
    /// Whether the field is one of `hf_quant_config.json`, which stands beside the config.
    pub in_quantization_file: bool,
    /// Line and column, from 1, at which the text stops being JSON.
    pub torn_at: Option<(usize, usize)>,
}

impl Fault {
    /// A fault of the file as a whole, or of `field` in it.
    pub(in crate::catalog) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), in_quantization_file: false, torn_at: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.message) } else { write!(f, "`{}` {}", self.field, self.message) }
    }
}

/// An object of the file, with its path.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The whole file.
    pub(super) fn of(value: &'a Value) -> Result<Self, Fault> {
        let map = value.as_object().ok_or_else(|| Fault::new("", format!("the file is {}, not an object", kind(value))))?;
        Ok(Self { map, path: String::new() })
    }

    /// The fault `message` of the field `key`.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) -> Fault {
        let field = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Fault::new(field, message)
    }

    fn wrong(&self, key: &str, value: &Value, must: &str) -> Fault {
        self.fault(key, format!("is {}; it must be {must}", shown(value)))
    }

    /// The value of `key`; none where it is absent or `null`.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Whether `key` is written with a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(String::as_str)
    }

    /// A whole number within `range`.
    pub(super) fn whole(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Fault> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.as_u64() {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let must = if value.is_number() { "" } else { "a whole number " };
                Err(self.wrong(key, value, &format!("{must}between {} and {}", range.start(), range.end())))
            }
        }
    }

    /// A whole number that cannot be left out.
    pub(super) fn required(&self, key: &str, range: RangeInclusive<u64>) -> Result<u64, Fault> {
        let between = format!("is missing; it must be a whole number between {} and {}", range.start(), range.end());
        self.whole(key, range)?.ok_or_else(|| self.fault(key, between))
    }

    /// A number that is neither infinite nor none.
    pub(super) fn number(&self, key: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Fault> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(key, value, &format!("a number between {} and {}", range.start(), range.end()))),
        }
    }

    /// A truth value.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Fault> {
        let Some(value) = self.value(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(key, value, "`true` or `false`"))
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Fault> {
        let Some(value) = self.value(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(key, value, "a text"))
    }

    /// An object.
    pub(super) fn object(&self, key: &str) -> Result<Option<Self>, Fault> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let map = value.as_object().ok_or_else(|| self.wrong(key, value, "an object"))?;
        Ok(Some(Self { map, path: self.fault(key, "").field }))
    }

    /// A list.
    pub(super) fn list(&self, key: &str) -> Result<Option<&'a [Value]>, Fault> {
        let Some(value) = self.value(key) else { return Ok(None) };
        value.as_array().map(|list| Some(list.as_slice())).ok_or_else(|| self.wrong(key, value, "a list"))
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, Fault> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        let item = |(at, value): (usize, &'a Value)| value.as_str().ok_or_else(|| self.wrong(&format!("{key}.{at}"), value, "a text"));
        list.iter().enumerate().map(item).collect::<Result<_, _>>().map(Some)
    }

    /// A list with one item for each of `layers`; longer lists are those of models with draft layers.
    pub(super) fn per_layer(&self, key: &str, layers: u64) -> Result<Option<&'a [Value]>, Fault> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        let count = usize::try_from(layers).unwrap_or(usize::MAX);
        let enough = list.get(..count);
        enough
            .map(Some)
            .ok_or_else(|| self.fault(key, format!("has {} items; it must have one for each of the {layers} layers", list.len())))
    }
}

/// A wrong value, short enough to be shown.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        Value::String(_) => format!("the text {}", short(&value.to_string())),
        _ => short(&value.to_string()),
    }
}

/// The start of a text.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Parses JSON as Python writes it: `NaN` and `Infinity`, which JSON does not have, become texts.
pub(super) fn parse(text: &str) -> Result<Value, Fault> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let quoted = quote_words(text);
    serde_json::from_str(&quoted).map_err(|error| Fault {
        torn_at: Some((error.line(), error.column())),
        ..Fault::new("", format!("the file is not JSON: {error}"))
    })
}

fn quote_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut in_text) = (text, false);
    while let Some(c) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !in_text && rest.starts_with(word));
        let taken = match (word, c) {
            (Some(word), _) => {
                out.push_str(&format!("\"{word}\""));
                rest = &rest[word.len()..];
                continue;
            }
            (None, '\\') if in_text => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, '"') => {
                in_text = !in_text;
                1
            }
            (None, c) => c.len_utf8(),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}
