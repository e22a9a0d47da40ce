//! One row after another: what it says is held against the experiment, and counted or refused.

use std::io;

use super::Rows;
use super::entries::{Entries, Entry};
use super::found::{Found, Row, short};
use super::rules::{ENCODING, MALFORMED_ROW, MISSING_USER, NOT_A_NUMBER, UNKNOWN_METRIC, UNKNOWN_VARIANT};
use crate::diagnostic::{Rule, did_you_mean};
use crate::stack::Experiment;

/// Greatest value either way, so that no sum of squares overflows.
const MOST_VALUE: f64 = 1e100;
/// What users outside the experiment get.
pub(super) const OFF: &str = "off";

/// What a row says.
pub(super) struct Fields<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) variant: &'a str,
    pub(super) metric: &'a str,
    pub(super) value: Value<'a>,
    pub(super) experiment: Option<&'a str>,
}

/// The value of a row.
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(f64),
    Missing,
    /// Something else, in words.
    Other(&'static str),
}

/// Where rows go.
pub(super) struct Intake<'a> {
    experiment: &'a Experiment,
    arms: Vec<&'a str>,
    /// Names by place, and whether each is a share.
    metrics: &'a [(String, bool)],
    pub(super) found: Found,
    pub(super) entries: Entries,
    pub(super) rows: Rows,
    /// Rows refused, and used, by arm.
    pub(super) by_arm: Vec<(u64, u64)>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(experiment: &'a Experiment, metrics: &'a [(String, bool)], path: &str, most_entries: usize) -> Self {
        let arms: Vec<&str> = experiment.arms.keys().map(String::as_str).collect();
        let by_arm = vec![(0, 0); arms.len()];
        Self { experiment, arms, metrics, found: Found::new(path), entries: Entries::new(most_entries), rows: Rows::default(), by_arm }
    }

    /// Takes a row.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub(super) fn row(&mut self, row: Row<'_>, fields: &Fields<'_>) -> io::Result<()> {
        self.rows.read += 1;
        if fields.experiment.is_some_and(|name| name != self.experiment.name) {
            self.rows.of_other_experiments += 1;
            return Ok(());
        }
        if fields.variant == OFF && !self.arms.contains(&OFF) {
            self.rows.off += 1;
            return Ok(());
        }
        let Some(arm) = self.arms.iter().position(|arm| *arm == fields.variant) else {
            self.unknown_variant(row, fields.variant);
            return Ok(());
        };
        let Some(metric) = self.metrics.iter().position(|(name, _)| name == fields.metric) else {
            self.unknown_metric(row, fields.metric);
            return Ok(());
        };
        let is_share = self.metrics.get(metric).is_some_and(|(_, is_share)| *is_share);
        let refused = match (fields.user, number(&fields.value, is_share)) {
            (None | Some(""), _) => {
                let message = || ("a score without a user".to_owned(), "nobody's".to_owned(), None);
                self.found.add(&MISSING_USER, row, "", message);
                &MISSING_USER
            }
            (_, Err((why, help))) => {
                let shown = if let Value::Text(text) = fields.value { text } else { "" };
                self.found
                    .add(&NOT_A_NUMBER, row, shown, || (format!("a score of `{}` that {why}", fields.metric), "refused".into(), help));
                &NOT_A_NUMBER
            }
            (Some(user), Ok(value)) => {
                let place = |place| u16::try_from(place).unwrap_or(u16::MAX);
                self.entries.push(Entry::new(user, place(metric), place(arm), value))?;
                self.rows.used += 1;
                if let Some((_, used)) = self.by_arm.get_mut(arm) {
                    *used += 1;
                }
                return Ok(());
            }
        };
        self.refuse(refused);
        if let Some((refused, _)) = self.by_arm.get_mut(arm) {
            *refused += 1;
        }
        Ok(())
    }

    /// Refuses a row that says nothing of a score.
    pub(super) fn malformed(&mut self, row: Row<'_>, fault: &str, why: impl FnOnce() -> (String, Option<String>)) {
        self.rows.read += 1;
        self.found.add(&MALFORMED_ROW, row, fault, || {
            let (why, help) = why();
            (why, "refused".into(), help)
        });
        self.refuse(&MALFORMED_ROW);
    }

    /// Refuses a row that is not in UTF-8.
    pub(super) fn not_utf8(&mut self, row: Row<'_>) {
        self.rows.read += 1;
        self.found.add(&ENCODING, row, "", || {
            let help = "in Latin-1 or Windows-1252, as it seems; `iconv -f LATIN1 -t UTF-8` makes UTF-8 of it";
            ("a row is not in UTF-8".into(), "not UTF-8".into(), Some(help.into()))
        });
        self.refuse(&ENCODING);
    }

    pub(super) fn refuse(&mut self, rule: &'static Rule) {
        *self.rows.refused.entry(rule.name.to_owned()).or_default() += 1;
    }

    fn unknown_variant(&mut self, row: Row<'_>, variant: &str) {
        let (name, arms) = (&self.experiment.name, &self.arms);
        self.found.add(&UNKNOWN_VARIANT, row, variant, || {
            let message = match variant {
                "" => "a score without a variant".to_owned(),
                variant => format!("the experiment `{name}` has no variant `{}`", short(variant)),
            };
            let near = did_you_mean(variant, arms.iter().copied());
            let known = || format!("its variants are {}", quoted(arms.iter().copied()));
            (message, "of no side".into(), Some(near.map_or_else(known, |near| format!("did you mean `{near}`?"))))
        });
        self.refuse(&UNKNOWN_VARIANT);
    }

    fn unknown_metric(&mut self, row: Row<'_>, metric: &str) {
        let (name, metrics) = (&self.experiment.name, self.metrics);
        self.rows.of_other_metrics += 1;
        self.found.add(&UNKNOWN_METRIC, row, metric, || {
            let message = match metric {
                "" => "a score without a metric".to_owned(),
                metric => format!("the experiment `{name}` has no metric or guard `{}`", short(metric)),
            };
            let known = || metrics.iter().map(|(name, _)| name.as_str());
            let near = did_you_mean(metric, known());
            let known = || format!("it has {}", quoted(known()));
            (message, "left out".into(), Some(near.map_or_else(known, |near| format!("did you mean `{near}`?"))))
        });
    }
}

