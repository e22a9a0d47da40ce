//! Scores as JSON Lines.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Rows;
use super::csv::{COLUMN_NAMES, EXPERIMENT};
use super::found::Row;
use super::intake::{Fields, Intake, Value, quoted};
use super::rules::{CUT_OFF, UNREADABLE};
use super::tap::{BLOCK_BYTES, MOST_ROW_BYTES, Tap};

/// Reads all rows into `intake`.
///
/// # Errors
/// When the file cannot be read or a temporary one not written.
pub(super) fn read(mut tap: Tap<'_>, intake: &mut Intake<'_>) -> io::Result<()> {
    // Lines are bounded here.
    tap.row_starts(u64::MAX / 2);
    let mut reader = BufReader::with_capacity(BLOCK_BYTES, tap);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let most = MOST_ROW_BYTES + 1;
        let count = (&mut reader).take(most).read_until(b'\n', &mut line)? as u64;
        if count == 0 {
            break;
        }
        let raw = || (number, line.clone());
        let row = Row { line_and_raw: &raw };
        if count == most {
            intake.malformed(row, "", || (format!("a line of more than {} KiB", MOST_ROW_BYTES / 1024), None));
            skip_line(&mut reader)?;
            continue;
        }
        let Ok(text) = std::str::from_utf8(&line) else {
            intake.not_utf8(row);
            continue;
        };
        if !text.trim().is_empty() {
            take(text, row, intake)?;
        }
    }
    Ok(())
}

/// Reads to the end of a line without keeping it.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let block = reader.fill_buf()?;
        let end = block.iter().position(|byte| *byte == b'\n');
        let (count, is_over) = (end.map_or(block.len(), |end| end + 1), end.is_some() || block.is_empty());
        reader.consume(count);
        if is_over {
            return Ok(());
        }
    }
}

fn take(text: &str, row: Row<'_>, intake: &mut Intake<'_>) -> io::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Score(&mut intake.rows).deserialize(&mut deserializer);
    let has_newline = text.ends_with('\n');
    intake.rows.ends_without_newline |= !has_newline;
    let score = match read.and_then(|score| deserializer.end().map(|()| score)) {
        Ok(score) => score,
        Err(error) if error.is_eof() && !has_newline => {
            intake.rows.read += 1;
            intake.refuse(&CUT_OFF);
            let help = "export the scores again; how many rows are missing is not known";
            let message = || ("the file ends in the middle of a row".into(), "cut off here".into(), Some(help.into()));
            intake.found.add(&CUT_OFF, row, "", message);
            return Ok(());
        }
        Err(_) if text.trim_start().starts_with('[') => {
            intake.rows.read += 1;
            intake.refuse(&UNREADABLE);
            let help = "`jq -c '.[]' FILE | llmc experiment analyze NAME --scores -` makes a line of each";
            intake.found.add(&UNREADABLE, row, "", || ("a JSON list, and not one object a line".into(), String::new(), Some(help.into())));
            return Ok(());
        }
        Err(error) => {
            let word = ["NaN", "Infinity"].into_iter().find(|word| text.contains(word));
            intake.malformed(row, word.unwrap_or_default(), || match word {
                Some(word) => (format!("`{word}` is no JSON"), Some("leave out what was not measured, and find out why".into())),
                None => (format!("no score: {error}"), Some(format!("a line is an object with {}", quoted(COLUMN_NAMES.into_iter())))),
            });
            return Ok(());
        }
    };
    let fields = Fields {
        user: score.user.as_deref(),
        variant: score.variant.as_deref().unwrap_or_default(),
        metric: score.metric.as_deref().unwrap_or_default(),
        value: match &score.value {
            Scalar::Text(text) => Value::Text(text),
            Scalar::Number(number) => Value::Number(*number),
            Scalar::Null => Value::Missing,
            Scalar::Other(what) => Value::Other(what),
        },
        experiment: score.experiment.as_deref(),
    };
    intake.row(row, &fields)
}

/// The fields of a line.
#[derive(Default)]
struct Line<'a> {
    user: Option<Cow<'a, str>>,
    variant: Option<Cow<'a, str>>,
    metric: Option<Cow<'a, str>>,
    value: Scalar<'a>,
    experiment: Option<Cow<'a, str>>,
}

/// One value of a line.
#[derive(Default)]
enum Scalar<'a> {
    #[default]
    Null,
    Text(Cow<'a, str>),
    Number(f64),
    Other(&'static str),
}

/// Reads a line; the names of other fields go where those of other columns go.
struct Score<'r>(&'r mut Rows);

impl<'de> DeserializeSeed<'de> for Score<'_> {
    type Value = Line<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Score<'_> {
    type Value = Line<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with user, variant, metric and value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<'de>, A::Error> {
        let mut line = Line::default();
        let mut seen = [false; 5];
        while let Some(Name(name)) = map.next_key()? {
            let Some(place) = COLUMN_NAMES.into_iter().chain([EXPERIMENT]).position(|known| known == name) else {
                self.0.ignore_column(&name);
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen.get_mut(place).is_some_and(|seen| std::mem::replace(seen, true)) {
                return Err(A::Error::custom(format!("the field `{name}` stands there twice")));
            }
            match place {
                0 => line.user = map.next_value::<Option<Word<'_>>>()?.map(|word| word.0),
                1 => line.variant = map.next_value::<Option<Word<'_>>>()?.map(|word| word.0),
                2 => line.metric = map.next_value::<Option<Word<'_>>>()?.map(|word| word.0),
                3 => line.value = map.next_value()?,
                _ => line.experiment = map.next_value::<Option<Word<'_>>>()?.map(|word| word.0),
            }
        }
        Ok(line)
    }
}

/// A text that is borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(ScalarVisitor)? {
            Scalar::Text(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("a name is a text")),
        }
    }
}

/// A text, or a whole number, as users are often called.
struct Word<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Word<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(ScalarVisitor)? {
            Scalar::Text(text) => Ok(Self(text)),
            // Above 2^53 two whole numbers may be the same one here.
            Scalar::Number(number) if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
                Ok(Self(format!("{number}").into()))
            }
            Scalar::Number(_) => Err(D::Error::custom("a name that is a number must be a whole one below 2^53; write it as a text")),
            Scalar::Null => Err(D::Error::custom("a name is a text")),
            Scalar::Other(what) => Err(D::Error::custom(format!("a name is a text, and not {what}"))),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Other("true or false"))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an object"))
    }
}
