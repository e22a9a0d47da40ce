//! The answer, as programs read it. Its JSON form is a contract: `schemas/analysis.schema.json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::scores::Rows;
use super::{Data, Question, planned_days};
use crate::spec::Better;
use crate::statistics::{Moments, srm};

/// Version of the JSON form; a new minor version only adds fields.
const FORMAT_VERSION: &str = "1.0";

/// What `llmc experiment analyze --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "llmc experiment analyze")]
pub struct Report {
    /// Version of this format, `major.minor`: a new minor version only adds fields; a reader must refuse a
    /// major version that it does not know.
    pub format_version: String,
    /// Name of the stack.
    pub stack: String,
    /// Name of the experiment.
    pub experiment: String,
    /// Arm that the others are compared with.
    pub control: String,
    /// What follows.
    pub verdict: Verdict,
    /// What a sample is.
    pub unit: Unit,
    /// Probability of error, two-sided; intervals have a confidence of 1 less this.
    pub alpha: f64,
    /// Whether p-values and intervals hold at every look.
    pub is_sequential: bool,
    /// How long it ran.
    pub days: Days,
    /// The arms, by name.
    pub arms: Vec<Arm>,
    /// Whether the users are split as planned; none where that cannot be tested.
    pub sample_ratio: Option<SampleRatio>,
    /// Users in two arms, who are left out.
    pub users_in_two_arms: u64,
    /// What became of the rows of the file; none without a file.
    pub rows: Option<Rows>,
    /// Each metric and arm against the control, by both names; empty where the verdict is `broken`.
    pub metrics: Vec<Comparison>,
    /// Each guard and arm, by both names; empty where the verdict is `broken`.
    pub guards: Vec<Guarded>,
    /// What a reader has to know, in sentences.
    pub notes: Vec<String>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Verdict {
    /// In a word.
    pub word: Word,
    /// The arm to deploy.
    pub arm: Option<String>,
    /// Its version of the prompt.
    pub prompt_version: Option<String>,
    /// Why, in sentences.
    pub reasons: Vec<String>,
}

/// The verdict in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// An arm is better than the control, and nothing is worse.
    Deploy,
    /// No arm is, or it is worse in something that counts.
    Keep,
    /// That cannot be said yet.
    NotEnough,
    /// That cannot be said from these data, however many more there will be.
    Broken,
}

impl Word {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Keep => "keep",
            Self::NotEnough => "not enough",
            Self::Broken => "broken",
        }
    }
}

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// The mean of a user's values.
    Users,
    /// One value, of whomever.
    Observations,
}

impl Unit {
    /// In words, several of them.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Observations => "observations",
        }
    }
}

/// How long it ran.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Days {
    /// Days that it ran; null where not known.
    pub ran: Option<i64>,
    /// Days that it takes at least.
    pub at_least: f64,
    /// Days from its first to its last; null where not stated.
    pub planned: Option<i64>,
}

/// An arm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Version of the prompt.
    pub prompt_version: String,
    /// Samples, of any metric.
    pub samples: u64,
    /// Their share.
    pub share: f64,
    /// The share that the arm has by the spec.
    pub planned_share: f64,
}

/// Whether the users are split as planned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SampleRatio {
    /// Pearson's statistic.
    pub chi_squared: f64,
    /// Probability of one at least as great under the planned split; below 0.001 there is no verdict.
    pub p: f64,
}

impl From<srm::SampleRatio> for SampleRatio {
    fn from(ratio: srm::SampleRatio) -> Self {
        Self { chi_squared: ratio.chi_squared, p: ratio.p }
    }
}

/// A sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Statistics {
    /// How many.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation; null below two.
    pub deviation: Option<f64>,
}

impl From<&Moments> for Statistics {
    fn from(moments: &Moments) -> Self {
        Self { n: moments.count(), mean: moments.mean(), deviation: moments.variance().map(f64::sqrt) }
    }
}

