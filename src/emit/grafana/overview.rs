//! The row that is open: is it up, is it good, is it within its budget.

use super::layout::Row;
use super::objective;
use super::panel::{Kind, Panel, color};
use super::query::Query;
use super::{cost, routes};
use crate::engine::Signal;

pub(super) fn row(query: &Query<'_>) -> Row {
    let mut panels = vec![alerts(query), copies(query), requests(query), errors(query), objectives(query)];
    panels.extend(cost::budget_used(query).map(|panel| panel.size(6, 5)));
    panels.push(waiting(query));
    panels.push(routes::panel(query.stack));
    Row { key: "overview", title: "Overview", open: true, panels }
}

fn alerts(query: &Query<'_>) -> Panel {
    let expr = format!("count({}) or vector(0)", query.firing_alerts());
    let about = "Alerts of this stack that are firing now. Above zero: open the alerts and follow their runbooks. \
                 It needs the stack's alert rules to be loaded.";
    Panel::new(Kind::Stat, "alerts", "Firing alerts", "short", about)
        .query(Some(expr), "firing")
        .steps(vec![(1.0, color::RED)])
        .no_value("Prometheus does not answer")
        .size(6, 5)
}

fn copies(query: &Query<'_>) -> Panel {
    let of = |name: &str| format!(r#"max by (deployment) ({name}{{namespace=~"$namespace", {}}})"#, query.named("deployment", ""));
    let expr = (!query.stack.models.is_empty())
        .then(|| format!("{} / ({} > 0)", of("kube_deployment_status_replicas_available"), of("kube_deployment_spec_replicas")));
    let about = "Copies that are ready, as a share of those that are wanted (from kube-state-metrics). Under 100% while \
                 a copy starts, which takes minutes; under 50% for longer: look at the pods' events.";
    Panel::new(Kind::Stat, "copies", "Ready copies", "percentunit", about)
        .query(expr, "{{deployment}}")
        .base_color(color::RED)
        .steps(vec![(0.5, color::ORANGE), (1.0, color::GREEN)])
        .no_value("no Deployment, or no kube-state-metrics")
        .size(6, 5)
}

fn requests(query: &Query<'_>) -> Panel {
    let about = "Requests that finished each second, by model, however they ended. Zero while users are there: look at \
                 the gateway and at ready copies.";
    Panel::new(Kind::Stat, "requests", "Finished requests", "reqps", about)
        .query(query.per_model([Signal::Finished], |v, [finished]| v.rate(finished)), "{{llmc_model}}")
        .no_value("no traffic")
        .size(6, 5)
}

fn errors(query: &Query<'_>) -> Panel {
    let expr = query.per_model([Signal::Finished], |v, [finished]| v.finished_share(finished, v.metrics.failure_reasons));
    let about = "Share of finished requests that the engine failed; clients that left do not count. Requests that never \
                 reached the engine are not in it.";
    Panel::new(Kind::Stat, "errors", "Failed requests", "percentunit", about)
        .query(expr, "{{llmc_model}}")
        .no_value("no traffic")
        .size(6, 5)
}

fn waiting(query: &Query<'_>) -> Panel {
    let about = "Requests that wait for a place in the batch, by model. Growing: copies are too few or too slow.";
    Panel::new(Kind::Stat, "waiting", "Waiting requests", "short", about)
        .query(query.per_model([Signal::Waiting], |v, [waiting]| v.sum(waiting)), "{{llmc_model}}")
        .no_value("no engine is scraped")
        .size(5, 5)
}

fn objectives(query: &Query<'_>) -> Panel {
    let mut about = "Bad requests in the dashboard's time range, as a share of those that the objective allows: at 100% \
                     the error budget is used as fast as it refills, above it the objective is missed.\n"
        .to_owned();
    let mut panel_queries = Vec::new();
    for model in query.stack.models.values() {
        for (indicator, objective) in &model.objectives {
            if let Some(expr) = objective::used(query, model, *indicator, objective) {
                about.push_str(&format!("\n- {} {}: {}", routes::markdown(&model.name), indicator.name(), objective::words(objective)));
                panel_queries.push((expr, format!("{{{{llmc_model}}}} {}", indicator.name())));
            }
        }
    }
    let height = u32::try_from(panel_queries.len()).unwrap_or(u32::MAX).clamp(4, 12) + 1;
    let panel = Panel::new(Kind::BarGauge, "objectives", "Objectives: allowed failures used", "percentunit", about)
        .steps(objective::limit_steps(1.0))
        .zero_based()
        .no_value("no traffic")
        .size(13, height);
    panel_queries.into_iter().fold(panel, |panel, (expr, legend)| panel.query(Some(expr), &legend))
}
