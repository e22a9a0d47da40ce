//! What the GPUs of a stack cost, and its budget.
//!
//! Prices are series, so that a new price is a new sample and does not rewrite the past. Models of
//! other providers are not in these figures: nobody in the cluster measures them.

use rust_decimal::Decimal;

use super::rule::{Alert, Cases, Description, Firing, Group, Input, Labels, Recording, Rule, Severity};
use super::scope::{Scope, by_state_metrics, owner_label, stack_labels};
use crate::diagnostic::Route;
use crate::emit::promql::Selector;
use crate::engine::Signal;
use crate::stack::{Budget, Stack};

/// Hours of a month: 365 days of 24 hours, divided by 12.
const HOURS_IN_MONTH: u32 = 730;

/// Currency of every price of the stack.
pub(super) fn currency(stack: &Stack) -> &str {
    &stack.currency
}

fn with(mut labels: Labels, more: &[(&str, &str)]) -> Labels {
    labels.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    labels
}

/// Prices of the pools.
pub(super) fn prices(stack: &Stack) -> Group {
    let price = |pool: &crate::stack::Pool| {
        Some(Rule::Record(Recording {
            name: "llmc:gpu_hour_price:constant",
            expr: format!("vector({})", pool.prices.on_demand.as_ref()?.amount),
            labels: with(stack_labels(stack), &[("currency", currency(stack)), ("llmc_pool", &pool.name)]),
        }))
    };
    Group {
        name: format!("{}.prices", stack.name),
        interval_seconds: None,
        about: Route::of(["pool"]),
        rules: stack.pools.values().filter_map(price).collect(),
    }
}

/// What a model holds and costs.
pub(super) fn recordings(scope: &Scope<'_>) -> Vec<Rule> {
    let stack = scope.stack;
    let pool = scope.model.pool.as_str();
    let requests = scope.pods().equal("resource", "nvidia_com_gpu").differs("node", "").of("kube_pod_container_resource_requests");
    let ended = scope.pods().matches("phase", "Failed|Succeeded").of("kube_pod_status_phase");
    let deployment = scope.deployment().of("kube_deployment_spec_replicas");
    let record = |name, expr, labels| Rule::Record(Recording { name, expr, labels });
    let mut rules = vec![
        record(
            "llmc:gpus_allocated:sum",
            // Once for each container, however many copies of kube-state-metrics are scraped. From the
            // moment that a pod has a node, also while it loads; a Deployment without
            // pods costs nothing, while one that nobody measures costs an unknown amount.
            format!(
                "sum(max by (namespace, pod, container) ({requests}) unless on (namespace, pod) ({ended} == 1)) or on () (0 * max({deployment}))"
            ),
            with(scope.labels(), &[("llmc_pool", pool)]),
        ),
        record(
            "llmc:cost_per_hour:sum",
            format!(
                "{} * on (llmc_pool) group_left (currency) {}",
                scope.series().equal("llmc_pool", pool).of("llmc:gpus_allocated:sum"),
                Selector::stack(stack).equal("llmc_pool", pool).of("llmc:gpu_hour_price:constant"),
            ),
            with(scope.labels(), &[("currency", currency(stack)), ("llmc_pool", pool)]),
        ),
    ];
    if let Some(tokens) = scope.name(Signal::GenerationTokens) {
        rules.push(record(
            "llmc:cost_per_million_generated_tokens:ratio1h",
            format!(
                "1e6 * sum(avg_over_time({}[1h])) / (3600 * sum(rate({}[1h])) > 0)",
                scope.series().of("llmc:cost_per_hour:sum"),
                scope.series().of(tokens),
            ),
            with(scope.labels(), &[("currency", currency(stack)), ("llmc_pool", pool)]),
        ));
    }
    rules
}

/// The run rate of the stack and, with a budget, alerts on it.
pub(super) fn budget(stack: &Stack) -> Group {
    let labels = with(stack_labels(stack), &[("currency", currency(stack))]);
    let hourly = Selector::stack(stack).of("llmc:cost_per_hour:sum");
    let mut rules = vec![Rule::Record(Recording {
        name: "llmc:cost_monthly:run_rate",
        expr: format!("{HOURS_IN_MONTH} * sum(avg_over_time({hourly}[1h]))"),
        labels: labels.clone(),
    })];
    if let Some(budget) = &stack.budget {
        rules.push(Rule::Record(Recording { name: "llmc:budget_monthly:constant", expr: format!("vector({})", budget.monthly), labels }));
        rules.extend(budget.alert_at.iter().filter_map(|share| alert(stack, budget, *share)).map(|a| Rule::Alert(Box::new(a))));
    }
    Group { name: format!("{}.budget", stack.name), interval_seconds: None, about: Route::of(["budget"]), rules }
}

/// The alert at `share` of the budget; `None` when nothing that is measured costs anything.
fn alert(stack: &Stack, budget: &Budget, share: f64) -> Option<Alert> {
    let share = Decimal::from_str_exact(&share.to_string()).ok()?;
    let percent = (share * Decimal::ONE_HUNDRED).normalize();
    let (model, price) = stack.models.values().find_map(|model| {
        let price = stack.pools.get(&model.pool)?.prices.on_demand.as_ref()?.amount.0;
        (price > Decimal::ZERO).then_some((model, price))
    })?;
    if budget.monthly.0 <= Decimal::ZERO {
        return None;
    }
    let scope = Scope::of(stack, model);
    let held = scope.pod("kube_pod_container_resource_requests", &[("resource", "nvidia_com_gpu"), ("node", "gpu-1")]);
    // As many GPUs, whole or not, as cost this share of the budget.
    let state = |of_share: Decimal| {
        let hour = budget.monthly.0.checked_mul(share)?.checked_mul(of_share)?.checked_div(HOURS_IN_MONTH.into())?;
        let gpus = hour.checked_div(price)?.round_dp(9).normalize();
        Some(Input::after(75, [(held.clone(), format!("{gpus}x80"))]))
    };
    let (above, below) = (Decimal::new(11, 1), Decimal::new(9, 1));
    let value = super::four_digits(f64::try_from(percent * above).ok()?);
    let selector = Selector::stack(stack);
    let mut labels = with(stack_labels(stack), &[("currency", &budget.currency)]);
    labels.extend(owner_label(stack));
    Some(Alert {
        name: format!("BudgetRunRateAbove{percent}Percent"),
        expr: format!(
            "{} / ({} > 0) > {}",
            selector.of("llmc:cost_monthly:run_rate"),
            selector.of("llmc:budget_monthly:constant"),
            share.normalize()
        ),
        for_seconds: 3600,
        severity: Severity::Ticket,
        labels,
        summary: format!("{} runs at more than {percent} % of its budget", stack.name),
        description: Description::percentage(
            format!("The GPUs that {} holds, kept for a month of {HOURS_IN_MONTH} hours, cost ", stack.name),
            format!(" of its budget of {} {} (alert at {percent} %).", budget.monthly, budget.currency),
        ),
        cases: Cases {
            fires: Firing { input: state(above)?, value: format!("{value}%") },
            good: state(below)?,
            idle: Input::after(75, [(by_state_metrics(scope.deployment()).of("kube_deployment_spec_replicas"), "0x80".into())]),
            also_silent: Vec::new(),
        },
    })
}
