//! The design of an experiment: how many users show the effect of interest, how long that takes, and what
//! is seen by the planned end.

mod metric;
mod render;

use std::collections::BTreeMap;

pub use metric::{MetricDesign, comparisons};
pub use render::{json, text};

use crate::spec::Day;
use crate::stack::{Experiment, PARTS};
use crate::statistics::StatisticsError;
use crate::statistics::power::cost_of_imbalance;

/// Fewest samples of an arm that an experiment is decided with: below, one odd day decides.
pub const FEWEST_SAMPLES: u64 = 1_000;
/// Fewest days of an experiment: every day of the week counts alike.
pub const FEWEST_DAYS: u64 = 7;

/// What an experiment needs, and what it sees by its planned end.
#[derive(Clone, Debug)]
pub struct Design {
    /// Alpha of each comparison: that of the experiment over their number, with which Holm's correction begins.
    pub alpha: f64,
    /// Number of comparisons: metrics times arms beside the control.
    pub comparisons: usize,
    /// Samples by arm at which every metric shows its smallest effect with the power that is asked for.
    pub per_arm: BTreeMap<String, u64>,
    /// The sum of those.
    pub total: u64,
    /// Each metric by itself.
    pub metrics: BTreeMap<String, MetricDesign>,
    /// How many times the users of an equal split the arms' ratio takes, for the smallest arm against the control.
    pub cost_of_ratio: f64,
    /// What the stated traffic brings; none where none is stated.
    pub traffic: Option<Traffic>,
    /// Days from the first to the last, both counted; the shortest run where they are not stated.
    pub planned_days: u64,
    /// Whether that is what the dates say.
    pub has_dates: bool,
}

/// What the traffic brings of users.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Users a day in any arm at the last step.
    pub users_per_day: f64,
    /// Days until every arm has its samples, in whole weeks, and at least the shortest run.
    pub days: u64,
    /// The same without the rounding.
    pub exact_days: u64,
    /// The days at each step of the ramp, as if it were the only one.
    pub steps: Vec<Step>,
    /// Samples by arm at the planned end.
    pub at_end: BTreeMap<String, u64>,
    /// Probability at the planned end to see the smallest effect of interest, of the metric that sees it least.
    pub power: f64,
}

/// A step of the ramp.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Percent of users on other arms than the control.
    pub percent: f64,
    /// Users a day in any arm.
    pub users_per_day: f64,
    /// Days until every arm has its samples, not rounded to weeks.
    pub days: u64,
}

/// Why an experiment has no design.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Name of the metric.
    pub metric: String,
    /// What is wrong with it.
    pub error: StatisticsError,
}

/// The design of `experiment`.
///
/// It is that of a test of each metric between the control and each other arm, at the ratio of their weights;
/// users are taken to come on one day only, and the last step of the ramp to hold from the first day.
///
/// # Errors
///
/// A metric whose numbers no sample size can be given for.
pub fn design(experiment: &Experiment) -> Result<Design, Fault> {
    let comparisons = comparisons(experiment);
    let alpha = experiment.alpha / comparisons as f64;
    let (control, worst) = shares(experiment);
    let fault = |metric: &str, error| Fault { metric: metric.to_owned(), error };
    let mut metrics = BTreeMap::new();
    let mut total = 0.0_f64;
    for (name, metric) in &experiment.metrics {
        let size = metric::size(metric, worst / control, alpha, experiment.power).map_err(|error| fault(name, error))?;
        total = total.max(size.first / control);
        metrics.insert(name.clone(), MetricDesign::of(metric, size));
    }
    let per_arm: BTreeMap<String, u64> =
        experiment.arms.iter().map(|(name, arm)| (name.clone(), up(total * share(arm.slot_parts)).max(2))).collect();
    let planned_days = planned_days(experiment);
    let mut design = Design {
        alpha,
        comparisons,
        total: per_arm.values().fold(0, |total, samples| total.saturating_add(*samples)),
        per_arm,
        metrics,
        cost_of_ratio: cost_of_imbalance(worst / control),
        traffic: None,
        has_dates: has_dates(experiment),
        planned_days,
    };
    if let Some(users) = experiment.users_per_day {
        let users_per_day = users as f64 * (1.0 - held_out(experiment));
        let least_total = total.max(FEWEST_SAMPLES as f64 / worst.min(control));
        let steps: Vec<Step> = experiment.ramp.iter().map(|percent| step(*percent, control, users_per_day, least_total)).collect();
        let exact_days = days(least_total, users_per_day);
        let weeks = exact_days.max(experiment.at_least.milliseconds().div_ceil(86_400_000)).div_ceil(7).max(1);
        let mut power = 1.0_f64;
        let count = users_per_day * planned_days as f64;
        for (name, metric) in &experiment.metrics {
            let seen = metric::at(metric, count * control, count * worst, alpha, experiment.power).map_err(|error| fault(name, error))?;
            power = power.min(seen.power);
            design.metrics.entry(name.clone()).and_modify(|entry| entry.at_end = Some(seen));
        }
        design.traffic = Some(Traffic {
            users_per_day,
            days: weeks.saturating_mul(7),
            exact_days,
            steps,
            at_end: experiment.arms.iter().map(|(name, arm)| (name.clone(), (count * share(arm.slot_parts) + 1e-9) as u64)).collect(),
            power,
        });
    }
    Ok(design)
}

