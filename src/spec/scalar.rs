//! Scalars with units.

use std::borrow::Cow;
use std::fmt;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

/// A length of time, written as a number and a unit: `250ms`, `2.5s`, `10m`, `1h`, `30d`, `4w`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    milliseconds: u64,
}

impl Duration {
    /// A duration of whole seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self { milliseconds: seconds * 1000 }
    }

    /// Length in milliseconds.
    pub fn milliseconds(self) -> u64 {
        self.milliseconds
    }

    /// Length in seconds, with fractions.
    pub fn seconds(self) -> f64 {
        self.milliseconds as f64 / 1000.0
    }

    /// Reads the written form; `None` if it is none, or longer than 100 years.
    pub fn parse(text: &str) -> Option<Self> {
        let split = text.find(|c: char| c.is_ascii_lowercase())?;
        let (number, unit) = text.split_at(split);
        let unit_milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        // Decimal arithmetic, so that 0.1s is exactly 100 ms.
        let number = Decimal::from_str_exact(number).ok().filter(|n| !n.is_sign_negative())?;
        let milliseconds = number.checked_mul(Decimal::from(unit_milliseconds))?;
        let whole = u64::try_from(milliseconds).ok().filter(|n| Decimal::from(*n) == milliseconds)?;
        (whole <= 100 * 366 * 86_400_000).then_some(Self { milliseconds: whole })
    }
}

impl fmt::Display for Duration {
    /// The shortest form with one unit, which Prometheus reads too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
        let (unit, length) = units
            .into_iter()
            .find(|(_, length)| self.milliseconds != 0 && self.milliseconds.is_multiple_of(*length))
            .unwrap_or(("s", 1000));
        write!(f, "{}{unit}", self.milliseconds / length)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a length of time such as `2.5s` or `30d`")))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d|w)$",
            "description": "A length of time: a number and one of `ms`, `s`, `m`, `h`, `d`, `w`, such as `2.5s` or `30d`.",
        })
    }
}

/// Most digits of an amount of money, before and behind its point together.
const MOST_DIGITS: u32 = 15;

/// An amount of money or a price, held exactly as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub Decimal);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        // The shortest text of a float is what was written, so nothing binary is left in it.
        let text = number.to_string();
        let decimal = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
        let decimal = decimal.map_err(|_| D::Error::custom(format!("`{text}` is not an amount of money")))?;
        // A float keeps 15 digits of every number, and with more than those it is not what was written.
        if decimal.normalize().mantissa().unsigned_abs() >= 10_u128.pow(MOST_DIGITS) {
            return Err(D::Error::custom(format!("an amount of money has at most {MOST_DIGITS} digits, and this one has more")));
        }
        Ok(Self(decimal))
    }
}

impl Serialize for Money {
    /// As the JSON number with the same text. An amount of more than 15 digits would lose some, and
    /// those are not read.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        match text.parse::<u64>() {
            Ok(whole) => serializer.serialize_u64(whole),
            Err(_) => serializer.serialize_f64(text.parse().map_err(serde::ser::Error::custom)?),
        }
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1_000_000_000_000_u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn durations_are_exact_and_print_with_one_unit() {
        let cases = [
            ("0.1s", 100, "100ms"),
            ("2.5s", 2500, "2500ms"),
            ("90s", 90_000, "90s"),
            ("60m", 3_600_000, "1h"),
            ("30d", 2_592_000_000, "30d"),
        ];
        for (text, milliseconds, shown) in cases {
            let duration = Duration::parse(text);
            assert_eq!(duration.map(Duration::milliseconds), Some(milliseconds), "{text}");
            assert_eq!(duration.map(|d| d.to_string()).as_deref(), Some(shown));
        }
        for text in ["", "5", "-1s", "1y", "0.0001s", "99999999w", "1e3s", "s"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }
}
