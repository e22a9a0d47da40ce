//! An experiment judged by what Prometheus has collected: an approximation.
//!
//! A sample is an observation and not a user, so users with many answers count often and intervals are too
//! narrow. Means are exact (`_sum` over `_count`); of variances only bounds are known, from the buckets, and
//! a verdict stands only where it is the same at both. The split of the users cannot be tested at all.

mod buckets;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Data, Question, Report, Unit, Verdict, Word, analyze, figures};
use crate::diagnostic::{printable, redact};
use crate::stack::Experiment;
use crate::statistics::Moments;
use buckets::Histogram;

/// The histogram in which applications expose outcomes.
const HISTOGRAM: &str = "llmc_experiment_value";
/// Users outside of the experiment.
const OFF: &str = "off";

/// The query that answers all of `experiment` over the last `days` at once: its buckets, and with `sum` and
/// `count` in the place of a bound the sum and the number of values.
pub fn query(stack: &str, experiment: &Experiment, days: i64) -> String {
    let text = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
    let labels = format!("{{stack={},experiment={}}}[{days}d]", text(stack), text(&experiment.name));
    let part = |suffix: &str| {
        let sum = format!("sum by (variant, metric) (increase({HISTOGRAM}_{suffix}{labels}))");
        format!("label_replace({sum}, \"le\", \"{suffix}\", \"\", \"\")")
    };
    format!("sum by (variant, metric, le) (increase({HISTOGRAM}_bucket{labels})) or {} or {}", part("sum"), part("count"))
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    #[serde(default, rename = "resultType")]
    result_type: String,
    #[serde(default)]
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

/// Answers `question` from the text that Prometheus answered [`query`] with.
///
/// # Errors
/// In words, where it is no answer to that query.
pub fn analyze_answer(question: &Question<'_>, answer: &str) -> Result<Report, String> {
    let histograms = read(question.experiment, answer)?;
    let [least, greatest] = data(question, &histograms);
    Ok(combined(analyze(question, &least), analyze(question, &greatest)))
}

/// Histograms by metric and arm.
type Histograms = BTreeMap<(String, String), (Histogram, f64)>;

fn read(experiment: &Experiment, answer: &str) -> Result<Histograms, String> {
    let answer: Answer = serde_json::from_str(answer).map_err(|error| format!("the answer is not one of Prometheus: {error}"))?;
    let vector = match answer {
        Answer { status, data: Some(data), .. } if status == "success" && data.result_type == "vector" => data,
        Answer { error, .. } => {
            let start: String = error.chars().take(300).collect();
            return Err(format!("Prometheus refuses the query: {}", printable(&redact(&start))));
        }
    };
    let mut histograms = Histograms::new();
    for Series { metric: mut labels, value: (_, value) } in vector.result {
        let mut label = |name: &str| labels.remove(name).unwrap_or_default();
        let (arm, metric, le) = (label("variant"), label("metric"), label("le"));
        let is_known = experiment.metrics.contains_key(&metric) || experiment.guards.contains_key(&metric);
        if arm == OFF || !is_known {
            continue;
        }
        if !experiment.arms.contains_key(&arm) {
            let (arm, name) = (super::scores::short_name(&arm), &experiment.name);
            return Err(format!("Prometheus has values of a variant `{arm}`, which the experiment `{name}` has not"));
        }
        let of = format!("`{metric}` of `{arm}`");
        let value: f64 =
            value.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| format!("a value of {of} is no number"))?;
        let (histogram, count) = histograms.entry((metric, arm)).or_default();
        match le.as_str() {
            "sum" => histogram.sum = value,
            "count" => *count = value,
            bound => {
                let bound = bound.parse().ok().filter(|bound: &f64| !bound.is_nan());
                histogram.cumulative.push((bound.ok_or_else(|| format!("a bucket of {of} has no bound"))?, value));
            }
        }
    }
    Ok(histograms)
}

/// What is known at the least and at the greatest variances.
fn data(question: &Question<'_>, histograms: &Histograms) -> [Data; 2] {
    let experiment = question.experiment;
    let (mut samples, mut faults) = ([BTreeMap::new(), BTreeMap::new()], Vec::new());
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for ((metric, arm), (histogram, count)) in histograms {
        // Nothing was observed in these days.
        if *count <= 0.0 && histogram.cumulative.iter().all(|(_, count)| *count <= 0.0) {
            continue;
        }
        match histogram.spread() {
            Ok(spread) => {
                let n = spread.count.round() as u64;
                let of_arm = counts.entry(arm.clone()).or_default();
                *of_arm = (*of_arm).max(n);
                for (samples, variance) in samples.iter_mut().zip([spread.least_variance, spread.greatest_variance]) {
                    let arms: &mut BTreeMap<String, Moments> = samples.entry(metric.clone()).or_default();
                    arms.insert(arm.clone(), Moments::of(n, spread.mean, variance));
                }
            }
            Err(why) => faults.push(format!("the histogram of `{metric}` of `{arm}` {why}")),
        }
    }
    let arms = experiment.arms.keys().map(|arm| (arm.clone(), counts.get(arm).copied().unwrap_or_default()));
    let counts: BTreeMap<String, u64> = arms.collect();
    let notes: Vec<String> = [
        "this is an approximation: samples are observations and not users, so users with many answers count often and intervals are too narrow",
        "variances are known only within bounds, from the buckets of the histograms; shown are the widest intervals",
        "whether the users are split as planned cannot be tested from observations; a file of scores can tell",
    ]
    .map(str::to_owned)
    .into();
    samples.map(|samples| Data { samples, counts: counts.clone(), unit: Unit::Observations, faults: faults.clone(), notes: notes.clone() })
}

/// The report at the greatest variances, with the range of its p-values, and a verdict only where it is that
/// at the least variances too.
fn combined(least: Report, mut greatest: Report) -> Report {
    for metric in &mut greatest.metrics {
        let same = least.metrics.iter().find(|other| (&other.metric, &other.arm) == (&metric.metric, &metric.arm));
        metric.p_holm_range = same.map(|other| [other.p_holm, metric.p_holm]);
        if let Some([low, high]) = metric.p_holm_range {
            let (low, high) = (figures::probability(low), figures::probability(high));
            greatest.notes.push(format!("`{}` of `{}`: p after Holm from {low} to {high}, by the variance", metric.metric, metric.arm));
        }
    }
    let is_same = (least.verdict.word, &least.verdict.arm) == (greatest.verdict.word, &greatest.verdict.arm);
    if !is_same {
        let [low, high] = [&least, &greatest].map(super::text::headline);
        let reason = format!(
            "the buckets leave the variance open, and the verdict with it: `{low}` at the least, `{high}` at the greatest; a file of scores decides"
        );
        greatest.verdict = Verdict { word: Word::NotEnough, arm: None, prompt_version: None, reasons: vec![reason] };
    }
    greatest
}
