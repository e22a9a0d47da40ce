//! How fast and how full the models are.

use super::layout::Row;
use super::objective;
use super::panel::{Kind, Panel, color};
use super::query::{Query, share};
use super::routes;
use crate::engine::{MetricKind, Signal};
use crate::stack::{Indicator, Model};

/// Percentiles that every latency is shown at, in percent.
const PERCENTILES: [(f64, &str); 3] = [(0.5, color::BLUE), (0.9, color::ORANGE), (0.99, color::RED)];

pub(super) fn row(query: &Query<'_>) -> Row {
    let latencies = [Indicator::Ttft, Indicator::Tpot, Indicator::E2e];
    let models = query.stack.models.values();
    let mut panels: Vec<Panel> =
        models.flat_map(|model| latencies.into_iter().filter_map(|indicator| latency(query, model, indicator))).collect();
    panels.extend([
        requests(query),
        tokens(query),
        queue_time(query),
        running(query),
        waiting(query),
        kv_cache(query),
        preemptions(query),
        prefix_cache(query),
    ]);
    Row { key: "performance", title: "Performance", open: false, panels }
}

/// Each model has its own panels, since each has its own objectives.
fn latency(query: &Query<'_>, model: &Model, indicator: Indicator) -> Option<Panel> {
    let (title, about) = match indicator {
        Indicator::Ttft => (
            "Time to first token",
            "How long a user waits until an answer begins, over all pods of the model. High with waiting requests: too few \
             copies; high without: long prompts.",
        ),
        Indicator::Tpot => (
            "Time per output token",
            "Mean time of each token of a request after the first: how fast an answer is read out. High: the batch is full \
             or the KV cache is.",
        ),
        Indicator::E2e => (
            "Request time",
            "Time of whole requests, from arrival to the last token. It grows with the length of answers. Requests that \
             never end are not in it.",
        ),
        Indicator::Availability => return None,
    };
    let objective = model.objectives.get(&indicator);
    let promise = objective.map_or_else(String::new, |o| format!("\n\nObjective (line): {}.", objective::words(o)));
    let mut percentiles = PERCENTILES.to_vec();
    if let Some(target) = objective.map(|o| o.target).filter(|target| PERCENTILES.iter().all(|(known, _)| known != target)) {
        percentiles.push((target, color::PURPLE));
        percentiles.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let title = format!("{title}: {}", routes::plain(&model.name));
    let mut panel = Panel::new(Kind::Lines, format!("{}/{}", indicator.name(), model.name), title, "s", format!("{about}{promise}"))
        .zero_based()
        .no_value("no traffic, or the model is not chosen");
    let limit = objective.and_then(|o| o.below);
    panel = panel.steps(limit.map_or_else(Vec::new, |below| objective::limit_steps(below.seconds())));
    for (share, color) in percentiles {
        let expr = query.of_model(model, [objective::signal(indicator)?], |v, [metric]| {
            matches!(metric.kind, MetricKind::Histogram(_)).then(|| v.quantile(share, metric))
        });
        let name = format!("p{}", objective::percent(share));
        panel = panel.query(expr, &name).series_color(&name, color);
    }
    Some(panel)
}

fn requests(query: &Query<'_>) -> Panel {
    let by_reason = |label: &str| format!("llmc_model, {label}");
    let expr = query.per_model([Signal::Finished], |v, [finished]| {
        let label = v.metrics.finish_reason_label;
        let rate = v.rate_by(finished.name, &by_reason(label), &[], "$__rate_interval");
        // One name for the label, whatever the engine calls it.
        format!(r#"label_replace({rate}, "reason", "$1", "{label}", "(.*)")"#)
    });
    let about = "Requests that finished each second, by why they ended: `stop` is a full answer, `length` a truncated one, \
                 `abort` a client that left, `error` a failure of the engine.";
    Panel::new(Kind::Stacked, "requests", "Finished requests by reason", "reqps", about)
        .query(expr, "{{llmc_model}} {{reason}}")
        .zero_based()
        .no_value("no traffic")
}

fn tokens(query: &Query<'_>) -> Panel {
    let about = "Tokens read and written each second. Read tokens that the prefix cache answered are counted too. Flat \
                 while requests wait: this is the model's limit on its GPUs.";
    Panel::new(Kind::Lines, "tokens", "Throughput", "suffix:tok/s", about)
        .query(query.per_model([Signal::PromptTokens], |v, [tokens]| v.rate(tokens)), "{{llmc_model}} in")
        .query(query.per_model([Signal::GenerationTokens], |v, [tokens]| v.rate(tokens)), "{{llmc_model}} out")
        .zero_based()
        .no_value("no traffic")
}

fn queue_time(query: &Query<'_>) -> Panel {
    let expr = |quantile| query.per_model([Signal::QueueTime], |v, [metric]| v.quantile(quantile, metric));
    let about = "Time that requests waited in the engine before they were computed. Anything lasting here adds to the time \
                 to first token: add copies or lower the load. Short waits are rounded up to the first bucket.";
    Panel::new(Kind::Lines, "queue-time", "Queue time", "s", about)
        .query(expr(0.5), "{{llmc_model}} p50")
        .query(expr(0.99), "{{llmc_model}} p99")
        .zero_based()
        .no_value("no traffic")
}

fn running(query: &Query<'_>) -> Panel {
    let about = "Requests that are being computed, over all copies. At copies times max-num-seqs the batch is full.";
    Panel::new(Kind::Lines, "running", "Running requests", "short", about)
        .query(query.per_model([Signal::Running], |v, [running]| v.sum(running)), "{{llmc_model}}")
        .zero_based()
        .no_value("no engine is scraped")
}

fn waiting(query: &Query<'_>) -> Panel {
    let about = "Requests that wait for a place in the batch, over all copies. Growing: copies are too few or too slow.";
    Panel::new(Kind::Lines, "waiting", "Waiting requests", "short", about)
        .query(query.per_model([Signal::Waiting], |v, [waiting]| v.sum(waiting)), "{{llmc_model}}")
        .zero_based()
        .no_value("no engine is scraped")
}

fn kv_cache(query: &Query<'_>) -> Panel {
    let about = "Used share of the KV cache, of the fullest copy of each model. A full cache alone is a busy engine; with \
                 waiting requests or preemptions it is too small.";
    Panel::new(Kind::Lines, "kv-cache", "KV cache usage", "percentunit", about)
        .query(query.per_model([Signal::KvCacheUsage], |v, [usage]| v.max(usage)), "{{llmc_model}}")
        .up_to(1.0)
        .no_value("no engine is scraped")
}

fn preemptions(query: &Query<'_>) -> Panel {
    let about = "Running requests that were put back each second for lack of KV cache; their work is done again. Lasting: \
                 lower max-num-seqs or max-model-len, or give the cache more memory.";
    Panel::new(Kind::Lines, "preemptions", "Preemptions", "ops", about)
        .query(query.per_model([Signal::Preemptions], |v, [preemptions]| v.rate(preemptions)), "{{llmc_model}}")
        .zero_based()
        .no_value("no engine is scraped")
}

fn prefix_cache(query: &Query<'_>) -> Panel {
    let expr =
        query.per_model([Signal::PrefixCacheHits, Signal::PrefixCacheQueries], |v, [hits, queries]| share(&v.rate(hits), &v.rate(queries)));
    let about = "Share of prompt tokens that were found in the prefix cache, which saves their computation. A sudden drop \
                 often means that a prompt's beginning has changed.";
    Panel::new(Kind::Lines, "prefix-cache", "Prefix cache hit ratio", "percentunit", about)
        .query(expr, "{{llmc_model}}")
        .up_to(1.0)
        .no_value("no traffic")
}
