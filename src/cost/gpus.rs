//! GPU hours: the reserved ones first, which are always paid, and the others on demand and as spot.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::bill::Amount;
use super::copies::Copies;
use super::{HOURS_PER_MONTH, money};
use crate::stack::{GpuPrices, Model, Pool, Stack};

/// The models of a pool with their copies.
pub(super) struct PoolUse<'a> {
    pub(super) pool: &'a Pool,
    pub(super) models: Vec<(&'a Model, Copies)>,
    /// Prices that the spec asks for and nobody states: of reserved GPUs, of spot GPUs.
    unpriced: Vec<&'static str>,
}

/// How many GPUs each model of a pool holds, for a share of the month.
struct State {
    share: Decimal,
    gpus: Vec<u64>,
}

/// What a month comes to: each model's share, and reserved GPUs that nobody uses.
#[derive(Clone, Debug)]
pub(super) struct Month {
    pub(super) models: Vec<Amount>,
    pub(super) idle: Amount,
    /// Reserved GPUs that nobody uses at any time.
    pub(super) least_idle: u64,
}

impl<'a> PoolUse<'a> {
    pub(super) fn of(stack: &Stack, pool: &'a Pool, models: Vec<(&'a Model, Copies)>) -> Self {
        let stated = stack.explicit.pool.get(&pool.name);
        let mut unpriced = Vec::new();
        if stated.is_some_and(|stated| stated.reserved.is_some()) && pool.prices.reserved.is_none() {
            unpriced.push("its reserved GPUs");
        }
        if stated.is_some_and(|stated| stated.spot.is_some()) && pool.prices.spot.is_none() {
            unpriced.push("its spot GPUs");
        }
        Self { pool, models, unpriced }
    }

    /// With the least copies all month.
    pub(super) fn minimum(&self) -> Option<Month> {
        self.month(&[self.state(Decimal::ONE, |copies| copies.least)])
    }

    /// With the greatest number of copies all month.
    pub(super) fn maximum(&self) -> Option<Month> {
        self.month(&[self.state(Decimal::ONE, |copies| copies.most)])
    }

    /// With what the load asks for. The busy hours of all models fall together, which costs most: what
    /// exceeds a reservation is then greatest.
    pub(super) fn expected(&self) -> Option<Month> {
        let ends: BTreeSet<Decimal> = self.models.iter().map(|(_, copies)| copies.busy_share).chain([Decimal::ONE]).collect();
        let mut begin = Decimal::ZERO;
        let mut states = Vec::new();
        for end in ends {
            states.push(self.state(end - begin, |copies| if copies.busy_share >= end { copies.busy } else { copies.least }));
            begin = end;
        }
        self.month(&states)
    }

    fn state(&self, share: Decimal, copies: impl Fn(&Copies) -> u32) -> State {
        let gpus = |(model, of): &(&Model, Copies)| u64::from(copies(of)) * u64::from(model.tensor_parallel);
        State { share, gpus: self.models.iter().map(gpus).collect() }
    }

    /// None where an amount is larger than a decimal.
    fn month(&self, states: &[State]) -> Option<Month> {
        let mut models = vec![Amount::default(); self.models.len()];
        let mut idle = Amount::default();
        let reserved = self.pool.prices.reserved.as_ref();
        let held = reserved.map_or(0, |(gpus, _)| u64::from(*gpus));
        let beyond_price = hour_beyond(&self.pool.prices);
        let mut least_idle = held;
        for state in states {
            let hours = state.share.checked_mul(HOURS_PER_MONTH.into())?;
            let total: u64 = state.gpus.iter().sum();
            let used = total.min(held);
            least_idle = least_idle.min(held - used);
            let of_reserved = |gpus: u64| match reserved {
                Some((_, price)) => money::product([Decimal::from(gpus), price.amount.0, hours]),
                None => Some(Decimal::ZERO),
            };
            idle.add(Amount::known(of_reserved(held - used)?))?;
            let of_beyond = money::product([Decimal::from(total - used), beyond_price.unwrap_or_default(), hours])?;
            let all = of_reserved(used)?.checked_add(of_beyond)?;
            let is_known = self.unpriced.is_empty() && (beyond_price.is_some() || total == used);
            for (amount, gpus) in models.iter_mut().zip(&state.gpus) {
                // What a pool's reserved GPUs save is spread over all that it holds.
                let share = Decimal::from(*gpus).checked_mul(all)?.checked_div(Decimal::from(total.max(1)))?;
                amount.add(Amount { known: share, is_whole: is_known || *gpus == 0 })?;
            }
        }
        Some(Month { models, idle, least_idle })
    }

    /// What is not known of the pool's prices, in words.
    pub(super) fn unknown(&self) -> Option<String> {
        let mut words = self.unpriced.clone();
        if self.unpriced.is_empty() && hour_beyond(&self.pool.prices).is_none() {
            words.push("a GPU hour on demand");
        }
        (!words.is_empty()).then(|| format!("the price of {} of pool `{}`", words.join(" and of "), self.pool.name))
    }
}

/// The price of an hour of one GPU that is not reserved, by the share of spot; none where it is not known.
pub(super) fn hour_beyond(prices: &GpuPrices) -> Option<Decimal> {
    let on_demand = prices.on_demand.as_ref().map(|price| price.amount.0);
    match &prices.spot {
        None => on_demand,
        Some((share, price)) if *share == Decimal::ONE => Some(price.amount.0),
        Some((share, price)) => money::sum([share.checked_mul(price.amount.0)?, (Decimal::ONE - *share).checked_mul(on_demand?)?]),
    }
}