/// Probability to see the smallest effect of interest of every metric after `days` at the last step.
///
/// # Errors
///
/// As [`design`].
pub fn power_after(experiment: &Experiment, days: u64) -> Result<f64, Fault> {
    let (control, worst) = shares(experiment);
    let users = experiment.users_per_day.unwrap_or(0) as f64 * (1.0 - held_out(experiment)) * days as f64;
    let alpha = experiment.alpha / comparisons(experiment) as f64;
    experiment.metrics.iter().try_fold(1.0_f64, |least, (name, metric)| {
        let seen = metric::at(metric, users * control, users * worst, alpha, experiment.power);
        seen.map(|seen| least.min(seen.power)).map_err(|error| Fault { metric: name.clone(), error })
    })
}

/// Days from the first to the last, both counted; the shortest run where they are not stated.
fn planned_days(experiment: &Experiment) -> u64 {
    dates(experiment.starts, experiment.ends)
        .and_then(|days| u64::try_from(days).ok())
        .filter(|days| *days > 0)
        .unwrap_or_else(|| experiment.at_least.milliseconds().div_ceil(86_400_000).max(1))
}

/// Days from `starts` to `ends`, both counted.
pub fn dates(starts: Option<Day>, ends: Option<Day>) -> Option<i64> {
    Some(ends?.days_since(starts?) + 1)
}

fn has_dates(experiment: &Experiment) -> bool {
    dates(experiment.starts, experiment.ends).is_some_and(|days| days > 0)
}

/// Share of all users of an arm with `parts`.
fn share(parts: u32) -> f64 {
    f64::from(parts) / f64::from(PARTS)
}

/// Shares of the control and of the smallest other arm, which takes the most users.
fn shares(experiment: &Experiment) -> (f64, f64) {
    let control = experiment.arms.get(&experiment.control).map_or(1, |arm| arm.slot_parts);
    let smallest = experiment.treatments().map(|(_, arm)| arm.slot_parts).min().unwrap_or(control);
    // Of other arms than the smallest, none has fewer samples, and with the same control none sees less.
    (share(control), share(smallest))
}

/// Share of the users who take part in nothing.
fn held_out(experiment: &Experiment) -> f64 {
    experiment.holdout.as_ref().map_or(0.0, |holdout| holdout.percent / 100.0)
}

fn step(percent: f64, control: f64, users_per_day: f64, total: f64) -> Step {
    let users_per_day = users_per_day * (percent / 100.0 / (1.0 - control)).min(1.0);
    Step { percent, users_per_day, days: days(total, users_per_day) }
}

/// Days until `total` users have come.
fn days(total: f64, users_per_day: f64) -> u64 {
    up(total / users_per_day).max(1)
}

/// Rounded up; what stands above a whole number by its last digits only is that number.
fn up(value: f64) -> u64 {
    (value * (1.0 - 1e-12)).ceil() as u64
}
