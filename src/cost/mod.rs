//! What a stack costs: every item of the bill, and what it comes to.
//!
//! Money is added and compared in decimals. What is not known exactly has a minimum (the least copies, the
//! kindest bounds), what the stated load leads to, and a maximum (the most copies).

use rust_decimal::Decimal;

use crate::capacity::Capacity;
use crate::stack::Stack;

/// Hours of a month, as clouds bill it: 8,760 hours of a year by 12.
pub const HOURS_PER_MONTH: u32 = 730;

/// An amount for a month, in the currency of the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Monthly {
    /// At the least number of copies and without any traffic.
    pub minimum: Decimal,
    /// At the stated load.
    pub expected: Decimal,
    /// At the greatest number of copies.
    pub maximum: Decimal,
}

/// What a line of the bill is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// GPUs that a model's copies hold.
    Gpus,
    /// GPUs that are reserved and not used.
    IdleReservation,
    /// GPUs that rollouts hold beside the running copies.
    Rollouts,
    /// Servers of guardrails.
    Guardrails,
    /// What serves a cache of answers.
    SemanticCache,
    /// Volumes that cache weights.
    Storage,
    /// Tokens of an external model.
    Tokens,
}

/// A line of the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is for.
    pub kind: Kind,
    /// Name of the model, pool, guardrails, route or external model.
    pub name: String,
    /// What it comes to.
    pub monthly: Monthly,
}

/// What a stack costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Currency of every amount.
    pub currency: String,
    /// The bill, in the order of [`Kind`] and then by name.
    pub items: Vec<Item>,
    /// The sum of the items.
    pub monthly: Monthly,
}

/// Why there is no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

impl Cost {
    /// What `stack` costs, whose models have `capacities`.
    ///
    /// # Errors
    /// When an amount is larger than a decimal of 28 digits.
    pub fn of(stack: &Stack, _capacities: &[Capacity]) -> Result<Self, Overflow> {
        let mut items = Vec::new();
        for model in stack.models.values() {
            let Some(price) = stack.pools.get(&model.pool).and_then(|pool| pool.prices.on_demand.as_ref()) else { continue };
            let of = |copies: u32| {
                let hours = Decimal::from(u64::from(copies) * u64::from(model.tensor_parallel) * u64::from(HOURS_PER_MONTH));
                price.amount.0.checked_mul(hours).ok_or(Overflow)
            };
            let (minimum, maximum) = (of(model.replicas.min)?, of(model.replicas.max)?);
            let monthly = Monthly { minimum, expected: minimum, maximum };
            items.push(Item { kind: Kind::Gpus, name: model.name.clone(), monthly });
        }
        let sum = |of: fn(&Monthly) -> Decimal| {
            items.iter().try_fold(Decimal::ZERO, |sum, item| sum.checked_add(of(&item.monthly))).ok_or(Overflow)
        };
        let monthly = Monthly { minimum: sum(|m| m.minimum)?, expected: sum(|m| m.expected)?, maximum: sum(|m| m.maximum)? };
        Ok(Self { currency: stack.currency.clone(), items, monthly })
    }
}
