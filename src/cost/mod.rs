//! What a stack costs: every item of the bill, and what it comes to.
//!
//! Money is added and compared in decimals, and each item is rounded to the cent, so that the sum is the
//! sum of what is shown. What is not known exactly has a minimum (the least copies, no traffic), what the
//! stated load leads to, and a maximum (the most copies, the busy hour all month).

mod against;
mod bill;
mod components;
mod copies;
mod document;
mod effects;
mod gpus;
mod money;
mod report;
mod request;
mod rollouts;
mod serves;
mod shares;
mod table;
mod text;
mod tokens;

use std::collections::BTreeMap;

use crate::capacity::{self, Capacity};
use crate::stack::Stack;

pub use against::Against;
pub use bill::{Item, Kind, Monthly};
pub use copies::{Basis, Copies};
pub use document::{Document, document, json_schema, render_json};
pub use effects::{Effect, Switch};
pub use money::{amount, money, unit_amount};
pub use report::{PriceUsed, Report};
pub use request::{Checks, Length, RequestCost, cost_of_request};
pub use rollouts::Rollout;
pub use serves::{OneCopy, Serves};
pub use shares::{ModelCost, Part, RouteCost};
pub use text::{render_prices, render_text, small as unit_money};

/// Hours of a month, as clouds bill it: 8,760 hours of a year by 12.
pub const HOURS_PER_MONTH: u32 = 730;

/// What a stack costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Currency of every amount.
    pub currency: String,
    /// The bill, in the order of [`Kind`] and then by name.
    pub items: Vec<Item>,
    /// The sum of the items; only of what is known.
    pub monthly: Monthly,
    /// Copies of each model by name.
    pub copies: BTreeMap<String, Copies>,
    /// What one rollout of each model costs, sorted by name.
    pub rollouts: Vec<Rollout>,
    /// Blocks that could not be resolved and so are in no item, such as ``model `llama` ``.
    pub left_out: Vec<String>,
}

/// Why there is no sum: an amount that is larger than a decimal of 28 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The item that is too large by itself; none where only the sum is.
    pub item: Option<(Kind, String)>,
}

impl Overflow {
    fn of(kind: Kind, name: &str) -> Self {
        Self { item: Some((kind, name.to_owned())) }
    }
}

impl Cost {
    /// What `stack` costs, whose models have `capacities`.
    ///
    /// # Errors
    /// When an amount is larger than a decimal of 28 digits.
    pub fn of(stack: &Stack, capacities: &[Capacity]) -> Result<Self, Overflow> {
        let mut items = Vec::new();
        let mut rollouts = Vec::new();
        let copies: BTreeMap<String, Copies> = stack
            .models
            .values()
            .map(|model| (model.name.clone(), Copies::of(model, capacity::of_model(capacities, &model.name))))
            .collect();
        for pool in stack.pools.values() {
            let models = stack.models.values().filter(|model| model.pool == pool.name);
            let models = models.filter_map(|model| Some((model, copies.get(&model.name)?.clone()))).collect();
            gpu_items(&gpus::PoolUse::of(stack, pool, models), &mut items, &mut rollouts)?;
        }
        components::items(stack, &mut items)?;
        tokens::items(stack, &mut items)?;
        items.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        rollouts.sort_by(|a, b| a.model.cmp(&b.model));
        let monthly = Monthly::sum(items.iter().map(|item| &item.monthly)).ok_or(Overflow { item: None })?;
        Ok(Self { currency: stack.currency.clone(), items, monthly, copies, rollouts, left_out: left_out(stack) })
    }

    /// Whether something is not known, so that the amounts are at least what it costs.
    pub fn is_partial(&self) -> bool {
        !self.left_out.is_empty() || self.items.iter().any(|item| item.unknown.is_some())
    }

    /// What is not known, in words, each once.
    pub fn unknown(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let left_out = self.left_out.iter().map(|block| format!("{block} could not be resolved; `llmc check` says why"));
        for unknown in left_out.chain(self.items.iter().filter_map(|item| item.unknown.clone())) {
            if !words.contains(&unknown) {
                words.push(unknown);
            }
        }
        words
    }
}

/// Blocks of the spec that cost something and that `stack` does not have.
fn left_out(stack: &Stack) -> Vec<String> {
    let spec = &stack.explicit;
    let missing = |kind: &str, names: Vec<&String>| names.into_iter().map(|name| format!("{kind} `{name}`")).collect::<Vec<_>>();
    let mut blocks = missing("pool", spec.pool.keys().filter(|name| !stack.pools.contains_key(*name)).collect());
    blocks.extend(missing("model", spec.model.keys().filter(|name| !stack.models.contains_key(*name)).collect()));
    blocks.extend(missing("external", spec.external.keys().filter(|name| !stack.externals.contains_key(*name)).collect()));
    blocks.extend(missing("guardrails", spec.guardrails.keys().filter(|name| !stack.guardrails.contains_key(*name)).collect()));
    blocks.extend(missing("route", spec.route.keys().filter(|name| !stack.routes.contains_key(*name)).collect()));
    blocks
}

fn gpu_items(pool: &gpus::PoolUse<'_>, items: &mut Vec<Item>, rollouts: &mut Vec<Rollout>) -> Result<(), Overflow> {
    // Without an item to name, the pool's first model stands for it.
    let overflow = || Overflow::of(Kind::Gpus, pool.models.first().map_or(pool.pool.name.as_str(), |(model, _)| model.name.as_str()));
    let [minimum, expected, maximum] = [pool.minimum(), pool.expected(), pool.maximum()].map(|month| month.ok_or_else(overflow));
    let (minimum, expected, maximum) = (minimum?, expected?, maximum?);
    for (at, (model, copies)) in pool.models.iter().enumerate() {
        let of = |month: &gpus::Month| month.models.get(at).copied().unwrap_or_default();
        let amounts = [of(&minimum), of(&expected), of(&maximum)];
        let is_whole = amounts.iter().all(|amount| amount.is_whole);
        items.push(Item {
            kind: Kind::Gpus,
            name: model.name.clone(),
            monthly: bill::rounded(amounts.map(|amount| amount.known)),
            how: gpu_words(copies, model.tensor_parallel, &pool.pool.gpu.name),
            unknown: if is_whole { None } else { pool.unknown() },
        });
    }
    let idle = [&minimum, &expected, &maximum].map(|month| month.idle.known);
    if idle.iter().any(|amount| !amount.is_zero()) {
        let reserved = pool.pool.prices.reserved.as_ref().map_or(0, |(gpus, _)| *gpus);
        items.push(Item {
            kind: Kind::IdleReservation,
            name: pool.pool.name.clone(),
            monthly: bill::rounded(idle),
            how: format!("what no model uses of {reserved} reserved {}", if reserved == 1 { "GPU" } else { "GPUs" }),
            unknown: None,
        });
    }
    for (rollout, item) in rollouts::of_pool(pool, &expected, &maximum)? {
        rollouts.push(rollout);
        items.extend(item);
    }
    Ok(())
}

/// `2 to 3 copies (2.5 expected) x 4 a100-80gb-sxm x 730 h`
fn gpu_words(copies: &Copies, gpus: u32, gpu: &str) -> String {
    let number = match (copies.least, copies.most) {
        (1, 1) => "1 copy".to_owned(),
        (least, most) if least == most => format!("{least} copies"),
        (least, most) => format!("{least} to {most} copies ({} expected)", copies.mean().normalize()),
    };
    format!("{number} x {gpus} {gpu} x {HOURS_PER_MONTH} h")
}
