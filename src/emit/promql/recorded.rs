//! Names of the recording rules of every stack: what dashboards and alerts may read.

use crate::engine::Signal;

/// A series that a recording rule writes. Each has the labels `namespace` and `llmc_stack`.
#[derive(Clone, Copy, Debug)]
pub(in crate::emit) struct Recorded {
    /// Its name, `llmc:<what>:<operation>`.
    pub(in crate::emit) name: &'static str,
    /// Other labels.
    pub(in crate::emit) labels: &'static [&'static str],
    /// The signal whose buckets it holds, each as a rate, in the label `le`.
    pub(in crate::emit) buckets_of: Option<Signal>,
}

const MODEL: &[&str] = &["llmc_model"];
const BUCKETS: &[&str] = &["llmc_model", "le"];
const OBJECTIVE: &[&str] = &["llmc_model", "llmc_objective"];
const ARM: &[&str] = &["llmc_experiment", "variant"];
const OUTCOME: &[&str] = &["llmc_experiment", "variant", "metric"];
const MONEY: &[&str] = &["currency"];
const POOL: &[&str] = &["llmc_pool", "currency"];
const CLASS: &[&str] = &["llmc_pool", "price_class", "currency"];
const COST: &[&str] = &["llmc_model", "llmc_pool", "currency"];

const fn of(name: &'static str, labels: &'static [&'static str]) -> Recorded {
    Recorded { name, labels, buckets_of: None }
}

const fn buckets(name: &'static str, signal: Signal) -> Recorded {
    Recorded { name, labels: BUCKETS, buckets_of: Some(signal) }
}

/// Every recorded series, sorted by name. A test holds the emitted rules against it.
pub(in crate::emit) const RECORDED: &[Recorded] = &[
    of("llmc:budget_monthly:constant", MONEY),
    of("llmc:cost_monthly:expected", MONEY),
    of("llmc:cost_monthly:expected_measured", MONEY),
    of("llmc:cost_monthly:forecast", MONEY),
    of("llmc:cost_monthly:maximum", MONEY),
    of("llmc:cost_monthly:minimum", MONEY),
    of("llmc:cost_monthly:month_to_date", MONEY),
    of("llmc:cost_monthly:run_rate", MONEY),
    of("llmc:cost_per_hour:mean1h", &["currency", "month"]),
    of("llmc:cost_per_hour:stack", MONEY),
    of("llmc:cost_per_hour:sum", COST),
    of("llmc:cost_per_hour_by_class:sum", CLASS),
    of("llmc:cost_per_hour_guardrails:sum", &["llmc_guardrails", "currency"]),
    of("llmc:cost_per_hour_idle_reservation:sum", POOL),
    of("llmc:cost_per_hour_of_tokens:planned", &["llmc_model", "currency"]),
    of("llmc:cost_per_million_generated_tokens:ratio1h", COST),
    of("llmc:cost_per_million_tokens:planned", &["llmc_model", "currency"]),
    of("llmc:cost_per_million_tokens:ratio1d", COST),
    of("llmc:cpu_hour_price:constant", MONEY),
    buckets("llmc:e2e_seconds_bucket:rate5m", Signal::RequestLatency),
    of("llmc:experiment_evaluations:increase1d", ARM),
    of("llmc:experiment_expected_share:constant", ARM),
    of("llmc:experiment_off:ratio1d", &["llmc_experiment"]),
    of("llmc:experiment_outcome:mean1d", OUTCOME),
    of("llmc:experiment_outcomes:increase1d", OUTCOME),
    of("llmc:experiment_sample_ratio:chi_square1d", &["llmc_experiment"]),
    of("llmc:generation_tokens:rate5m", MODEL),
    of("llmc:gpu_hour_price:constant", POOL),
    of("llmc:gpu_hour_price:paid", POOL),
    of("llmc:gpu_hour_price_by_class:constant", CLASS),
    of("llmc:gpus_allocated:pool", &["llmc_pool"]),
    of("llmc:gpus_allocated:sum", &["llmc_model", "llmc_pool"]),
    of("llmc:gpus_reserved:constant", &["llmc_pool"]),
    of("llmc:hours_measured:month_to_date", &[]),
    of("llmc:kv_cache_usage:avg", MODEL),
    of("llmc:kv_cache_usage:max", MODEL),
    of("llmc:memory_gib_hour_price:constant", MONEY),
    of("llmc:month_remaining:seconds", &[]),
    of("llmc:preemptions:rate5m", MODEL),
    of("llmc:prefix_cache_hits:ratio5m", MODEL),
    of("llmc:prompt_tokens:rate5m", MODEL),
    of("llmc:requests:rate5m", MODEL),
    of("llmc:requests_by_reason:ratio5m", &["llmc_model", "reason"]),
    of("llmc:requests_failed:ratio5m", MODEL),
    of("llmc:requests_running:sum", MODEL),
    of("llmc:requests_waiting:sum", MODEL),
    of("llmc:slo_bad_requests:ratio_rate1d", OBJECTIVE),
    of("llmc:slo_bad_requests:ratio_rate1h", OBJECTIVE),
    of("llmc:slo_bad_requests:ratio_rate2h", OBJECTIVE),
    of("llmc:slo_bad_requests:ratio_rate30m", OBJECTIVE),
    of("llmc:slo_bad_requests:ratio_rate5m", OBJECTIVE),
    of("llmc:slo_bad_requests:ratio_rate6h", OBJECTIVE),
    of("llmc:slo_target:constant", OBJECTIVE),
    of("llmc:token_price_per_million:constant", &["llmc_external", "token_kind", "currency"]),
    of("llmc:tokens:mean1d", MODEL),
    of("llmc:tokens:planned", MODEL),
    buckets("llmc:tpot_seconds_bucket:rate5m", Signal::TimePerOutputToken),
    buckets("llmc:ttft_seconds_bucket:rate5m", Signal::TimeToFirstToken),
];

/// The recorded series `name`.
pub(in crate::emit) fn recorded(name: &str) -> Option<Recorded> {
    RECORDED.binary_search_by_key(&name, |r| r.name).ok().map(|index| RECORDED[index])
}

#[cfg(test)]
mod tests {
    use super::{RECORDED, recorded};

    #[test]
    fn names_are_sorted_unique_and_in_level_metric_operation_form() {
        assert!(RECORDED.windows(2).all(|w| w[0].name < w[1].name));
        for series in RECORDED {
            assert!(series.name.starts_with("llmc:") && series.name.split(':').count() == 3, "{}", series.name);
            assert!(recorded(series.name).is_some());
        }
    }
}
