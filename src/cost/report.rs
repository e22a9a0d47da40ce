//! Everything that is said about the cost of a stack: the bill, and what follows from it.

use rust_decimal::Decimal;

use super::effects::{self, Effect};
use super::shares::{self, ModelCost, RouteCost};
use super::{Basis, Cost, HOURS_PER_MONTH, Kind, Overflow, money};
use crate::capacity::{self, Capacity};
use crate::fit;

use crate::stack::{Day, Price, Stack};

/// What a stack costs, by item, model, route and request, with what was assumed.
#[derive(Clone, Debug)]
pub struct Report {
    /// Name of the stack.
    pub stack: String,
    /// Currency of every amount.
    pub currency: String,
    /// The limit for a month, where there is one.
    pub budget: Option<Decimal>,
    /// The bill.
    pub cost: Cost,
    /// What models and external models cost, sorted by name.
    pub models: Vec<ModelCost>,
    /// What routes cost, sorted by name.
    pub routes: Vec<RouteCost>,
    /// What caches and tiers save.
    pub effects: Vec<Effect>,
    /// What the amounts rest on, in words.
    pub assumptions: Vec<String>,
    /// Every price that is used, and those that are not known.
    pub prices: Vec<PriceUsed>,
}

/// A price and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceUsed {
    /// What it is for, such as `pool l40s: a GPU hour on demand`.
    pub what: String,
    /// How much; none where it is not known.
    pub amount: Option<Decimal>,
    /// Day on which it held.
    pub date: Option<Day>,
    /// Who says so.
    pub source: Option<String>,
}

impl Report {
    /// The report about `stack`.
    ///
    /// # Errors
    /// When an amount is larger than a decimal of 28 digits.
    pub fn of(stack: &Stack) -> Result<Self, Overflow> {
        let capacities = capacity::of_stack(stack, &fit::of_stack(stack));
        let cost = Cost::of(stack, &capacities)?;
        let (models, routes) = (shares::models(stack, &cost, &capacities), shares::routes(stack, &cost, &capacities));
        let prices = prices(stack);
        Ok(Self {
            stack: stack.name.clone(),
            currency: stack.currency.clone(),
            budget: stack.budget.as_ref().map(|budget| budget.monthly.0),
            models: models.ok_or(Overflow { item: None })?,
            routes: routes.ok_or(Overflow { item: None })?,
            effects: effects::of_stack(stack, &cost),
            assumptions: priced(&prices).into_iter().chain(assumptions(stack, &cost, &capacities)).collect(),
            prices,
            cost,
        })
    }
}

/// How old the prices are.
fn priced(prices: &[PriceUsed]) -> Option<String> {
    let known: Vec<&PriceUsed> = prices.iter().filter(|price| price.amount.is_some()).collect();
    let dated: Vec<Day> = known.iter().filter_map(|price| price.date).collect();
    let mut words = match known.len() {
        0 => return None,
        1 => "1 price".to_owned(),
        number => format!("{number} prices"),
    };
    match dated.iter().min() {
        Some(oldest) if dated.len() < known.len() => {
            words.push_str(&format!(", {} of them without a day, the oldest other of {oldest}", known.len() - dated.len()));
        }
        Some(oldest) => words.push_str(&format!(", the oldest of {oldest}")),
        None => words.push_str(", none with a day"),
    }
    Some(words + "; `llmc cost --prices` lists them with their sources")
}

