//! Prices as series, so that a new price is a new sample and does not rewrite the past.

use rust_decimal::Decimal;

use super::rule::{Group, Labels, Recording, Rule};
use super::scope::stack_labels;
use crate::diagnostic::Route;
use crate::stack::{External, Pool, Price, Stack};

/// Prices of the GPU hours of a pool, in the currency of the stack.
pub(super) struct PoolPrices {
    pub(super) on_demand: Decimal,
    /// GPUs that are paid for whether they are used or not, and the price of one.
    pub(super) reserved: Option<(u32, Decimal)>,
    /// Share of the other hours that is bought as spot, and the price.
    pub(super) spot: Option<(Decimal, Decimal)>,
    /// Mean price of an hour beyond the reserved GPUs.
    pub(super) beyond: Decimal,
}

impl PoolPrices {
    /// `None` where the price is not known, or too large for a number; both are findings.
    pub(super) fn of(pool: &Pool) -> Option<Self> {
        let on_demand = pool.prices.on_demand.as_ref()?.amount.0;
        let spot = pool.prices.spot.as_ref().map(|(share, price)| (*share, price.amount.0));
        let beyond = match spot {
            None => on_demand,
            Some((share, price)) => {
                let rest = Decimal::ONE.checked_sub(share)?.checked_mul(on_demand)?;
                rest.checked_add(share.checked_mul(price)?)?
            }
        };
        let reserved = pool.prices.reserved.as_ref().map(|(gpus, price)| (*gpus, price.amount.0));
        Some(Self { on_demand, reserved, spot, beyond: beyond.normalize() })
    }

    /// What the reserved GPUs cost in an hour.
    pub(super) fn reserved_hour(&self) -> Option<Decimal> {
        self.reserved.map_or(Some(Decimal::ZERO), |(gpus, price)| price.checked_mul(gpus.into()))
    }

    /// What the pool costs in an hour in which `gpus` are held.
    pub(super) fn pool_hour(&self, gpus: u32) -> Option<Decimal> {
        let above = gpus.saturating_sub(self.reserved.map_or(0, |(reserved, _)| reserved));
        self.beyond.checked_mul(above.into())?.checked_add(self.reserved_hour()?)
    }

    /// What a model, alone in the pool, costs in an hour in which it holds `gpus`.
    pub(super) fn model_hour(&self, gpus: u32) -> Option<Decimal> {
        match self.reserved {
            Some((reserved, price)) if gpus < reserved => price.checked_mul(gpus.into()),
            _ => self.pool_hour(gpus),
        }
    }

    /// GPUs that cost the pool `hour` in an hour; `None` where the reserved ones alone cost more.
    pub(super) fn gpus_of_pool(&self, hour: Decimal) -> Option<Decimal> {
        let above = hour.checked_sub(self.reserved_hour()?)?;
        let reserved = Decimal::from(self.reserved.map_or(0, |(gpus, _)| gpus));
        (above >= Decimal::ZERO).then(|| above.checked_div(self.beyond)?.checked_add(reserved))?
    }

    /// GPUs of one model, alone in the pool, that cost it `hour` in an hour.
    pub(super) fn gpus_of_model(&self, hour: Decimal) -> Option<Decimal> {
        match self.reserved {
            Some((_, price)) if hour < self.reserved_hour()? => hour.checked_div(price),
            _ => self.gpus_of_pool(hour),
        }
    }
}

/// Currency of every price of the stack.
pub(super) fn currency(stack: &Stack) -> &str {
    &stack.currency
}

/// `labels` and `more`.
pub(super) fn with(mut labels: Labels, more: &[(&str, &str)]) -> Labels {
    labels.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    labels
}

/// Labels of what is money of the stack.
pub(super) fn money_labels(stack: &Stack, more: &[(&str, &str)]) -> Labels {
    with(with(stack_labels(stack), &[("currency", currency(stack))]), more)
}

/// A series of one value.
pub(super) fn constant(name: &'static str, value: Decimal, labels: Labels) -> Rule {
    Rule::Record(Recording { name, expr: format!("vector({})", value.normalize()), labels })
}

/// Every price that is known.
pub(super) fn group(stack: &Stack) -> Group {
    let mut rules: Vec<Rule> = stack.pools.values().filter_map(|pool| of_pool(stack, pool)).flatten().collect();
    rules.extend(stack.externals.values().flat_map(|external| of_external(stack, external)));
    let unit = |name, price: &Option<Price>| Some(constant(name, price.as_ref()?.amount.0, money_labels(stack, &[])));
    rules.extend(unit("llmc:cpu_hour_price:constant", &stack.prices.cpu_hour));
    rules.extend(unit("llmc:memory_gib_hour_price:constant", &stack.prices.memory_gib_hour));
    Group { name: format!("{}.prices", stack.name), interval_seconds: None, about: Route::of(["pool"]), rules }
}

fn of_pool(stack: &Stack, pool: &Pool) -> Option<Vec<Rule>> {
    let prices = PoolPrices::of(pool)?;
    let on_pool = ("llmc_pool", pool.name.as_str());
    let class =
        |class, price| constant("llmc:gpu_hour_price_by_class:constant", price, money_labels(stack, &[on_pool, ("price_class", class)]));
    let mut rules = vec![
        // What one more GPU costs: beyond the reservation, spot and on demand as the spec mixes them.
        constant("llmc:gpu_hour_price:constant", prices.beyond, money_labels(stack, &[on_pool])),
        class("on-demand", prices.on_demand),
    ];
    if let Some((_, price)) = prices.spot {
        rules.push(class("spot", price));
    }
    if let Some((gpus, price)) = prices.reserved {
        rules.push(class("reserved", price));
        rules.push(constant("llmc:gpus_reserved:constant", gpus.into(), with(stack_labels(stack), &[on_pool])));
    }
    Some(rules)
}

/// Nobody in the cluster counts the tokens of other providers, so these prices are multiplied by nothing
/// here; applications that count them can.
fn of_external(stack: &Stack, external: &External) -> Vec<Rule> {
    let prices = &external.prices;
    let kinds = [("input", &prices.input), ("cached_input", &prices.cached_input), ("output", &prices.output)];
    let rule = |(kind, price): (&str, &Option<Price>)| {
        let labels = money_labels(stack, &[("llmc_external", &external.name), ("token_kind", kind)]);
        Some(constant("llmc:token_price_per_million:constant", price.as_ref()?.amount.0, labels))
    };
    kinds.into_iter().filter_map(rule).collect()
}
