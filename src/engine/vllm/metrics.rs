//! Which of vLLM's metrics measures a signal; names, kinds, labels and bounds come from the data.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use semver::Version;

use super::data::{DATA, Row};
use crate::engine::{Metric, MetricKind, Metrics, ReleasedMetric, Signal};

/// Names of a signal's metric, the newest first; a version uses the first that it shows unasked.
const CANDIDATES: &[(Signal, &[&str])] = &[
    (Signal::TimeToFirstToken, &["vllm:time_to_first_token_seconds"]),
    (Signal::TimePerOutputToken, &["vllm:request_time_per_output_token_seconds", "vllm:time_per_output_token_seconds"]),
    (Signal::RequestLatency, &["vllm:e2e_request_latency_seconds"]),
    (Signal::QueueTime, &["vllm:request_queue_time_seconds"]),
    (Signal::Running, &["vllm:num_requests_running"]),
    (Signal::Waiting, &["vllm:num_requests_waiting"]),
    (Signal::KvCacheUsage, &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"]),
    (Signal::PromptTokens, &["vllm:prompt_tokens_total"]),
    (Signal::GenerationTokens, &["vllm:generation_tokens_total"]),
    (Signal::Preemptions, &["vllm:num_preemptions_total"]),
    (Signal::Finished, &["vllm:request_success_total"]),
    (Signal::PrefixCacheQueries, &["vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"]),
    (Signal::PrefixCacheHits, &["vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"]),
];

/// A metric that emitters can use, for a stretch of releases.
struct Usable {
    row: &'static Row<ReleasedMetric>,
    bounds: Vec<f64>,
    labels: Vec<&'static str>,
}

/// The metrics that are always there and whose bounds are fixed.
static USABLE: LazyLock<Vec<Usable>> = LazyLock::new(|| {
    let usable = |row: &'static Row<ReleasedMetric>| {
        let bounds = row.value.buckets.split(',').filter(|b| !b.is_empty()).map(|b| b.parse().ok()).collect::<Option<Vec<f64>>>()?;
        row.value.shown.is_empty().then(|| Usable { row, bounds, labels: row.value.labels.split(',').collect() })
    };
    DATA.metrics.iter().filter_map(usable).collect()
});

/// The metric of `signal` in a version.
fn metric(version: &Version, names: &[&str]) -> Option<Metric> {
    let usable = names.iter().find_map(|name| USABLE.iter().find(|u| u.row.value.name == *name && u.row.holds(version)))?;
    let kind = match usable.row.value.kind {
        "counter" => MetricKind::Counter,
        "gauge" => MetricKind::Gauge,
        "histogram" => MetricKind::Histogram(&usable.bounds),
        _ => return None,
    };
    Some(Metric { name: usable.row.value.name, kind, labels: &usable.labels })
}

/// Metrics whose signal goes by another name in the second version.
pub(super) fn renames(from: &Version, to: &Version) -> BTreeMap<&'static str, &'static str> {
    let names = CANDIDATES.iter().filter_map(|(_, names)| Some((metric(from, names)?.name, metric(to, names)?.name)));
    names.filter(|(before, after)| before != after).collect()
}

/// The metrics that `version` shows by default.
pub(super) fn of(version: &Version) -> Metrics {
    Metrics {
        signals: CANDIDATES.iter().filter_map(|(signal, names)| Some((*signal, metric(version, names)?))).collect(),
        model_label: "model_name",
        finish_reason_label: "finished_reason",
        failure_reasons: &["error"],
        neutral_reasons: &["abort"],
        truncated_reasons: &["length"],
    }
}

#[cfg(test)]
mod tests {
    use super::{CANDIDATES, DATA, of};
    use crate::engine::Signal;
    use semver::Version;

    #[test]
    fn every_release_measures_every_signal() {
        for version in &DATA.releases {
            assert_eq!(of(version).signals.len(), CANDIDATES.len(), "{version}");
        }
    }

    #[test]
    fn names_follow_the_renames() {
        let name = |version, signal| of(&Version::parse(version).expect("a version")).get(signal).map(|m| m.name);
        assert_eq!(name("0.9.1", Signal::KvCacheUsage), Some("vllm:gpu_cache_usage_perc"));
        assert_eq!(name("0.32.0", Signal::KvCacheUsage), Some("vllm:kv_cache_usage_perc"));
        assert_eq!(name("0.10.2", Signal::TimePerOutputToken), Some("vllm:time_per_output_token_seconds"));
        assert_eq!(name("0.12.0", Signal::TimePerOutputToken), Some("vllm:request_time_per_output_token_seconds"));
    }

    #[test]
    fn labels_follow_the_releases() {
        let labels = |version| of(&Version::parse(version).expect("a version")).get(Signal::Finished).map(|m| m.labels);
        assert_eq!(labels("0.8.0"), Some(["model_name", "finished_reason"].as_slice()));
        assert_eq!(labels("0.33.0"), Some(["model_name", "engine", "finished_reason"].as_slice()));
    }
}
