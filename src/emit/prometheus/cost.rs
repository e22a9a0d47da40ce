//! What the stack costs now: GPUs that pods hold, GPUs that are reserved, and guardrails' servers.
//!
//! Not in it, because nothing in the cluster measures them: tokens of other providers, and volumes.

use super::prices::{PoolPrices, currency, money_labels, with};
use super::rule::{Group, Labels, Recording, Rule};
use super::scope::{Scope, pods_of, stack_labels};
use crate::diagnostic::Route;
use crate::emit::guardrails::server_name;
use crate::emit::promql::Selector;
use crate::engine::Signal;
use crate::stack::{Guardrails, Model, Pool, Stack};

/// Cost of the whole stack in an hour.
pub(super) const STACK_PER_HOUR: &str = "llmc:cost_per_hour:stack";
/// Bytes of a GiB.
const BYTES_PER_GIB: u64 = 1 << 30;

fn record(name: &'static str, expr: String, labels: Labels) -> Rule {
    Rule::Record(Recording { name, expr, labels })
}

/// Requested amounts of the pods that have a node and have not ended, once for each container, however
/// many copies of kube-state-metrics are scraped. A Deployment without pods requests nothing; one
/// that nobody measures requests an unknown amount.
fn requested(pods: &Selector, resource: &str) -> String {
    let requests = pods.clone().equal("resource", resource).differs("node", "").of("kube_pod_container_resource_requests");
    let ended = pods.clone().matches("phase", "Failed|Succeeded").of("kube_pod_status_phase");
    format!("max by (namespace, pod, container) ({requests}) unless on (namespace, pod) ({ended} == 1)")
}

fn nothing_of(deployment: &Selector) -> String {
    format!("or on () (0 * max({}))", deployment.of("kube_deployment_spec_replicas"))
}

/// GPUs that a model holds, from the moment that a pod has a node, also while it loads.
fn allocated(scope: &Scope<'_>) -> Rule {
    record(
        "llmc:gpus_allocated:sum",
        format!("sum({}) {}", requested(&scope.pods(), "nvidia_com_gpu"), nothing_of(&scope.deployment())),
        with(scope.labels(), &[("llmc_pool", scope.model.pool.as_str())]),
    )
}

/// What everything that is measured costs in an hour, by model, pool, class of price and guardrails, and together.
pub(super) fn group(stack: &Stack) -> Group {
    let used = |pool: &&Pool| stack.models.values().any(|model| model.pool == pool.name);
    let mut rules: Vec<Rule> = stack.models.values().map(|model| allocated(&Scope::of(stack, model))).collect();
    for pool in stack.pools.values() {
        let Some(prices) = PoolPrices::of(pool) else { continue };
        if used(&pool) || prices.reserved.is_some() {
            rules.extend(of_pool(stack, pool, &prices));
        }
    }
    rules.extend(stack.models.values().filter_map(|model| of_model(stack, model)).flatten());
    rules.extend(guarded(stack).filter_map(|guardrails| of_guardrails(stack, guardrails)));
    let money = Selector::stack(stack).equal("currency", currency(stack));
    let mut parts = vec![money.of("llmc:cost_per_hour_by_class:sum")];
    if prices_of_servers(stack).is_some() && guarded(stack).next().is_some() {
        parts.push(money.of("llmc:cost_per_hour_guardrails:sum"));
    }
    rules.push(record(STACK_PER_HOUR, format!("sum({})", parts.join(" or ")), money_labels(stack, &[])));
    Group { name: format!("{}.cost", stack.name), interval_seconds: None, about: Route::of(["pool"]), rules }
}

/// Guardrails that have a server.
fn guarded(stack: &Stack) -> impl Iterator<Item = &Guardrails> {
    stack.guardrails.values().filter(|guardrails| stack.routes_guarded_by(&guardrails.name).next().is_some())
}

