//! Scores of an experiment's users: a file of any size, read once, in bounded memory.
//!
//! The unit is the user: the mean of their values of a metric is one sample, however many answers they got.
//! Every row is used, left out for a reason that is counted, or refused with a finding.

mod csv;
mod entries;
mod found;
mod intake;
mod json;
mod rules;
mod tap;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::{Finding, thousands};
use crate::stack::Experiment;
use crate::statistics::{Moments, srm};
use entries::Entry;
pub use entries::MOST_ENTRIES;
pub(super) use found::short as short_name;
use found::{Found, Row, short};
use intake::Intake;
pub use rules::RULES;
use rules::{ENCODING, UNREADABLE};
use tap::Tap;

/// Names of columns that were ignored which are said.
const MOST_COLUMNS: usize = 20;

/// What was read.
#[derive(Debug)]
pub struct Scores {
    /// Samples by metric or guard and by arm; every pair is there.
    pub samples: BTreeMap<String, BTreeMap<String, Moments>>,
    /// Users by arm who have any score; those in two arms are not among them.
    pub users: BTreeMap<String, u64>,
    /// Users that have scores in two arms or more, who are left out.
    pub users_in_two_arms: u64,
    /// Rows refused and rows used, by arm; of the refused, those whose arm is known.
    pub refused_and_used: BTreeMap<String, (u64, u64)>,
    /// What became of the rows.
    pub rows: Rows,
    /// What is wrong, the first of each kind.
    pub findings: Vec<Finding>,
}

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Rows {
    /// All.
    pub read: u64,
    /// Those that the answer rests on, before users in two arms are left out.
    pub used: u64,
    /// Those of users outside of the experiment.
    pub off: u64,
    /// Those that name another experiment.
    pub of_other_experiments: u64,
    /// Those of metrics that the experiment does not have.
    pub of_other_metrics: u64,
    /// Those that were refused, by the name of the rule.
    pub refused: BTreeMap<String, u64>,
    /// Columns that were ignored, the first 20.
    pub ignored_columns: BTreeSet<String>,
    /// Whether the file ends without a newline: where it was cut off there, its last value may be too.
    pub ends_without_newline: bool,
}

/// Share of users in two arms, and of rows refused, above which there is no verdict.
const MOST_LOST: f64 = 0.01;
/// Refused rows from which on their split between arms is looked at.
const LEAST_REFUSED: u64 = 20;

impl Scores {
    /// Why nothing can be concluded from the scores, in sentences.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if crate::diagnostic::has_errors(&self.findings) {
            faults.push("the file of scores has errors, so what it lacks is not known".to_owned());
        }
        let users = self.users.values().sum::<u64>() + self.users_in_two_arms;
        if self.users_in_two_arms as f64 > MOST_LOST * users as f64 {
            let (two, all) = (thousands(self.users_in_two_arms), thousands(users));
            faults.push(format!("{two} of {all} users have scores in two arms, more than 1 %: who got what is not known"));
        }
        let (refused, used) = (self.rows.refused(), self.rows.used);
        if refused as f64 > MOST_LOST * (refused + used) as f64 {
            let (refused, all) = (thousands(refused), thousands(refused + used));
            faults.push(format!("{refused} of {all} rows were refused, more than 1 %, and what they would say is not known"));
        }
        let split: Vec<(u64, f64)> =
            self.refused_and_used.values().filter(|(refused, used)| refused + used > 0).map(|(r, u)| (*r, (r + u) as f64)).collect();
        let (lost, weights): (Vec<u64>, Vec<f64>) = split.into_iter().unzip();
        let is_uneven =
            lost.iter().sum::<u64>() >= LEAST_REFUSED && srm::sample_ratio(&lost, &weights).is_ok_and(|ratio| ratio.is_mismatch());
        if is_uneven {
            let arms = self
                .refused_and_used
                .iter()
                .map(|(arm, (refused, used))| format!("{} of {} of `{arm}`", thousands(refused), thousands(refused + used)));
            let arms = arms.collect::<Vec<_>>().join(", ");
            faults.push(format!("one arm lost more rows than another beyond chance ({arms}), so the rest cannot be compared"));
        }
        faults
    }
}

impl Rows {
    /// Rows that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    fn ignore_column(&mut self, name: &str) {
        if self.ignored_columns.len() < MOST_COLUMNS && !self.ignored_columns.contains(name) {
            self.ignored_columns.insert(short(name));
        }
    }
}