/// A metric of an arm against that of the control.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// Name of the metric.
    pub metric: String,
    /// Name of the arm.
    pub arm: String,
    /// Which direction is an improvement.
    pub better: Better,
    /// Whether it is a share of users.
    pub is_share: bool,
    /// Smallest difference that matters.
    pub minimum_effect: f64,
    /// The control.
    pub control: Statistics,
    /// The arm.
    pub treatment: Statistics,
    /// Mean of the arm less that of the control.
    pub difference: f64,
    /// Where its interval begins.
    pub low: f64,
    /// Where its interval ends.
    pub high: f64,
    /// The difference as a share of the control's mean; null where that is not above 0.
    pub lift: Option<f64>,
    /// Welch's statistic.
    pub t: f64,
    /// Its degrees of freedom.
    pub df: f64,
    /// Its p-value, two-sided; with `is_sequential` the one that holds at every look.
    pub p: f64,
    /// The same after Holm's correction over all metrics and arms.
    pub p_holm: f64,
    /// Cohen's d.
    pub d: Option<f64>,
    /// Where its interval begins.
    pub d_low: Option<f64>,
    /// Where its interval ends.
    pub d_high: Option<f64>,
    /// Whether `p_holm` is below `alpha`.
    pub is_significant: bool,
    /// `p_holm` at the least and at the greatest variance that the buckets of a histogram allow.
    pub p_holm_range: Option<[f64; 2]>,
}

impl Comparison {
    /// The difference, above 0 where it is an improvement.
    pub fn gain(&self) -> f64 {
        if self.better == Better::Higher { self.difference } else { -self.difference }
    }
}

/// A guard of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Guarded {
    /// Name of the guard.
    pub guard: String,
    /// Name of the arm.
    pub arm: String,
    /// Which direction is an improvement.
    pub better: Better,
    /// Greatest loss that is let pass, as a share of the control's mean.
    pub worse_by: f64,
    /// What was found.
    pub state: GuardState,
    /// The control; null where it was not measured.
    pub control: Option<Statistics>,
    /// The arm; null where it was not measured.
    pub treatment: Option<Statistics>,
    /// The loss as a share of the control's mean, below 0 where it is a gain; null where not known.
    pub loss: Option<f64>,
    /// What the loss is above with a confidence of 1 - alpha, one-sided.
    pub loss_low: Option<f64>,
    /// What the loss is below with a confidence of 1 - alpha, one-sided.
    pub loss_high: Option<f64>,
}

/// What was found of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GuardState {
    /// The loss is surely below what is let pass.
    Held,
    /// The loss is surely above.
    Exceeded,
    /// Neither is sure.
    NotKnown,
    /// There are no values.
    NotMeasured,
}

impl GuardState {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Exceeded => "exceeded",
            Self::NotKnown => "not known",
            Self::NotMeasured => "not measured",
        }
    }
}

impl Report {
    /// What is known before anything is computed.
    pub(super) fn empty(question: &Question<'_>, data: &Data) -> Self {
        let experiment = question.experiment;
        let total = data.counts.values().sum::<u64>().max(1) as f64;
        let parts = experiment.arms.values().map(|arm| arm.active_parts).sum::<u32>().max(1);
        let arm = |(name, arm): (&String, &crate::stack::Arm)| {
            let samples = data.counts.get(name).copied().unwrap_or_default();
            let planned_share = f64::from(arm.active_parts) / f64::from(parts);
            Arm { name: name.clone(), prompt_version: arm.version.clone(), samples, share: samples as f64 / total, planned_share }
        };
        let days = Days { ran: question.days, at_least: experiment.at_least.seconds() / 86_400.0, planned: planned_days(experiment) };
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            stack: question.stack.to_owned(),
            experiment: experiment.name.clone(),
            control: experiment.control.clone(),
            verdict: Verdict { word: Word::NotEnough, arm: None, prompt_version: None, reasons: Vec::new() },
            unit: data.unit,
            alpha: experiment.alpha,
            is_sequential: question.is_sequential,
            days,
            arms: experiment.arms.iter().map(arm).collect(),
            sample_ratio: None,
            users_in_two_arms: 0,
            rows: None,
            metrics: Vec::new(),
            guards: Vec::new(),
            notes: data.notes.clone(),
        }
    }
}

/// Renders the report as one pretty-printed JSON document.
///
/// # Errors
/// Only if serialising fails, which plain strings and numbers cannot cause.
pub fn render_json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// JSON Schema of the document that [`render_json`] writes.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Report)
}