fn of_pool(stack: &Stack, pool: &Pool, prices: &PoolPrices) -> Vec<Rule> {
    let on_pool = ("llmc_pool", pool.name.as_str());
    let selector = Selector::stack(stack).equal("llmc_pool", &pool.name);
    let (held, reserved) = (selector.of("llmc:gpus_allocated:pool"), selector.of("llmc:gpus_reserved:constant"));
    let price = |class: &str| {
        selector.clone().equal("currency", currency(stack)).equal("price_class", class).of("llmc:gpu_hour_price_by_class:constant")
    };
    let class =
        |class: &str, expr| record("llmc:cost_per_hour_by_class:sum", expr, money_labels(stack, &[on_pool, ("price_class", class)]));
    let mut rules = vec![record(
        "llmc:gpus_allocated:pool",
        format!("sum({})", selector.of("llmc:gpus_allocated:sum")),
        with(stack_labels(stack), &[on_pool]),
    )];
    let above = match prices.reserved {
        None => held.clone(),
        Some(_) => format!("clamp_min({held} - on (llmc_pool) {reserved}, 0)"),
    };
    match prices.spot {
        None => rules.push(class("on-demand", format!("{above} * on (llmc_pool) {}", price("on-demand")))),
        Some((share, _)) => {
            // Which pods run on spot nodes is not measured: the share is the spec's.
            let rest = (rust_decimal::Decimal::ONE - share).normalize();
            rules.push(class("on-demand", format!("{rest} * {above} * on (llmc_pool) {}", price("on-demand"))));
            rules.push(class("spot", format!("{} * {above} * on (llmc_pool) {}", share.normalize(), price("spot"))));
        }
    }
    if prices.reserved.is_some() {
        rules.push(class("reserved", format!("{reserved} * on (llmc_pool) {}", price("reserved"))));
        rules.push(record(
            "llmc:cost_per_hour_idle_reservation:sum",
            // Unmeasured GPUs are paid for all the same.
            format!(
                "clamp_min({reserved} - on (llmc_pool) ({held} or on (llmc_pool) (0 * {reserved})), 0) * on (llmc_pool) {}",
                price("reserved")
            ),
            money_labels(stack, &[on_pool]),
        ));
        let beyond = selector.clone().equal("currency", currency(stack)).of("llmc:gpu_hour_price:constant");
        rules.push(record(
            "llmc:gpu_hour_price:paid",
            // Models share the reserved GPUs by how many they hold, so each pays the mean.
            format!(
                "sum by (llmc_pool) (({above} * on (llmc_pool) {beyond} + on (llmc_pool) ({held} - on (llmc_pool) {above}) * on (llmc_pool) {paid}) / on (llmc_pool) ({held} > 0) or on (llmc_pool) {paid})",
                paid = price("reserved"),
            ),
            money_labels(stack, &[on_pool]),
        ));
    }
    rules
}

/// What a model's GPUs cost, and what its tokens cost by that.
fn of_model(stack: &Stack, model: &Model) -> Option<Vec<Rule>> {
    let scope = Scope::of(stack, model);
    let pool = stack.pools.get(&model.pool)?;
    let price = if PoolPrices::of(pool)?.reserved.is_some() { "llmc:gpu_hour_price:paid" } else { "llmc:gpu_hour_price:constant" };
    let on_pool = ("llmc_pool", pool.name.as_str());
    let labels = || with(scope.labels(), &[("currency", currency(stack)), on_pool]);
    let mut rules = vec![record(
        "llmc:cost_per_hour:sum",
        format!(
            "{} * on (llmc_pool) group_left (currency) {}",
            scope.series().equal("llmc_pool", &pool.name).of("llmc:gpus_allocated:sum"),
            Selector::stack(stack).equal("llmc_pool", &pool.name).equal("currency", currency(stack)).of(price),
        ),
        labels(),
    )];
    let cost = scope.series().equal("currency", currency(stack)).of("llmc:cost_per_hour:sum");
    if let Some(tokens) = scope.name(Signal::GenerationTokens) {
        rules.push(record(
            "llmc:cost_per_million_generated_tokens:ratio1h",
            format!("1e6 * sum(avg_over_time({cost}[1h])) / (3600 * sum(rate({}[1h])) > 0)", scope.series().of(tokens)),
            labels(),
        ));
    }
    Some(rules)
}

/// Prices of CPUs and memory, where both are known.
fn prices_of_servers(stack: &Stack) -> Option<()> {
    stack.prices.cpu_hour.as_ref().and(stack.prices.memory_gib_hour.as_ref()).map(|_| ())
}

fn of_guardrails(stack: &Stack, guardrails: &Guardrails) -> Option<Rule> {
    prices_of_servers(stack)?;
    let server = server_name(stack, guardrails);
    let (pods, deployment) = (pods_of(stack, &server), Selector::namespace(stack).equal("deployment", &server));
    let price = |name| format!("sum({})", Selector::stack(stack).equal("currency", currency(stack)).of(name));
    Some(record(
        "llmc:cost_per_hour_guardrails:sum",
        format!(
            "sum({}) * {} + sum({}) / {BYTES_PER_GIB} * {} {}",
            requested(&pods, "cpu"),
            price("llmc:cpu_hour_price:constant"),
            requested(&pods, "memory"),
            price("llmc:memory_gib_hour_price:constant"),
            nothing_of(&deployment),
        ),
        money_labels(stack, &[("llmc_guardrails", &guardrails.name)]),
    ))
}
