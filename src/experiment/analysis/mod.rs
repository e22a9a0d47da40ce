//! What the scores of an experiment say, and what follows from it.
//!
//! First whether the split between the arms is the planned one; then, for each metric and arm, how far it is
//! from the control; then whether a guard was hurt; then the verdict. A broken experiment has no estimates.

mod compare;
mod figures;
mod guards;
mod markdown;
pub mod prometheus;
mod report;
pub mod scores;
mod svg;
mod text;
mod verdict;

use std::collections::BTreeMap;

use crate::diagnostic;
use crate::spec::Day;
use crate::stack::Experiment;
use crate::statistics::{Moments, StatisticsError, srm};
pub use markdown::render as render_markdown;
pub use report::{
    Arm, Comparison, Days, GuardState, Guarded, Report, SampleRatio, Statistics, Unit, Verdict, Word, json_schema, render_json,
};
pub use svg::render as render_svg;
pub use text::render as render_text;

/// Users that an arm takes at least: fewer say little of answers that vary this much.
pub const LEAST_SAMPLES: u64 = 1_000;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Name of the stack.
    pub stack: &'a str,
    /// The experiment.
    pub experiment: &'a Experiment,
    /// Days that it ran, if known.
    pub days: Option<i64>,
    /// Whether p-values and intervals shall hold at every look, and not only at the end.
    pub is_sequential: bool,
}

/// What is known.
#[derive(Clone, Debug)]
pub struct Data {
    /// Samples by metric or guard and by arm.
    pub samples: BTreeMap<String, BTreeMap<String, Moments>>,
    /// Samples by arm; users in any metric, once.
    pub counts: BTreeMap<String, u64>,
    /// What a sample is.
    pub unit: Unit,
    /// Why nothing can be concluded, in sentences.
    pub faults: Vec<String>,
    /// What a reader has to know, in sentences.
    pub notes: Vec<String>,
}

/// Days between the first and the last day that `experiment` states, both counted.
pub fn planned_days(experiment: &Experiment) -> Option<i64> {
    Some((experiment.ends?.days_since(experiment.starts?) + 1).max(0))
}

/// Whole days that `experiment` has run when `today` begins, by its first day.
pub fn days_until(experiment: &Experiment, today: Day) -> Option<i64> {
    Some(today.days_since(experiment.starts?).max(0))
}

/// Answers `question` from `data`.
pub fn analyze(question: &Question<'_>, data: &Data) -> Report {
    let experiment = question.experiment;
    let mut report = Report::empty(question, data);
    let mut faults = data.faults.clone();
    faults.extend(empty_arms(question, data));
    if data.unit == Unit::Users {
        match ratio(experiment, &data.counts) {
            Ok(ratio) => {
                if ratio.is_some_and(|ratio| ratio.is_mismatch()) {
                    faults.push(mismatch("the users", experiment, &data.counts, ratio));
                }
                report.sample_ratio = ratio.map(SampleRatio::from);
            }
            Err(why) => faults.push(why),
        }
        // Where the users are not split as planned, nor are those of a metric.
        let metrics = data.samples.iter().filter(|_| report.sample_ratio.is_none_or(|ratio| ratio.p >= srm::ALARM));
        for (metric, arms) in metrics {
            let counts = arms.iter().map(|(arm, sample)| (arm.clone(), sample.count())).collect();
            if let Some(ratio) = ratio(experiment, &counts).ok().flatten().filter(srm::SampleRatio::is_mismatch) {
                faults.push(mismatch(&format!("the users with a value of `{metric}`"), experiment, &counts, Some(ratio)));
            }
        }
    }
    let (comparisons, no_test) = compare::all(question, data);
    faults.extend(no_test);
    report.notes.extend(methods(question));
    if faults.is_empty() {
        report.metrics = comparisons;
        report.guards = guards::all(question, data);
        report.verdict = verdict::of(question, &report);
    } else {
        report.verdict = Verdict { word: Word::Broken, arm: None, prompt_version: None, reasons: faults };
    }
    report
}

