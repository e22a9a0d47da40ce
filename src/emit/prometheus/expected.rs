//! What the compiler expects the stack to cost, so that what it does cost can be held against it.

use rust_decimal::Decimal;

use super::prices::{PoolPrices, constant, currency, money_labels, with};
use super::rule::{Alert, Cases, Description, Firing, Group, Input, Recording, Rule, Severity};
use super::scope::{Scope, by_state_metrics};
use super::{SLOW_INTERVAL_SECONDS, four_digits};
use crate::capacity::Flow;
use crate::cost::{Cost, HOURS_PER_MONTH, Kind};
use crate::diagnostic::Route;
use crate::emit::Estimates;
use crate::emit::promql::Selector;
use crate::engine::Signal;
use crate::stack::{Model, Stack};

/// Cost of a token, by that of the plan, from which on it is asked why.
const ABOVE_PLAN: Decimal = Decimal::from_parts(15, 0, 0, false, 1);
/// Share of the planned tokens below which the cost of one says nothing: at the planned cost, fewer than two
/// thirds would make each cost half as much again, so little traffic alone never fires.
const LEAST_TRAFFIC: Decimal = Decimal::from_parts(7, 0, 0, false, 1);

/// The expectation about one model.
struct Planned {
    /// Cost of its GPUs in an hour.
    hour: Decimal,
    /// Prompt and generated tokens of a second, in the mean hour.
    prompt: Decimal,
    generated: Decimal,
    /// Cost of a million tokens, prompt and generated.
    per_million: Decimal,
}

impl Planned {
    /// `None` where it is not known what reaches `model`, or where nothing costs anything.
    fn of(estimates: Estimates<'_>, cost: &Cost, model: &Model) -> Option<Self> {
        let item = cost.items.iter().find(|item| item.kind == Kind::Gpus && item.name == model.name)?;
        // The engine counts the tokens of self checks like any others, so all flows are in it.
        let traffic = estimates.capacities.iter().find(|capacity| capacity.model == model.name)?.traffic.as_ref()?;
        let tokens = |of: fn(&Flow) -> f64| {
            let a_second: f64 = traffic.flows.iter().map(|flow| flow.requests_per_second * flow.load_factor * of(flow)).sum();
            Decimal::from_str_exact(&format!("{a_second:.6}")).ok()
        };
        let (prompt, generated) = (tokens(|flow| flow.input_tokens)?, tokens(|flow| flow.output_tokens)?);
        let hour = item.monthly.expected.checked_div(HOURS_PER_MONTH.into())?;
        let millions_per_hour = prompt.checked_add(generated)?.checked_mul(Decimal::new(36, 4))?;
        let per_million = hour.checked_div(millions_per_hour)?.round_dp(6).normalize();
        (per_million > Decimal::ZERO).then_some(Self { hour, prompt, generated, per_million })
    }

    fn tokens(&self) -> Option<Decimal> {
        self.prompt.checked_add(self.generated)
    }
}

/// Whether the cluster measures what an item of the bill is for.
fn is_measured(kind: Kind) -> bool {
    matches!(kind, Kind::Gpus | Kind::IdleReservation | Kind::Rollouts | Kind::Guardrails)
}

/// The part of the expected month that the cluster measures.
pub(super) fn measured(cost: &Cost) -> Option<Decimal> {
    let items = cost.items.iter().filter(|item| is_measured(item.kind));
    items.into_iter().try_fold(Decimal::ZERO, |sum, item| sum.checked_add(item.monthly.expected))
}

/// The expectations, what the models' tokens do cost, and alerts where that is far above.
pub(super) fn group(stack: &Stack, estimates: Estimates<'_>) -> Group {
    let cents = |name, amount: Decimal| constant(name, amount.round_dp(2), money_labels(stack, &[]));
    let mut rules = Vec::new();
    let cost = estimates.cost.filter(|cost| cost.currency == stack.currency);
    if let Some(cost) = cost {
        rules.push(cents("llmc:cost_monthly:expected", cost.monthly.expected));
        rules.extend(measured(cost).map(|measured| cents("llmc:cost_monthly:expected_measured", measured)));
        rules.push(cents("llmc:cost_monthly:maximum", cost.monthly.maximum));
        rules.push(cents("llmc:cost_monthly:minimum", cost.monthly.minimum));
    }
    let mut alerts = Vec::new();
    for model in stack.models.values() {
        let scope = Scope::of(stack, model);
        let planned = cost.and_then(|cost| Planned::of(estimates, cost, model));
        let Some(actual) = actual(&scope) else { continue };
        rules.extend(actual);
        if let Some(planned) = planned {
            rules.extend(of_model(&scope, &planned).into_iter().flatten());
            alerts.extend(above_plan(&scope, &planned));
        }
    }
    rules.extend(alerts.into_iter().map(|alert| Rule::Alert(Box::new(alert))));
    let interval_seconds = Some(SLOW_INTERVAL_SECONDS);
    Group { name: format!("{}.expected", stack.name), interval_seconds, about: Route::of(["model"]), rules }
}

