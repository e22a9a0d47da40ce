//! What an engine measures, under names that no emitter knows.

use std::collections::BTreeMap;

/// A quantity that dashboards and rules are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Seconds to the first token.
    TimeToFirstToken,
    /// Mean seconds for each output token of a request, after the first.
    TimePerOutputToken,
    /// Seconds of a whole request.
    RequestLatency,
    /// Seconds that a request waited in the engine's queue.
    QueueTime,
    /// Requests being computed.
    Running,
    /// Requests waiting.
    Waiting,
    /// Used share of the KV cache, from 0 to 1.
    KvCacheUsage,
    /// Prompt tokens.
    PromptTokens,
    /// Generated tokens.
    GenerationTokens,
    /// Requests that were put back for lack of KV cache.
    Preemptions,
    /// Finished requests, by the label of [`Metrics::finish_reason_label`].
    Finished,
    /// Prompt tokens that were looked up in the prefix cache.
    PrefixCacheQueries,
    /// Prompt tokens that were found in the prefix cache.
    PrefixCacheHits,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricKind {
    /// Only grows; read it through `rate` or `increase`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Classic histogram with these upper bounds in seconds, without `+Inf`.
    Histogram(&'static [f64]),
}

/// A metric as Prometheus stores it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Name on the wire; a histogram's without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// Labels beside those that the scrape adds, and `le`.
    pub labels: &'static [&'static str],
}

/// The metrics of one engine version.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// By signal; a signal that the version does not have is missing.
    pub signals: BTreeMap<Signal, Metric>,
    /// Label that holds the name that clients send as `model`.
    pub model_label: &'static str,
    /// Label of [`Signal::Finished`] that says why a request ended.
    pub finish_reason_label: &'static str,
    /// Values of that label that count as a failure.
    pub failure_reasons: &'static [&'static str],
    /// Values of that label that are nobody's fault, such as a client that left.
    pub neutral_reasons: &'static [&'static str],
    /// Values of that label for answers that were cut off at their longest length.
    pub truncated_reasons: &'static [&'static str],
}

impl Metrics {
    /// The metric of a signal.
    pub fn get(&self, signal: Signal) -> Option<Metric> {
        self.signals.get(&signal).copied()
    }

    /// The metric that a series name belongs to, also by a histogram's suffixes.
    pub fn by_series(&self, series: &str) -> Option<Metric> {
        self.signals.values().copied().find(|metric| match metric.kind {
            MetricKind::Histogram(_) => ["_bucket", "_sum", "_count"].iter().any(|suffix| series.strip_suffix(suffix) == Some(metric.name)),
            _ => metric.name == series,
        })
    }
}
