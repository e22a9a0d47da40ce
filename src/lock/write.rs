//! A lock as text: the same lock, the same bytes.

use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

use super::{FORMAT, Lock, read};
use crate::diagnostic::is_bidirectional_control;

/// First line: what the file is and who writes it.
const HEAD: &str = "# Every version of a prompt that was ever live. Written by `llmc prompt pin`; a pin never changes.\n";
/// Last line, which a file that was cut short has not.
pub(super) const END: &str = "# end of llmc.lock";

/// `lock` as YAML in blocks, sorted by prompt and version.
///
/// # Errors
/// In words, where the text would not read back as the same lock; nothing may be written then.
pub fn write(lock: &Lock) -> Result<String, String> {
    let text = print(lock)?;
    match read(&text) {
        Ok(same) if same == *lock => Ok(text),
        Ok(_) => Err("the lock does not read back as it was written".to_owned()),
        Err(faults) => {
            Err(format!("the lock cannot be read back: {}", faults.first().map(|fault| fault.message.as_str()).unwrap_or_default()))
        }
    }
}

fn print(lock: &Lock) -> Result<String, String> {
    let mut value = serde_json::to_value(lock).map_err(|error| error.to_string())?;
    value["format"] = FORMAT.into();
    drop_empty(&mut value);
    let options = serde_saphyr::ser_options! { folded_wrap_chars: 1_000_000 };
    let body = serde_saphyr::to_string_with_options(&Written(&value), options).map_err(|error| error.to_string())?;
    // Characters that a reader refuses stand in double quotes only, where YAML has an escape for them.
    let mut text = HEAD.to_owned();
    for c in body.chars() {
        if is_bidirectional_control(c) { text.push_str(&format!("\\u{:04X}", u32::from(c))) } else { text.push(c) }
    }
    Ok(text + END + "\n")
}

/// Takes out what is not set, which is how the format says so; names may have nothing below them.
fn drop_empty(value: &mut Value) {
    let Value::Object(fields) = value else { return };
    fields.retain(|_, field| !field.is_null() && field.as_array().is_none_or(|items| !items.is_empty()));
    fields.values_mut().for_each(drop_empty);
}

/// A value as it is written.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => Text(text).serialize(serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Written)),
            Value::Object(map) => serializer.collect_map(map.iter().map(|(key, value)| (Text(key), Written(value)))),
            other => other.serialize(serializer),
        }
    }
}

/// A text: in double quotes wherever it holds more than plain characters, so that each pin keeps to its lines.
struct Text<'a>(&'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/' | '@' | ':' | '=');
        if self.0.chars().all(is_plain) && self.0.trim() == self.0 {
            self.0.serialize(serializer)
        } else {
            DoubleQuoted(self.0).serialize(serializer)
        }
    }
}