/// Mean tokens of a second and the cost of a million over a day, as long as anything is measured.
fn actual(scope: &Scope<'_>) -> Option<[Rule; 2]> {
    scope.name(Signal::PromptTokens).and(scope.name(Signal::GenerationTokens))?;
    let series = scope.series();
    let mean = |name| format!("sum(avg_over_time({}[1d]))", series.of(name));
    let money = money_labels(scope.stack, &[("llmc_model", &scope.model.name), ("llmc_pool", &scope.model.pool)]);
    let cost = series.clone().equal("currency", currency(scope.stack)).of("llmc:cost_per_hour:sum");
    let ratio = format!("1e6 * sum(avg_over_time({cost}[1d])) / (3600 * sum({}) > 0)", series.of("llmc:tokens:mean1d"));
    Some([
        // Means of what was measured, as of the cost, so that a new model's first hours compare.
        scope.record("llmc:tokens:mean1d", format!("{} + {}", mean("llmc:prompt_tokens:rate5m"), mean("llmc:generation_tokens:rate5m"))),
        Rule::Record(Recording { name: "llmc:cost_per_million_tokens:ratio1d", expr: ratio, labels: money }),
    ])
}

/// The plan of a model, and what its tokens would cost by that.
fn of_model(scope: &Scope<'_>, planned: &Planned) -> Option<[Rule; 3]> {
    let money = || money_labels(scope.stack, &[("llmc_model", &scope.model.name)]);
    let series = scope.series();
    let price = series.clone().equal("currency", currency(scope.stack)).of("llmc:cost_per_million_tokens:planned");
    let showback = format!(
        "(sum({}) + sum({})) * 3600 / 1e6 * sum({price})",
        series.of("llmc:prompt_tokens:rate5m"),
        series.of("llmc:generation_tokens:rate5m"),
    );
    Some([
        constant("llmc:cost_per_million_tokens:planned", planned.per_million, money()),
        constant("llmc:tokens:planned", planned.tokens()?.round_dp(9), scope.labels()),
        Rule::Record(Recording { name: "llmc:cost_per_hour_of_tokens:planned", expr: showback, labels: money() }),
    ])
}

fn above_plan(scope: &Scope<'_>, planned: &Planned) -> Option<Alert> {
    let (stack, model) = (scope.stack, scope.model);
    let pool = stack.pools.get(&model.pool)?;
    let prices = PoolPrices::of(pool).filter(|prices| prices.beyond > Decimal::ZERO)?;
    let money = scope.series().equal("currency", currency(stack));
    let series = scope.series();
    let held = scope.pod("kube_pod_container_resource_requests", &[("resource", "nvidia_com_gpu"), ("node", "gpu-1")]);
    // GPUs at `of_cost` times the planned cost, and `of_tokens` times the planned tokens.
    let state = |of_cost: Decimal, of_tokens: Decimal| {
        let gpus = prices.gpus_of_model(planned.hour.checked_mul(of_cost)?.checked_mul(of_tokens)?)?.round_dp(9).normalize();
        let counter = |signal, a_second: Decimal| {
            let a_minute = a_second.checked_mul(of_tokens)?.checked_mul(Decimal::from(60))?.round_dp(6).normalize();
            Some((scope.scraped(scope.name(signal)?, &[]), format!("0+{a_minute}x120")))
        };
        let (prompt, generated) = (counter(Signal::PromptTokens, planned.prompt)?, counter(Signal::GenerationTokens, planned.generated)?);
        Some(Input::after(100, [(held.clone(), format!("{gpus}x120")), prompt, generated]))
    };
    let dearer = Decimal::new(17, 1);
    let still = |signal| Some((scope.scraped(scope.name(signal)?, &[]), "500x120".to_owned()));
    let idle = [(held.clone(), "4x120".to_owned()), still(Signal::PromptTokens)?, still(Signal::GenerationTokens)?];
    let percent = (ABOVE_PLAN * Decimal::ONE_HUNDRED).normalize();
    Some(Alert {
        name: "CostPerTokenAbovePlan".into(),
        expr: format!(
            "{} / on (llmc_model) ({} > 0) > {ABOVE_PLAN} and on (llmc_model) ({} / on (llmc_model) ({} > 0) > {LEAST_TRAFFIC})",
            money.of("llmc:cost_per_million_tokens:ratio1d"),
            money.of("llmc:cost_per_million_tokens:planned"),
            series.of("llmc:tokens:mean1d"),
            series.of("llmc:tokens:planned"),
        ),
        for_seconds: 3600,
        severity: Severity::Ticket,
        labels: with(scope.alert_labels(), &[("currency", currency(stack))]),
        summary: format!("tokens of {} cost more than planned", model.name),
        description: Description::percentage(
            format!("Over the last day a million tokens of {} cost ", model.name),
            format!(
                " of the {} {} that its stated load and its expected copies come to; this alert fires above {percent} %, at {} % of the \
                 planned tokens or more. Look whether more copies run than the load needs, and whether the load in the spec still holds.",
                planned.per_million.round_dp(4).normalize(),
                currency(stack),
                (LEAST_TRAFFIC * Decimal::ONE_HUNDRED).normalize(),
            ),
        ),
        cases: Cases {
            fires: Firing { input: state(dearer, Decimal::ONE)?, value: format!("{}%", four_digits(f64::try_from(dearer).ok()? * 100.0)) },
            good: state(Decimal::new(13, 1), Decimal::ONE)?,
            idle: Input::after(100, idle),
            also_silent: vec![("little traffic", state(dearer, Decimal::new(5, 1))?)],
        },
    })
}

/// A GPU-less Deployment of the stack, for tests without any cost.
pub(super) fn nothing_held(stack: &Stack) -> Option<(String, String)> {
    let model = stack.models.values().next()?;
    let deployment: Selector = Scope::of(stack, model).deployment();
    Some((by_state_metrics(deployment).of("kube_deployment_spec_replicas"), "0x150".into()))
}
