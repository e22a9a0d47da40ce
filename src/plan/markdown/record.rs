//! The spec that a tree was compiled from, as its record (`stack.json`) has it.
//!
//! The record of the tree that stands is whatever somebody committed there: everything is read
//! with a default, and nothing is trusted to be bounded.

use std::collections::BTreeSet;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::diagnostic::thousands;
use crate::plan::record::parse;

/// A record; empty where there is none that can be read.
#[derive(Debug, Default)]
pub(super) struct Record(Map<String, Value>);

/// A field of a block that differs.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    /// Path in the block, such as `serve.max-model-len`.
    pub(super) path: String,
    /// Old value; none where the field is new.
    pub(super) old: Option<Value>,
    /// New value; none where the field goes.
    pub(super) new: Option<Value>,
}

impl Record {
    pub(super) fn read(text: Option<&str>) -> Self {
        match text.and_then(|text| parse(text.as_bytes()).ok()) {
            Some(Value::Object(fields)) => Self(fields),
            _ => Self::default(),
        }
    }

    /// The blocks of a kind, such as `model`, by name.
    pub(super) fn blocks(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let blocks = self.0.get(kind).and_then(Value::as_object);
        blocks.into_iter().flatten().map(|(name, block)| (name.as_str(), block))
    }

    pub(super) fn block(&self, kind: &str, name: &str) -> Option<&Value> {
        self.0.get(kind)?.get(name)
    }

    /// A field of the stack itself.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Names of the fields of the stack itself, sorted.
    pub(super) fn fields(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// GPUs of all copies of a model, at the least and the greatest number.
    pub(super) fn gpus(&self, model: &str) -> Option<[u64; 2]> {
        let block = self.block("model", model)?;
        let each = block.pointer("/place/tensor-parallel")?.as_u64()?;
        let copies = ["/replicas/min", "/replicas/max"].map(|path| block.pointer(path).and_then(Value::as_u64));
        Some([copies[0]?.checked_mul(each)?, copies[1]?.checked_mul(each)?])
    }
}

/// A number as a decimal, without a detour over binary fractions.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// An amount for people: groups of three digits, cents only below a hundred.
pub(super) fn amount(value: Decimal) -> String {
    let text = if value.abs() < Decimal::ONE_HUNDRED { value.round_dp(2) } else { value.round_dp(0) }.normalize().to_string();
    let (whole, cents) = text.split_once('.').map_or((text.as_str(), ""), |(whole, cents)| (whole, cents));
    let whole = thousands(whole);
    if cents.is_empty() { whole } else { format!("{whole}.{cents:0<2}") }
}

/// Where two blocks differ, sorted by path. A list differs as a whole.
pub(super) fn differences(old: Option<&Value>, new: Option<&Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    collect(&mut found, String::new(), old, new);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(found: &mut Vec<Difference>, path: String, old: Option<&Value>, new: Option<&Value>) {
    if old == new {
        return;
    }
    let fields = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let (before, after) = (fields(old), fields(new));
    // A value that is new or gone is shown by its fields as well.
    let is_map = before.is_some() || after.is_some();
    let is_mixed = (old.is_some() && before.is_none()) || (new.is_some() && after.is_none());
    if !is_map || is_mixed {
        found.push(Difference { path, old: old.cloned(), new: new.cloned() });
        return;
    }
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        collect(found, below, before.get(key), after.get(key));
    }
}

/// A value on one line.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use rust_decimal::Decimal;
    use serde_json::json;

    use super::{Record, amount, differences};

    #[test]
    fn amounts_are_read_by_people() {
        for (value, expected) in
            [("0", "0"), ("1.5", "1.50"), ("99.999", "100"), ("1234.5", "1,234"), ("-1234567", "-1,234,567"), ("100", "100")]
        {
            assert_eq!(amount(Decimal::from_str(value).expect("a decimal")), expected, "{value}");
        }
    }

    #[test]
    fn gpus_follow_from_the_record() {
        let record = json!({
            "model": {
                "m": { "place": { "pool": "a", "tensor-parallel": 4 }, "replicas": { "min": 2, "max": 3 } },
                "huge": { "place": { "pool": "a", "tensor-parallel": u64::MAX }, "replicas": { "min": 2, "max": 3 } },
            },
        });
        let record = Record::read(Some(&record.to_string()));
        assert_eq!(record.gpus("m"), Some([8, 12]));
        assert_eq!((record.gpus("huge"), record.gpus("none")), (None, None));
    }

    #[test]
    fn every_field_that_differs_is_found() {
        let old = json!({ "a": 1, "b": { "c": [1], "d": 2 }, "e": 1 });
        let new = json!({ "a": 1, "b": { "c": [2], "x": { "y": 3 } }, "e": { "f": 1 } });
        let found = differences(Some(&old), Some(&new));
        let paths: Vec<&str> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(paths, ["b.c", "b.d", "b.x.y", "e"]);
        assert_eq!(differences(Some(&old), Some(&old)), Vec::new());
        assert_eq!(differences(None, Some(&json!({ "a": 1 }))).len(), 1);
    }
}