/// What the amounts of `cost` rest on.
fn assumptions(stack: &Stack, cost: &Cost, capacities: &[Capacity]) -> Vec<String> {
    let mut words = vec![format!("a month has {HOURS_PER_MONTH} hours; GPU hours include the CPU and memory of their nodes")];
    for (name, copies) in &cost.copies {
        let missing = capacities.iter().find(|c| c.model == *name).map_or(&[][..], |c| c.missing.as_slice());
        match copies.basis {
            Basis::Fixed => {}
            Basis::Load => {
                let of = |copies: u32| if copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") };
                let mut line = format!("`{name}`: {}", of(copies.busy));
                if copies.busy_share < Decimal::ONE {
                    let percent = (copies.busy_share * Decimal::ONE_HUNDRED).normalize();
                    line.push_str(&format!(" for {percent} % of the month and {} for the rest", copies.least));
                }
                line.push_str(", by its load and an estimate of what one copy serves");
                let (fewest, most) = copies.busy_bounds;
                if fewest < most {
                    line.push_str(&format!("; {fewest} to {most} by the bounds of that"));
                }
                words.push(line);
            }
            Basis::NoLoad => words.push(format!(
                "`{name}`: no load is stated, so all {} copies are expected; state `load` of the model or its routes",
                copies.most
            )),
            Basis::NoThroughput => words.push(format!(
                "`{name}`: what one copy serves is not known{}, so all {} copies are expected",
                if missing.is_empty() { String::new() } else { format!(" ({})", missing.join("; ")) },
                copies.most
            )),
        }
    }
    for capacity in capacities {
        let Some(traffic) = &capacity.traffic else { continue };
        if !traffic.unknown_routes.is_empty() {
            let routes: Vec<String> = traffic.unknown_routes.iter().map(|route| format!("`{route}`")).collect();
            words.push(format!("`{}`: the checks of {} are not in its load, which is not stated", capacity.model, routes.join(", ")));
        }
        let factor = traffic.load_factor;
        words.push(if factor < 1.0 {
            format!(
                "`{}`: an average hour has {} of the requests of the busy one, as stated",
                capacity.model,
                money::figure(factor).unwrap_or_default()
            )
        } else {
            format!("`{}`: no `load-factor` below 1 is stated, so the busy hour lasts all month: an upper bound", capacity.model)
        });
    }
    if cost.rollouts.iter().any(|rollout| rollout.can_surge && rollout.per_month > 0) {
        words.push("rollouts hold one pod more for as long as its start and the drain of the old one may take: an upper bound".to_owned());
    }
    if cost.items.iter().any(|item| item.kind == Kind::Storage) {
        words.push("volumes have the size that the spec gives or that llmc computes from the checkpoint, and exist all month".to_owned());
    }
    if stack.pools.values().any(|pool| pool.prices.reserved.is_some()) {
        words.push("reserved GPUs are paid all month; the busy hours of all models fall together, which costs most".to_owned());
    }
    words
}

/// The prices of `stack` by what they are for.
fn prices(stack: &Stack) -> Vec<PriceUsed> {
    let used = |what: String, price: Option<&Price>| PriceUsed {
        what,
        amount: price.map(|price| price.amount.0),
        date: price.and_then(|price| price.date),
        source: price.map(|price| price.source.clone()),
    };
    let mut list = Vec::new();
    for pool in stack.pools.values() {
        let (name, prices) = (&pool.name, &pool.prices);
        list.push(used(format!("pool {name}: a GPU hour on demand"), prices.on_demand.as_ref()));
        if let Some((gpus, price)) = &prices.reserved {
            list.push(used(format!("pool {name}: a GPU hour, {gpus} reserved"), Some(price)));
        }
        if let Some((share, price)) = &prices.spot {
            let percent = (*share * Decimal::ONE_HUNDRED).normalize();
            list.push(used(format!("pool {name}: a GPU hour as spot, {percent} % of those not reserved"), Some(price)));
        }
    }
    for external in stack.externals.values() {
        let (name, prices) = (&external.name, &external.prices);
        list.push(used(format!("external {name}: a million input tokens"), prices.input.as_ref()));
        list.push(used(format!("external {name}: a million cached input tokens"), prices.cached_input.as_ref()));
        list.push(used(format!("external {name}: a million output tokens"), prices.output.as_ref()));
    }
    let units = &stack.prices;
    if !stack.guardrails.is_empty() || stack.routes.values().any(|r| r.traffic.cache.as_ref().is_some_and(|c| c.resources.is_some())) {
        list.push(used("a CPU for an hour".to_owned(), units.cpu_hour.as_ref()));
        list.push(used("a GiB of memory for an hour".to_owned(), units.memory_gib_hour.as_ref()));
    }
    if !stack.models.is_empty() {
        list.push(used("a GiB of a volume for a month".to_owned(), units.storage_gib_month.as_ref()));
    }
    list
}
