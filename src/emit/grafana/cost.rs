//! What the models cost: their GPUs at the pools' prices, held against tokens, requests and the
//! budget.
//!
//! Everything comes from the stack's recording rules, so that dashboard and alerts agree, and a new
//! price does not rewrite the past. Only what the cluster measures is in it.

use rust_decimal::prelude::ToPrimitive;

use super::layout::Row;
use super::objective;
use super::panel::{Kind, Panel, color};
use super::query::{COST_PER_HOUR, Query, share};
use crate::cost::HOURS_PER_MONTH;
use crate::engine::Signal;
use crate::stack::Budget;

/// What is shown where cost is not known.
const NO_COST: &str = "no kube-state-metrics, or the stack's rules are not loaded";
/// Days of a mean month.
const DAYS_PER_MONTH: f64 = 365.0 / 12.0;

pub(super) fn row(query: &Query<'_>) -> Row {
    let mut panels = vec![month_to_date(query)];
    panels.extend(budget_used(query));
    panels.extend([
        forecast(query),
        month_at_this_rate(query),
        month(query),
        by_class(query),
        per_million_planned(query),
        tokens(query),
        gpus(query),
        per_hour(query),
        per_day(query),
        per_million(query),
        per_request(query),
    ]);
    Row { key: "cost", title: "Cost", open: false, panels }
}

/// Grafana's unit of the stack's currency.
fn unit(query: &Query<'_>) -> String {
    /// Currencies that Grafana has a unit for.
    const KNOWN: &[&str] = &[
        "BGN", "BRL", "CHF", "CZK", "DKK", "EUR", "GBP", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "MYR", "NOK", "PHP", "PLN", "RUB",
        "SEK", "TRY", "UAH", "USD", "VND", "ZAR",
    ];
    // Grafana puts what stands after the colon right before the number.
    let code = query.stack.currency.as_str();
    if KNOWN.contains(&code) { format!("currency{code}") } else { format!("currency:{code} ") }
}

fn monthly(budget: &Budget) -> f64 {
    budget.monthly.0.to_f64().unwrap_or(f64::MAX)
}

/// Steps at the shares of `whole` at which the spec asks for alerts.
fn alert_steps(budget: &Budget, whole: f64) -> Vec<(f64, &'static str)> {
    budget.alert_at.iter().map(|share| (share * whole, if *share < 1.0 { color::ORANGE } else { color::RED })).collect()
}

/// Dashed line of the budget spread evenly, `per` parts to the month.
fn even_budget(query: &Query<'_>, parts_per_month: f64) -> Vec<(f64, &'static str)> {
    let line = |budget: &Budget| vec![((monthly(budget) / parts_per_month * 100.0).round() / 100.0, color::RED)];
    query.stack.budget.as_ref().map_or_else(Vec::new, line)
}

