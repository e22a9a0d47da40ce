//! What an objective is measured by.

use semver::Version;

use crate::engine::{self, MetricKind, Signal};
use crate::stack::{EngineName, Indicator};

/// The indicator of that name.
pub(in crate::check) fn indicator(name: &str) -> Option<Indicator> {
    Indicator::ALL.into_iter().find(|indicator| indicator.name() == name)
}

/// The name and the upper bounds in seconds of the histogram behind a latency.
pub(in crate::check) fn histogram(engine: EngineName, version: &Version, indicator: Indicator) -> Option<(&'static str, &'static [f64])> {
    let signal = match indicator {
        Indicator::Ttft => Signal::TimeToFirstToken,
        Indicator::Tpot => Signal::TimePerOutputToken,
        Indicator::E2e => Signal::RequestLatency,
        Indicator::Availability => return None,
    };
    let metric = engine::of(engine).metrics(version).get(signal)?;
    match metric.kind {
        MetricKind::Histogram(bounds) => Some((metric.name, bounds)),
        MetricKind::Counter | MetricKind::Gauge => None,
    }
}

/// A time as people write it in a spec: `750ms`, `2.5s`.
pub(in crate::check) fn seconds(value: f64) -> String {
    if value < 1.0 { format!("{}ms", (value * 1000.0).round()) } else { format!("{value}s") }
}
