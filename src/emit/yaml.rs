//! The only YAML writer.

use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

/// First line of every YAML file.
const HEADER: &str = "# Written by llmc from the stack's spec. Change the spec and compile; edits here are refused.\n";

/// A value as YAML that YAML 1.1 and 1.2 readers read alike.
pub fn to_yaml(value: &Value) -> String {
    let options = serde_saphyr::ser_options! {
        // Long PromQL and arguments stay on one line, where a difference can be read.
        folded_wrap_chars: 1_000_000,
        // `yaml_12` stays off: it would leave `no`, `on` and `12:30` unquoted.
    };
    // JSON is YAML too, so what the writer might refuse is still written whole.
    let body = serde_saphyr::to_string_with_options(&Written(value), options).unwrap_or_else(|_| format!("{value:#}\n"));
    format!("{HEADER}{body}")
}

/// A value as it is written.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            // libyaml takes a tab at the start of a block for bad indentation.
            Value::String(text) if text.starts_with(char::is_whitespace) => DoubleQuoted(text).serialize(serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Written)),
            Value::Object(map) => serializer.collect_map(map.iter().map(|(key, value)| (key, Written(value)))),
            other => other.serialize(serializer),
        }
    }
}

/// A typed object as a value, with the keys of people's habit first: `apiVersion`, `kind`,
/// `metadata`, `spec`, and `name` and `image` within. An object that could not be turned into one
/// would be null, which `objects::check` refuses.
pub(super) fn value(object: &impl Serialize) -> Value {
    ordered(serde_json::to_value(object).unwrap_or_default())
}

/// Keys that are written before the others, in this order.
const FIRST: &[&str] = &["apiVersion", "kind", "metadata", "name", "namespace", "image", "type", "spec"];

fn ordered(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().map(|(k, v)| (k, ordered(v))).collect();
            let rank = |key: &str| FIRST.iter().position(|f| *f == key).unwrap_or(FIRST.len());
            entries.sort_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(ordered).collect(),
        other => other,
    }
}
