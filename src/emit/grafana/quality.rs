//! How good the answers are: what the engine can tell, and what only the application can.
//!
//! The application's metrics are a contract. Each has the labels `llmc_stack` and `route`:
//!
//! | metric | type | more labels |
//! |---|---|---|
//! | `llm_quality_score` | histogram from 0 to 1 | `evaluator`, such as `relevance`, `hallucination` or `judge` |
//! | `llm_guardrail_violations_total` | counter | `violation_type` |
//! | `llm_user_feedback_total` | counter | `rating`: `up` or `down` |

use super::layout::Row;
use super::panel::{Kind, Panel};
use super::query::{Query, share};
use crate::engine::Signal;

const NOT_EXPORTED: &str = "the application does not export it";

pub(super) fn row(query: &Query<'_>) -> Row {
    let panels = vec![truncated(query), failed(query), score(query), violations(query), feedback(query)];
    Row { key: "quality", title: "Quality", open: false, panels }
}

fn truncated(query: &Query<'_>) -> Panel {
    let expr = query.per_model([Signal::Finished], |v, [finished]| v.finished_share(finished, v.metrics.truncated_reasons));
    let about = "Share of answers that were cut off at their longest length. Lasting above a few percent: raise the \
                 prompt's max-tokens, or ask for shorter answers.";
    Panel::new(Kind::Lines, "truncated", "Truncated answers", "percentunit", about)
        .query(expr, "{{llmc_model}}")
        .zero_based()
        .no_value("no traffic")
        .size(12, 8)
}

fn failed(query: &Query<'_>) -> Panel {
    let errors = query.per_model([Signal::Finished], |v, [finished]| v.finished_share(finished, v.metrics.failure_reasons));
    let aborts = query.per_model([Signal::Finished], |v, [finished]| v.finished_share(finished, v.metrics.neutral_reasons));
    let about = "Shares of requests that the engine failed, and that clients gave up. Many that give up: answers are too \
                 slow, or clients' time limits too short.";
    Panel::new(Kind::Lines, "failed", "Failed and aborted requests", "percentunit", about)
        .query(errors, "{{llmc_model}} failed")
        .query(aborts, "{{llmc_model}} aborted")
        .zero_based()
        .no_value("no traffic")
        .size(12, 8)
}

/// Growth each second of a metric of the application, by labels.
fn reported(query: &Query<'_>, metric: &str, matchers: &str, by: &str) -> String {
    format!("sum by ({by}) (rate({metric}{{{}{matchers}}}[$__rate_interval]))", query.stack_matcher())
}

fn score(query: &Query<'_>) -> Panel {
    let buckets = reported(query, "llm_quality_score_bucket", "", "le, route, evaluator");
    let about = "Median score of answers, by route and evaluator. The application exports it: a histogram \
                 `llm_quality_score` from 0 to 1 with the labels `llmc_stack`, `route` and `evaluator`. Falling after a \
                 new prompt version: go back to the last one.";
    Panel::new(Kind::Lines, "score", "Quality score (median)", "none", about)
        .query(Some(format!("histogram_quantile(0.5, {buckets})")), "{{route}} {{evaluator}}")
        .up_to(1.0)
        .no_value(NOT_EXPORTED)
}

fn violations(query: &Query<'_>) -> Panel {
    let about = "Questions and answers that guardrails refused each second, by kind. The application exports it: a counter \
                 `llm_guardrail_violations_total` with the labels `llmc_stack`, `route` and `violation_type`. A surge is \
                 an attack or a policy that is too strict; silence under traffic may be guardrails that do nothing.";
    Panel::new(Kind::Stacked, "violations", "Guardrail violations", "ops", about)
        .query(Some(reported(query, "llm_guardrail_violations_total", "", "route, violation_type")), "{{route}} {{violation_type}}")
        .zero_based()
        .no_value(NOT_EXPORTED)
}

fn feedback(query: &Query<'_>) -> Panel {
    let up = reported(query, "llm_user_feedback_total", r#", rating="up""#, "route");
    let all = reported(query, "llm_user_feedback_total", "", "route");
    let about = "Share of users' ratings that are good, by route. The application exports it: a counter \
                 `llm_user_feedback_total` with the labels `llmc_stack`, `route` and `rating`, which is `up` or `down`. \
                 Few users rate: look at it over days.";
    Panel::new(Kind::Lines, "feedback", "Good ratings by users", "percentunit", about)
        .query(Some(share(&up, &all)), "{{route}}")
        .up_to(1.0)
        .no_value(NOT_EXPORTED)
}
