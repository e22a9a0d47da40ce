//! Rules, and the unit tests that every alert must bring.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::diagnostic::Route;
use crate::stack::Duration;

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

/// Rules that are evaluated one after the other.
#[derive(Debug)]
pub(super) struct Group {
    /// Its name, unique in the file.
    pub(super) name: String,
    /// Seconds between two evaluations; `None` for Prometheus' own setting.
    pub(super) interval_seconds: Option<u64>,
    /// Block of the spec that the rules are about.
    pub(super) about: Route,
    /// In the order of evaluation.
    pub(super) rules: Vec<Rule>,
}

/// One rule of a group.
#[derive(Debug)]
pub(super) enum Rule {
    /// Writes a series.
    Record(Recording),
    /// Tells people.
    Alert(Box<Alert>),
}

impl Rule {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Record(recording) => recording.name,
            Self::Alert(alert) => &alert.name,
        }
    }

    /// Its query.
    pub(super) fn expr(&self) -> &str {
        match self {
            Self::Record(recording) => &recording.expr,
            Self::Alert(alert) => &alert.expr,
        }
    }

    /// As an entry of a rule file.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Record(r) => json!({ "record": r.name, "expr": r.expr, "labels": r.labels }),
            Self::Alert(alert) => {
                let labels: Labels = alert.labels().into_iter().map(|(name, value)| (name, literal(&value))).collect();
                json!({
                    "alert": alert.name,
                    "expr": alert.expr,
                    "for": Duration::from_seconds(alert.for_seconds).to_string(),
                    "labels": labels,
                    "annotations": { "summary": literal(&alert.summary), "description": alert.description.template() },
                })
            }
        }
    }
}

/// A rule that writes the series `name` with `labels`.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) name: &'static str,
    pub(super) expr: String,
    pub(super) labels: Labels,
}

/// How soon somebody must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// At once, also at night.
    Page,
    /// In working hours.
    Ticket,
}

impl Severity {
    /// The value of the label `severity`.
    fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// An alert. It cannot be made without its tests.
#[derive(Debug)]
pub(super) struct Alert {
    pub(super) name: String,
    pub(super) expr: String,
    /// Seconds that the expression must hold before anybody is told.
    pub(super) for_seconds: u64,
    pub(super) severity: Severity,
    /// Labels beside `severity`.
    pub(super) labels: Labels,
    /// What is wrong, in one line of plain text.
    pub(super) summary: String,
    /// What that means and what to do.
    pub(super) description: Description,
    pub(super) cases: Cases,
}

impl Alert {
    /// All labels.
    pub(super) fn labels(&self) -> Labels {
        let mut labels = self.labels.clone();
        labels.insert("severity".into(), self.severity.word().into());
        labels
    }
}

/// Text around at most one measured value.
#[derive(Debug)]
pub(super) struct Description {
    before: String,
    /// Function of Prometheus' templates that prints the value, and the text after it.
    value: Option<(&'static str, String)>,
}

impl Description {
    /// Text alone.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { before: text.into(), value: None }
    }

    /// The value as a percentage between two texts.
    pub(super) fn percentage(before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { before: before.into(), value: Some(("humanizePercentage", after.into())) }
    }

    /// The value as a number between two texts.
    pub(super) fn number(before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { before: before.into(), value: Some(("humanize", after.into())) }
    }

    /// As an annotation's template.
    fn template(&self) -> String {
        match &self.value {
            None => literal(&self.before),
            Some((function, after)) => format!("{}{{{{ $value | {function} }}}}{}", literal(&self.before), literal(after)),
        }
    }

    /// What people read when the value is printed as `value`.
    pub(super) fn expanded(&self, value: &str) -> String {
        match &self.value {
            None => self.before.clone(),
            Some((_, after)) => format!("{}{value}{after}", self.before),
        }
    }
}

/// Plain text as a Go template that prints just that.
fn literal(text: &str) -> String {
    text.replace('{', "{{\"{\"}}")
}

/// The tests of an alert.
#[derive(Debug)]
pub(super) struct Cases {
    /// It fires on this.
    pub(super) fires: Firing,
    /// It stays silent in good order.
    pub(super) good: Input,
    /// It stays silent without traffic.
    pub(super) idle: Input,
    /// It also stays silent on these, by what each shows.
    pub(super) also_silent: Vec<(&'static str, Input)>,
}

/// Series on which an alert fires.
#[derive(Debug)]
pub(super) struct Firing {
    pub(super) input: Input,
    /// The value as the description prints it; empty when it prints none.
    pub(super) value: String,
}

/// Series as promtool's tests write them, and when to look.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// Selector and values of each.
    pub(super) series: Vec<(String, String)>,
    /// Minutes after the first sample.
    pub(super) minutes: u32,
    /// Time between two samples.
    pub(super) pace: Pace,
}

/// Time between two samples of a test, and with it the test file that the test goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// A minute.
    Minute,
    /// An hour, and rules that run once an hour: for what takes days.
    Hour,
    /// So many minutes, and rules that run as seldom: for a day of the calendar, since tests begin in 1970.
    Minutes(u32),
}

impl Pace {
    /// As promtool reads it.
    pub(super) fn interval(self) -> String {
        match self {
            Self::Minute => "1m".into(),
            Self::Hour => "1h".into(),
            Self::Minutes(minutes) => format!("{minutes}m"),
        }
    }
}

impl Input {
    /// Series that are looked at after `minutes`.
    pub(super) fn after(minutes: u32, series: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { series: series.into_iter().collect(), minutes, pace: Pace::Minute }
    }

    /// Series of one sample an hour that are looked at after `hours`.
    pub(super) fn hourly(hours: u32, series: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { series: series.into_iter().collect(), minutes: hours * 60, pace: Pace::Hour }
    }
}

/// A rule file. The `spec` of a PrometheusRule is the same.
pub(super) fn rule_file<'a>(groups: impl Iterator<Item = &'a Group>) -> Value {
    let group = |group: &Group| {
        let mut map = Map::from_iter([("name".into(), group.name.clone().into())]);
        if let Some(seconds) = group.interval_seconds {
            map.insert("interval".into(), Duration::from_seconds(seconds).to_string().into());
        }
        map.insert("rules".into(), group.rules.iter().map(Rule::to_value).collect());
        Value::Object(map)
    };
    json!({ "groups": groups.map(group).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::{Description, literal};

    #[test]
    fn user_text_cannot_open_a_template() {
        assert_eq!(literal("a {{ $labels }} b"), "a {{\"{\"}}{{\"{\"}} $labels }} b");
        let description = Description::percentage("x{", " of {{y}}");
        assert_eq!(description.template(), "x{{\"{\"}}{{ $value | humanizePercentage }} of {{\"{\"}}{{\"{\"}}y}}");
        assert_eq!(description.expanded("5%"), "x{5% of {{y}}");
    }
}
