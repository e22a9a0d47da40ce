use super::lint;
use crate::emit::promql::{Known, substitute};
use crate::stack::Stack;

/// The stack that the repository ships first: two models on vLLM 0.32.0, scraped every 30 s.
pub(in crate::emit) fn example() -> Stack {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/customer-support/stack.kdl");
    crate::compile::compile(std::path::Path::new(path), "stack.kdl", &crate::policy::Policies::shipped())
        .stack
        .expect("the example resolves")
}

const M: &str = r#"{namespace="n",llmc_stack="s",llmc_model="llama-70b"}"#;

fn faults(expr: &str) -> Vec<String> {
    lint(&substitute(&expr.replace("{M}", M)), &Known::of(&example()))
}

#[test]
fn sound_queries_pass() {
    for expr in [
        "histogram_quantile(0.99, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket{M}[5m])))",
        "sum(rate(vllm:request_success_total{M}[$__rate_interval]))",
        "avg(vllm:kv_cache_usage_perc{M}) > 0.9",
        r#"rate(vllm:time_to_first_token_seconds_bucket{namespace="n",llmc_stack="s",llmc_model="llama-70b",le="2.5"}[5m])"#,
        r#"rate(vllm:time_to_first_token_seconds_bucket{namespace="n",llmc_stack="s",llmc_model="llama-70b",le=~"1|1\\.0"}[5m])"#,
        r#"rate(vllm:time_to_first_token_seconds_bucket{namespace="n",llmc_stack="s",llmc_model="llama-70b",le=~"1(\\.0)?"}[5m])"#,
        "absent(vllm:request_success_total{M})",
        "count(vllm:request_success_total{M})",
        "sum(rate(vllm:num_preemptions_total{M}[10m])) / (sum(rate(vllm:request_success_total{M}[10m])) > 0)",
        r#"sum by (reason) (label_replace(rate(vllm:request_success_total{M}[5m]), "reason", "$1", "finished_reason", "(.*)"))"#,
        r#"histogram_quantile(0.5, sum by (le) (llmc:ttft_seconds_bucket:rate5m{namespace="n",llmc_stack="s",llmc_model=~"$model"}))"#,
        r#"sum(kube_pod_container_resource_requests{namespace="n",resource="nvidia_com_gpu",pod=~"a-.*"})"#,
        "deriv(sum(vllm:num_requests_waiting{M})[15m:1m]) > 0",
    ] {
        assert_eq!(faults(expr), Vec::<String>::new(), "{expr}");
    }
}

/// One query for each fault, with a part of what is said about it.
#[test]
fn each_fault_is_found_and_no_other() {
    for (expr, expected) in [
        ("sum(", "not PromQL"),
        (r#"sum(vllm:num_requests_running{namespace="n",llmc_stack="s",llmc_model=~"("})"#, "not PromQL"),
        ("vllm:num_requests_running{M}[5m]", "yields ranges"),
        ("histogram_quantile(0.99, rate(vllm:time_to_first_token_seconds_bucket{M}[5m]))", "needs `sum by (le"),
        ("histogram_quantile(0.99, sum by (pod) (rate(vllm:time_to_first_token_seconds_bucket{M}[5m])))", "needs `sum by (le"),
        ("histogram_quantile(0.99, max by (le) (rate(vllm:time_to_first_token_seconds_bucket{M}[5m])))", "needs `sum by (le"),
        ("histogram_quantile(99, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket{M}[5m])))", "not between 0 and 1"),
        ("rate(vllm:num_requests_running{M}[5m])", "no counter"),
        (r#"rate(llmc:requests:rate5m{namespace="n",llmc_stack="s"}[5m])"#, "no counter"),
        ("rate(sum(vllm:num_requests_running{M})[5m:1m])", "over a subquery"),
        ("sum(vllm:generation_tokens_total{M})", "is a counter; read it"),
        ("vllm:time_to_first_token_seconds_count{M}", "is a counter; read it"),
        ("avg_over_time(vllm:generation_tokens_total{M}[5m])", "is a counter; read it"),
        ("deriv(vllm:generation_tokens_total{M}[5m])", "read as a fall"),
        ("sum(vllm:gpu_cache_usage_perc{M})", "there is no metric"),
        ("sum(vllm:num_requests_runing{M})", "there is no metric"),
        ("sum(vllm:time_to_first_token_seconds{M})", "there is no metric"),
        (r#"{__name__="up",namespace="n",llmc_stack="s"}"#, "names no metric"),
        (r#"sum(vllm:num_requests_running{namespace="n",llmc_stack="s",llmc_model="other"})"#, "no model `other`"),
        (r#"sum(vllm:num_requests_running{namespace="n",llmc_stack="s",llmc_model="llama-70b",mode="x"})"#, "no label `mode`"),
        (r#"vllm:num_requests_running{namespace="n",llmc_stack="s",llmc_model="llama-70b",le="1"}"#, "no label `le`"),
        ("sum by (model) (vllm:num_requests_running{M})", "groups by `model`"),
        (
            r#"rate(vllm:time_to_first_token_seconds_bucket{namespace="n",llmc_stack="s",llmc_model="llama-70b",le="0.6"}[5m])"#,
            "no bucket boundary",
        ),
        (
            r#"rate(vllm:time_to_first_token_seconds_bucket{namespace="n",llmc_stack="s",llmc_model="llama-70b",le=~"1|0\\.6"}[5m])"#,
            "no bucket boundary",
        ),
        (r#"sum(vllm:num_requests_running{llmc_stack="s",llmc_model="llama-70b"})"#, "narrowed by `namespace`"),
        (r#"sum(vllm:num_requests_running{namespace="n",llmc_model="llama-70b"})"#, "narrowed by `llmc_stack`"),
        (r#"sum(vllm:num_requests_running{namespace="n",llmc_stack="s"})"#, "narrowed by `llmc_model`"),
        (r#"sum(vllm:num_requests_running{namespace="n",llmc_stack="s",llmc_model=~".*"})"#, "narrowed by `llmc_model`"),
        (r#"sum(vllm:num_requests_running{namespace="n",llmc_stack="s",llmc_model!="x"})"#, "narrowed by `llmc_model`"),
        (r#"sum(kube_pod_status_phase{phase="Running"})"#, "narrowed by `namespace`"),
        ("rate(vllm:generation_tokens_total{M}[1m])", "fewer than 4 scrapes"),
        ("1 / sum(vllm:num_requests_running{M})", "which may be zero"),
        ("1 / (sum(vllm:num_requests_running{M}) > bool 0)", "which may be zero"),
        ("1 / (sum(vllm:num_requests_running{M}) >= 0)", "which may be zero"),
        ("sort_by_label(vllm:num_requests_running{M}, \"pod\")", "experimental"),
        ("limitk(2, vllm:num_requests_running{M})", "experimental"),
    ] {
        let found = faults(expr);
        assert!(found.len() == 1 && found[0].contains(expected), "{expr}\nexpected {expected:?}, found {found:?}");
    }
}