/// What is not in the figures, in words.
fn not_measured(query: &Query<'_>) -> &'static str {
    if query.stack.externals.is_empty() {
        "Volumes are not in it."
    } else {
        "Tokens of other providers and volumes are not in it: nothing in the cluster measures them."
    }
}

fn month_to_date(query: &Query<'_>) -> Panel {
    let about = format!(
        "What the stack has cost since the month began (UTC), up to the last whole hour: GPUs that pods hold, GPUs that are reserved, \
         and servers of guardrails where CPU and memory have prices. Hours that Prometheus did not measure are missing; it must keep 32 days. {}",
        not_measured(query)
    );
    let steps = query.stack.budget.as_ref().map_or_else(Vec::new, |budget| alert_steps(budget, monthly(budget)));
    Panel::new(Kind::Stat, "month-to-date", "Cost this month", &unit(query), about)
        .query(query.of_stack("llmc:cost_monthly:month_to_date"), "month to date")
        .steps(steps)
        .no_value(NO_COST)
}

fn forecast(query: &Query<'_>) -> Panel {
    let about = format!(
        "Month to date, and the mean of the last day for the rest of the month (UTC). Says little in the first days. {}",
        not_measured(query)
    );
    let steps = query.stack.budget.as_ref().map_or_else(Vec::new, |budget| objective::limit_steps(monthly(budget)));
    Panel::new(Kind::Stat, "forecast", "Forecast of this month", &unit(query), about)
        .query(query.of_stack("llmc:cost_monthly:forecast"), "end of the month")
        .steps(steps)
        .no_value(NO_COST)
}

fn month(query: &Query<'_>) -> Panel {
    let about = format!(
        "The month so far and its forecast against what the compiler expects of it at the stated load, as far as the cluster measures \
         it, and against the budget. {}",
        not_measured(query)
    );
    let mut panel = Panel::new(Kind::Lines, "month", "This month against the expectation", &unit(query), about)
        .query(query.of_stack("llmc:cost_monthly:month_to_date"), "month to date")
        .query(query.of_stack("llmc:cost_monthly:forecast"), "forecast")
        .query(query.of_stack("llmc:cost_monthly:expected_measured"), "expected");
    if query.stack.budget.is_some() {
        panel = panel.query(query.of_stack("llmc:budget_monthly:constant"), "budget").series_color("budget", color::RED);
    }
    panel.series_color("expected", color::PURPLE).time_from("now/M").zero_based().no_value(NO_COST)
}

fn by_class(query: &Query<'_>) -> Panel {
    let by_class = query.of_stack("llmc:cost_per_hour_by_class:sum").map(|cost| format!("sum by (llmc_pool, price_class) ({cost})"));
    let expected = query.of_stack("llmc:cost_monthly:expected_measured").map(|expected| format!("{expected} / {HOURS_PER_MONTH}"));
    let about = "GPUs of each pool by what is paid for them. Reserved GPUs are paid always; which pods run on spot nodes is not measured, so \
                 the GPUs beyond the reservation are split as the spec says. The line is what the compiler expects of an hour of everything \
                 that is measured.";
    Panel::new(Kind::Lines, "by-class", "Cost per hour by price", &unit(query), about)
        .query(by_class, "{{llmc_pool}} {{price_class}}")
        .query(expected, "expected of all")
        .series_color("expected of all", color::PURPLE)
        .zero_based()
        .no_value(NO_COST)
}

fn per_million_planned(query: &Query<'_>) -> Panel {
    let about = "Cost of a million tokens, prompt and generated, over the last day, against what the stated load and the expected copies \
                 come to. Little traffic alone makes tokens dear. Models without a stated load have no plan.";
    let mut panel = Panel::new(Kind::Lines, "per-million-planned", "Cost per million tokens against the plan", &unit(query), about)
        .query(query.recorded_per_model("llmc:cost_per_million_tokens:ratio1d"), "{{llmc_model}}")
        .zero_based()
        .no_value("no traffic");
    // A model without a load has no plan to read.
    for model in query.stack.models.values().filter(|model| model.load.is_some()) {
        panel = panel.query(Some(query.recorded_of("llmc:cost_per_million_tokens:planned", model)), "{{llmc_model}} planned");
    }
    panel
}

/// Share of the monthly budget that is used; `None` without a budget.
pub(super) fn budget_used(query: &Query<'_>) -> Option<Panel> {
    let budget = query.stack.budget.as_ref().filter(|budget| !budget.monthly.0.is_zero())?;
    let shares: Vec<String> = budget.alert_at.iter().map(|share| format!("{}%", objective::percent(*share))).collect();
    let about = format!(
        "What is spent of the monthly budget of {} {} since the month began (UTC). Alerts at {}. {}",
        budget.monthly,
        super::routes::markdown(&budget.currency),
        shares.join(", "),
        not_measured(query)
    );
    let panel = Panel::new(Kind::Gauge, "budget-used", "Budget used this month", "percentunit", about)
        .query(query.of_stack("llmc:cost_monthly:month_to_date").map(|cost| format!("{cost} / {}", budget.monthly)), "budget used")
        .steps(alert_steps(budget, 1.0))
        .up_to(budget.alert_at.iter().copied().fold(1.0, f64::max))
        .no_value(NO_COST);
    Some(panel)
}

fn month_at_this_rate(query: &Query<'_>) -> Panel {
    let about = "What a month of 730 hours costs with the GPUs that are allocated now. Above the budget: fewer copies, or \
                 a larger budget.";
    let steps = query.stack.budget.as_ref().map_or_else(Vec::new, |budget| objective::limit_steps(monthly(budget)));
    Panel::new(Kind::Stat, "month-at-this-rate", "A month at this rate", &unit(query), about)
        .query(query.cost_per_hour().map(|cost| format!("{cost} * {HOURS_PER_MONTH}")), "month")
        .steps(steps)
        .no_value(NO_COST)
}

fn tokens(query: &Query<'_>) -> Panel {
    let per_minute = |signal| query.per_model([signal], |v, [tokens]| format!("{} * 60", v.rate(tokens)));
    let about = "Tokens read and written each minute: what the GPUs are paid for.";
    Panel::new(Kind::Lines, "tokens", "Tokens per minute", "suffix:tok/min", about)
        .query(per_minute(Signal::PromptTokens), "{{llmc_model}} in")
        .query(per_minute(Signal::GenerationTokens), "{{llmc_model}} out")
        .zero_based()
        .no_value("no traffic")
}

fn gpus(query: &Query<'_>) -> Panel {
    let about = "GPUs that the pods of each model request, from kube-state-metrics. Each is paid for, busy or not.";
    Panel::new(Kind::Stacked, "gpus", "Allocated GPUs", "short", about)
        .query(query.recorded_per_model("llmc:gpus_allocated:sum"), "{{llmc_model}}")
        .zero_based()
        .no_value(NO_COST)
}

fn per_hour(query: &Query<'_>) -> Panel {
    let line = if query.stack.budget.is_some() { " The line is the budget spread evenly over a month of 730 hours." } else { "" };
    let about =
        format!("What each model pays for its GPUs: the price of the pool, of reserved GPUs the mean of those that are used.{line}");
    Panel::new(Kind::Stacked, "per-hour", "GPU cost per hour", &unit(query), about)
        .query(query.recorded_per_model(COST_PER_HOUR), "{{llmc_model}}")
        .steps(even_budget(query, f64::from(HOURS_PER_MONTH)))
        .zero_based()
        .no_value(NO_COST)
}

fn per_day(query: &Query<'_>) -> Panel {
    let line = if query.stack.budget.is_some() { " The line is the budget spread evenly over a mean month." } else { "" };
    let about = format!("Cost of the chosen models' GPUs in the 24 hours before each bar.{line}");
    Panel::new(Kind::Bars, "per-day", "GPU cost per day", &unit(query), about)
        .stepped_query(query.cost_over("1d"), "day", Some("1d"))
        .steps(even_budget(query, DAYS_PER_MONTH))
        .zero_based()
        .time_from("30d")
        .no_value(NO_COST)
}

fn per_million(query: &Query<'_>) -> Panel {
    let tokens = query.per_model([Signal::GenerationTokens], |v, [tokens]| v.rate(tokens));
    let expr = query
        .recorded_per_model(COST_PER_HOUR)
        .zip(tokens)
        .map(|(cost, tokens)| share(&format!("1e6 / 3600 * ({cost})"), &format!("({tokens})")));
    let about = "GPU cost for each million generated tokens, by model. Idle GPUs cost the same, so it rises when traffic \
                 falls: compare models over a whole day.";
    Panel::new(Kind::Lines, "per-million", "Cost per million generated tokens", &unit(query), about)
        .query(expr, "{{llmc_model}}")
        .zero_based()
        .no_value("no traffic")
}

fn per_request(query: &Query<'_>) -> Panel {
    let finished = query.per_model([Signal::Finished], |v, [finished]| v.rate(finished));
    let expr = query
        .recorded_per_model(COST_PER_HOUR)
        .zip(finished)
        .map(|(cost, finished)| share(&format!("({cost}) / 3600"), &format!("({finished})")));
    let limit = query.stack.budget.as_ref().and_then(|budget| budget.per_request).and_then(|money| money.0.to_f64());
    let line = if limit.is_some() { " The line is the budget for one request." } else { "" };
    let about = format!("GPU cost for each finished request, by model, idle time included.{line}");
    Panel::new(Kind::Lines, "per-request", "Cost per request", &unit(query), about)
        .query(expr, "{{llmc_model}}")
        .steps(limit.map_or_else(Vec::new, objective::limit_steps))
        .zero_based()
        .no_value("no traffic")
}
