//! Objectives as dashboards show them: words, lines, and how much of a budget is used.

use rust_decimal::Decimal;

use super::panel::color;
use super::query::{Query, Variant, bucket, share};
use crate::engine::{Metric, MetricKind, Signal};
use crate::stack::{Indicator, Model, Objective, as_written};

/// Share of a limit from which on a value is worth a look.
const WARN_AT: f64 = 0.8;

/// The latency that an indicator is about; `None` for availability.
pub(super) fn signal(indicator: Indicator) -> Option<Signal> {
    match indicator {
        Indicator::Ttft => Some(Signal::TimeToFirstToken),
        Indicator::Tpot => Some(Signal::TimePerOutputToken),
        Indicator::E2e => Some(Signal::RequestLatency),
        Indicator::Availability => None,
    }
}

/// The objective in words, such as `99% of requests under 2500ms`.
pub(super) fn words(objective: &Objective) -> String {
    let percent = percent(objective.target);
    match objective.below {
        Some(below) => format!("{}% of requests under {below}", percent),
        None => format!("{}% of requests without an error", percent),
    }
}

/// Steps at the limit and at 80% of it, where a greater value is worse.
pub(super) fn limit_steps(limit: f64) -> Vec<(f64, &'static str)> {
    vec![(limit * WARN_AT, color::ORANGE), (limit, color::RED)]
}

/// Bad requests as a share of those that the objective allows, over the dashboard's range; `None`
/// if the engine cannot tell.
pub(super) fn used(query: &Query<'_>, model: &Model, indicator: Indicator, objective: &Objective) -> Option<String> {
    // Binary subtraction would leave 0.010000000000000009 of 0.99.
    let allowed = (Decimal::ONE - as_written(objective.target).unwrap_or_default()).normalize();
    let good = match (signal(indicator), objective.below) {
        (Some(signal), Some(below)) => query.of_model(model, [signal], |v, [metric]| under(v, metric, below.seconds()))?,
        _ => query.of_model(model, [Signal::Finished], |v, [finished]| {
            let bad: Vec<&str> = v.metrics.failure_reasons.iter().chain(v.metrics.neutral_reasons).copied().collect();
            let good = v.finished_for(finished, "!~", &bad, "$__range");
            Some(share(&good, &v.finished_for(finished, "!~", v.metrics.neutral_reasons, "$__range")))
        })?,
    };
    Some(format!("(1 - {good}) / {allowed}"))
}

/// Share of requests that took at most `seconds`; `None` unless that is the bound of a bucket,
/// since no bucket could be selected.
fn under(variant: &Variant, metric: Metric, seconds: f64) -> Option<String> {
    let MetricKind::Histogram(bounds) = metric.kind else { return None };
    let bound = bounds.iter().copied().find(|bound| *bound == seconds)?;
    let good = variant.rate_by(&format!("{}_bucket", metric.name), "llmc_model", &[bucket(bound)], "$__range");
    let all = variant.rate_by(&format!("{}_count", metric.name), "llmc_model", &[], "$__range");
    Some(share(&good, &all))
}

/// A share in percent, as it was written: `99.9` for 0.999.
pub(super) fn percent(share: f64) -> Decimal {
    (as_written(share).unwrap_or_default() * Decimal::ONE_HUNDRED).normalize()
}
