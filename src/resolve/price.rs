//! Prices, each in the currency of the stack: what the spec states, else what the list says.

use rust_decimal::Decimal;

use crate::spec::{self, Money, Spec};
use crate::stack::{GpuPrices, Price, Share, TokenPrices, UnitPrices};

/// Currency of a stack without a budget.
const DEFAULT_CURRENCY: &str = "USD";

/// Words for a price that the spec itself states.
const SPEC: &str = "the spec";

/// Currency of every amount of `spec`.
pub(super) fn currency(spec: &Spec) -> &str {
    spec.budget.as_ref().map_or(DEFAULT_CURRENCY, |budget| &budget.currency)
}

fn stated(amount: Option<Money>, date: Option<spec::Day>) -> Option<Price> {
    amount.map(|amount| Price { amount, date, source: SPEC.to_owned() })
}

pub(super) fn units(spec: &Spec) -> UnitPrices {
    let prices = &spec.prices;
    UnitPrices {
        cpu_hour: stated(prices.cpu_hour, None),
        memory_gib_hour: stated(prices.memory_gib_hour, None),
        storage_gib_month: stated(prices.storage_gib_month, None),
        max_age: prices.max_age,
    }
}

pub(super) fn of_pool(pool: &spec::Pool) -> GpuPrices {
    let date = pool.priced_on;
    GpuPrices {
        on_demand: stated(pool.price_per_gpu_hour, date),
        reserved: pool.reserved.as_ref().and_then(|r| Some((r.gpus, stated(r.price_per_gpu_hour, date)?))),
        spot: pool.spot.as_ref().and_then(|s| Some((decimal(s.share)?, stated(s.price_per_gpu_hour, date)?))),
    }
}

pub(super) fn of_external(external: &spec::External) -> TokenPrices {
    let date = external.priced_on;
    TokenPrices {
        input: stated(external.input_price_per_million, date),
        cached_input: stated(external.cached_input_price_per_million.or(external.input_price_per_million), date),
        output: stated(external.output_price_per_million, date),
    }
}

pub(super) fn share(share: spec::Share) -> Option<Share> {
    let at_least = decimal(share.at_least)?;
    Some(Share { at_least, at_most: share.at_most.map_or(Some(at_least), decimal)? })
}

/// The number as it was written.
fn decimal(number: f64) -> Option<Decimal> {
    Decimal::from_str_exact(&number.to_string()).ok()
}