/// Names as people read them.
pub(super) fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The number that a value is, or why it is none and what to do.
fn number(value: &Value<'_>, is_share: bool) -> Result<f64, (String, Option<String>)> {
    let refuse = |why: String, help: Option<&str>| Err((why, help.map(str::to_owned)));
    let number = match value {
        Value::Missing | Value::Text("") => return refuse("has no value".into(), None),
        Value::Other(what) => {
            let help = is_share.then_some("of a share, write 1 for yes and 0 for no");
            return refuse(format!("is {what} and no number"), help);
        }
        Value::Number(number) => *number,
        Value::Text(text) => match text.parse::<f64>() {
            Ok(number) => number,
            Err(_) => {
                let comma = text.contains(',') && text.replacen(',', ".", 1).parse::<f64>().is_ok();
                let help = comma.then_some("write a decimal point").or(is_share.then_some("of a share, write 1 for yes and 0 for no"));
                return refuse(format!("is no number: `{}`", short(text)), help);
            }
        },
    };
    match number {
        number if number.is_nan() => refuse("is not a number (NaN)".into(), Some("leave out what was not measured, and find out why")),
        number if number.is_infinite() => refuse("is infinite".into(), Some("leave out what was not measured, and find out why")),
        number if number.abs() > MOST_VALUE => refuse(format!("is {number:e}, beyond 1e100"), None),
        number if is_share && !(0.0..=1.0).contains(&number) => refuse(
            format!("is {number}, and a share of users is from 0 to 1"),
            Some("a metric with a `deviation` in the spec may have any values"),
        ),
        number => Ok(number),
    }
}