/// Reads the scores of `experiment` from `input`, which findings call `shown`. At most `most_entries` pairs
/// of user and metric are held in memory; `progress` is told how many bytes were read.
///
/// # Errors
/// When the input cannot be read, or a temporary file not written or read.
pub fn read(
    experiment: &Experiment,
    shown: &str,
    input: &mut dyn Read,
    most_entries: usize,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Scores> {
    let metrics = metrics(experiment);
    let mut intake = Intake::new(experiment, &metrics, shown, most_entries);
    let mut tap = Tap::new(input, progress)?;
    match format(tap.peek()) {
        Ok((format, mark_bytes)) => {
            tap.drop_first(mark_bytes);
            match format {
                Format::Csv => csv::read(tap, &mut intake)?,
                Format::JsonLines => json::read(tap, &mut intake)?,
            }
        }
        Err((rule, message, help)) => {
            let row = Row { line_and_raw: &|| (1, Vec::new()) };
            intake.found.add(rule, row, "", || (message.to_owned(), String::new(), help.map(str::to_owned)));
        }
    }
    reduce(experiment, &metrics, intake)
}

/// What decides and what must not get worse, by name, each once, with whether it is a share of users.
fn metrics(experiment: &Experiment) -> Vec<(String, bool)> {
    let names: BTreeSet<&String> = experiment.metrics.keys().chain(experiment.guards.keys()).collect();
    let is_share = |name: &String| experiment.metrics.get(name).is_some_and(|metric| metric.deviation.is_none());
    names.into_iter().map(|name| (name.clone(), is_share(name))).collect()
}

/// Forms of scores.
enum Format {
    Csv,
    JsonLines,
}

/// The form of what begins with `start` and the length of a byte order mark before it, or why it is none.
fn format(start: &[u8]) -> Result<(Format, usize), (&'static crate::diagnostic::Rule, &'static str, Option<&'static str>)> {
    let utf16 = Some("`iconv -f UTF-16 -t UTF-8` makes UTF-8 of it");
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, 0, _, ..] | [_, 0, _, 0, ..] => {
            return Err((&ENCODING, "the scores are in UTF-16 and not in UTF-8", utf16));
        }
        [0x1f, 0x8b, ..] => return Err((&UNREADABLE, "the scores are compressed with gzip", Some("`zcat FILE | llmc … --scores -`"))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            return Err((&UNREADABLE, "the scores are compressed with zstd", Some("`zstdcat FILE | llmc … --scores -`")));
        }
        [b'P', b'K', 3, 4, ..] => {
            return Err((&UNREADABLE, "the scores are a ZIP archive or a spreadsheet", Some("export them as CSV in UTF-8")));
        }
        [b'P', b'A', b'R', b'1', ..] => return Err((&UNREADABLE, "the scores are in Parquet", Some("export them as CSV in UTF-8"))),
        _ => {}
    }
    let mark_bytes = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    match start.get(mark_bytes..).unwrap_or_default().trim_ascii_start().first() {
        None if start.len() < tap::BLOCK_BYTES => Err((&UNREADABLE, "the file of scores is empty", None)),
        Some(b'{' | b'[') => Ok((Format::JsonLines, mark_bytes)),
        _ => Ok((Format::Csv, mark_bytes)),
    }
}

/// Reduces rows to users and users to samples.
fn reduce(experiment: &Experiment, metrics: &[(String, bool)], intake: Intake<'_>) -> io::Result<Scores> {
    let arms: Vec<&String> = experiment.arms.keys().collect();
    let mut moments = vec![vec![Moments::default(); arms.len()]; metrics.len()];
    let mut users = vec![0_u64; arms.len()];
    let mut users_in_two_arms = 0;
    let mut take = |entries: &mut Vec<Entry>| {
        let Some(arm) = entries.first().map(|entry| entry.arm) else { return };
        if entries.iter().any(|entry| entry.arm != arm) {
            users_in_two_arms += 1;
        } else {
            users.get_mut(usize::from(arm)).into_iter().for_each(|users| *users += 1);
            for of_metric in entries.chunk_by(|a, b| a.metric == b.metric) {
                let (sum, rows) = of_metric.iter().fold((0.0, 0), |(sum, rows), entry| (sum + entry.sum, rows + u64::from(entry.rows)));
                let metric = of_metric.first().map_or(0, |entry| usize::from(entry.metric));
                let sample = moments.get_mut(metric).and_then(|arms| arms.get_mut(usize::from(arm)));
                sample.into_iter().for_each(|sample| sample.add(sum / rows as f64));
            }
        }
        entries.clear();
    };
    let mut of_user: Vec<Entry> = Vec::new();
    for entry in intake.entries.sorted()? {
        let entry = entry?;
        if of_user.first().is_some_and(|first| first.user != entry.user) {
            take(&mut of_user);
        }
        of_user.push(entry);
    }
    take(&mut of_user);
    let by_arm = |samples: Vec<Moments>| arms.iter().map(|arm| (*arm).clone()).zip(samples).collect();
    Ok(Scores {
        samples: metrics.iter().map(|(name, _)| name.clone()).zip(moments.into_iter().map(by_arm)).collect(),
        users: arms.iter().map(|arm| (*arm).clone()).zip(users).collect(),
        users_in_two_arms,
        refused_and_used: arms.iter().map(|arm| (*arm).clone()).zip(intake.by_arm).collect(),
        rows: intake.rows,
        findings: Found::finish(intake.found),
    })
}
