//! What dashboards and alerts read of a model. Quantiles are never recorded: they cannot be summed.

use super::rule::Rule;
use super::scope::Scope;
use crate::engine::Signal;

/// The recording rules of a model, for the signals that its engine version has.
pub(super) fn recordings(scope: &Scope<'_>) -> Vec<Rule> {
    let series = scope.series();
    let mut rules = Vec::new();
    if let Some(finished) = scope.name(Signal::Finished) {
        let (all, judged, failed) = (series.of(finished), scope.judged(finished), scope.failed(finished));
        let by_reason = format!(r#"label_replace(rate({all}[5m]), "reason", "$1", "{}", "(.*)")"#, scope.metrics.finish_reason_label);
        rules.push(scope.record("llmc:requests:rate5m", format!("sum(rate({all}[5m]))")));
        rules.push(scope.record(
            "llmc:requests_by_reason:ratio5m",
            format!("sum by (reason) ({by_reason}) / on () group_left () (sum(rate({all}[5m])) > 0)"),
        ));
        // A reason that never happened may have no series.
        rules.push(
            scope.record("llmc:requests_failed:ratio5m", format!("(sum(rate({failed}[5m])) or vector(0)) / (sum(rate({judged}[5m])) > 0)")),
        );
    }
    for (signal, name) in [
        (Signal::PromptTokens, "llmc:prompt_tokens:rate5m"),
        (Signal::GenerationTokens, "llmc:generation_tokens:rate5m"),
        (Signal::Preemptions, "llmc:preemptions:rate5m"),
    ] {
        if let Some(metric) = scope.name(signal) {
            rules.push(scope.record(name, format!("sum(rate({}[5m]))", series.of(metric))));
        }
    }
    for (signal, name) in [
        (Signal::TimeToFirstToken, "llmc:ttft_seconds_bucket:rate5m"),
        (Signal::TimePerOutputToken, "llmc:tpot_seconds_bucket:rate5m"),
        (Signal::RequestLatency, "llmc:e2e_seconds_bucket:rate5m"),
    ] {
        if let Some((metric, _)) = scope.histogram(signal) {
            rules.push(scope.record(name, format!("sum by (le) (rate({}[5m]))", series.of(&format!("{metric}_bucket")))));
        }
    }
    for (signal, name, operation) in [
        (Signal::Running, "llmc:requests_running:sum", "sum"),
        (Signal::Waiting, "llmc:requests_waiting:sum", "sum"),
        (Signal::KvCacheUsage, "llmc:kv_cache_usage:avg", "avg"),
        (Signal::KvCacheUsage, "llmc:kv_cache_usage:max", "max"),
    ] {
        if let Some(metric) = scope.name(signal) {
            rules.push(scope.record(name, format!("{operation}({})", series.of(metric))));
        }
    }
    if let (Some(hits), Some(queries)) = (scope.name(Signal::PrefixCacheHits), scope.name(Signal::PrefixCacheQueries)) {
        let expr = format!("sum(rate({}[5m])) / (sum(rate({}[5m])) > 0)", series.of(hits), series.of(queries));
        rules.push(scope.record("llmc:prefix_cache_hits:ratio5m", expr));
    }
    rules
}