/// Answers `question` from the scores of users.
pub fn analyze_scores(question: &Question<'_>, scores: scores::Scores) -> Report {
    let mut notes = Vec::new();
    if scores.rows.ends_without_newline {
        notes.push("the file ends without a newline: had it been cut off there, its last value would be wrong".to_owned());
    }
    if scores.users_in_two_arms > 0 {
        let users = diagnostic::thousands(scores.users_in_two_arms);
        notes.push(format!("{users} users have scores in two arms and are left out of both"));
    }
    let faults = scores.faults();
    let data = Data { samples: scores.samples, counts: scores.users, unit: Unit::Users, faults, notes };
    Report { users_in_two_arms: scores.users_in_two_arms, rows: Some(scores.rows), ..analyze(question, &data) }
}

/// What the methods rest on, where it is not obvious.
fn methods(question: &Question<'_>) -> Vec<String> {
    let experiment = question.experiment;
    let shares: Vec<String> =
        experiment.metrics.iter().filter(|(_, m)| m.deviation.is_none()).map(|(name, _)| format!("`{name}`")).collect();
    let mut methods = Vec::new();
    if !shares.is_empty() {
        methods.push(format!(
            "a share of users, as {} is, is tested as a mean of 0 and 1 (Welch), which is right for large samples",
            shares.join(" and ")
        ));
    }
    if question.is_sequential {
        let text =
            "p-values and intervals hold at every look (mSPRT): tau is the smallest effect that matters, of a guard what is let pass";
        methods.push(text.to_owned());
    }
    methods
}

/// The check of the split of `counts`; none where only one arm takes part at this step.
fn ratio(experiment: &Experiment, counts: &BTreeMap<String, u64>) -> Result<Option<srm::SampleRatio>, String> {
    let count = |arm: &str| counts.get(arm).copied().unwrap_or_default();
    let stray = experiment.arms.iter().find(|(name, arm)| arm.active_parts == 0 && count(name) > 0);
    if let Some((name, _)) = stray {
        return Err(format!("`{name}` has users, and gets none at step {} of the ramp", experiment.step));
    }
    let active = experiment.arms.iter().filter(|(_, arm)| arm.active_parts > 0);
    let (observed, weights): (Vec<u64>, Vec<f64>) = active.map(|(name, arm)| (count(name), f64::from(arm.active_parts))).unzip();
    if observed.len() < 2 || observed.iter().sum::<u64>() == 0 {
        return Ok(None);
    }
    srm::sample_ratio(&observed, &weights).map(Some).map_err(|error: StatisticsError| error.to_string())
}

/// Why the split cannot be right.
fn mismatch(what: &str, experiment: &Experiment, counts: &BTreeMap<String, u64>, ratio: Option<srm::SampleRatio>) -> String {
    let total = counts.values().sum::<u64>() as f64;
    let parts: u32 = experiment.arms.values().map(|arm| arm.active_parts).sum();
    let arms = experiment.arms.iter().map(|(name, arm)| {
        let (seen, planned) =
            (counts.get(name).copied().unwrap_or_default() as f64 / total, f64::from(arm.active_parts) / f64::from(parts));
        format!("`{name}` {} instead of {}", figures::percent(seen), figures::percent(planned))
    });
    let (arms, p) = (arms.collect::<Vec<_>>().join(", "), figures::probability(ratio.map_or(0.0, |ratio| ratio.p)));
    format!("{what} are not split as planned: {arms} (chi-square test, p {p}), so some are missing from one side, and who is not known")
}

/// Arms without any samples.
fn empty_arms(question: &Question<'_>, data: &Data) -> Vec<String> {
    let experiment = question.experiment;
    let is_empty = |arm: &String| data.counts.get(arm).copied().unwrap_or_default() == 0;
    let unit = data.unit.plural();
    if experiment.arms.keys().all(is_empty) {
        return vec![format!("there are no scores of `{}`", experiment.name)];
    }
    experiment
        .arms
        .iter()
        .filter(|(name, arm)| arm.active_parts > 0 && is_empty(name))
        .map(|(name, _)| format!("`{name}` has no {unit}"))
        .collect()
}
