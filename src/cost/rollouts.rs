//! GPUs that rollouts hold beside the running copies.

use rust_decimal::Decimal;

use super::bill::{Item, Kind};
use super::copies::Copies;
use super::gpus::{Month, PoolUse, hour_beyond};
use super::money;
use super::{HOURS_PER_MONTH, Overflow, bill};
use crate::diagnostic::thousands;
use crate::stack::Model;

/// Seconds of an hour.
const SECONDS_PER_HOUR: u32 = 3600;

/// What one rollout of a model costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Name of the model.
    pub model: String,
    /// Rollouts in a month.
    pub per_month: u32,
    /// Whether a new pod starts beside the old one. Where it does not, no further GPU is held.
    pub can_surge: bool,
    /// Seconds in which one more pod than usual holds GPUs, for each copy: until it is ready, and until
    /// the old one has drained. A bound: as long as is waited for.
    pub seconds_per_copy: u64,
    /// What one costs with the expected number of copies; none where a price is not known.
    pub expected: Option<Decimal>,
    /// What one costs with the greatest number of copies; none where a price is not known.
    pub maximum: Option<Decimal>,
}

/// The rollouts of each model of `pool`, and their items.
pub(super) fn of_pool(pool: &PoolUse<'_>, expected: &Month, maximum: &Month) -> Result<Vec<(Rollout, Option<Item>)>, Overflow> {
    // Every model of the pool may roll out at once; where the reservation has room for that, it is paid already.
    let surge: u64 = pool.models.iter().filter(|(model, _)| model.can_surge).map(|(model, _)| u64::from(model.tensor_parallel)).sum();
    let hour = |month: &Month| if month.least_idle >= surge { Some(Decimal::ZERO) } else { hour_beyond(&pool.pool.prices) };
    let hours = [hour(expected), hour(maximum)];
    pool.models.iter().map(|(model, copies)| of_model(model, copies, hours)).collect()
}

fn of_model(
    model: &Model,
    copies: &Copies,
    [expected_hour, maximum_hour]: [Option<Decimal>; 2],
) -> Result<(Rollout, Option<Item>), Overflow> {
    let overflow = || Overflow::of(Kind::Rollouts, &model.name);
    let seconds_per_copy = u64::from(model.startup_seconds) + u64::from(model.drain_seconds);
    let per_month = model.replicas.rollouts_per_month;
    let mut rollout =
        Rollout { model: model.name.clone(), per_month, can_surge: model.can_surge, seconds_per_copy, expected: None, maximum: None };
    if !model.can_surge {
        (rollout.expected, rollout.maximum) = (Some(Decimal::ZERO), Some(Decimal::ZERO));
        return Ok((rollout, None));
    }
    let hours = |copies: Decimal| money::product([copies, Decimal::from(seconds_per_copy)])?.checked_div(Decimal::from(SECONDS_PER_HOUR));
    let price = |hours: Decimal, hour: Option<Decimal>| {
        money::product([hours, Decimal::from(model.tensor_parallel), hour.unwrap_or_default()]).ok_or_else(overflow)
    };
    let (expected, maximum) = (hours(copies.mean()).ok_or_else(overflow)?, hours(copies.most.into()).ok_or_else(overflow)?);
    rollout.expected = expected_hour.map(|hour| price(expected, Some(hour))).transpose()?;
    rollout.maximum = maximum_hour.map(|hour| price(maximum, Some(hour))).transpose()?;
    // One pod more than usual is held at any time, so a month of rollouts holds it for a month.
    let in_month = |hours: Decimal| Some(hours.checked_mul(per_month.into())?.min(HOURS_PER_MONTH.into()));
    let expected = price(in_month(expected).ok_or_else(overflow)?, expected_hour)?;
    let maximum = price(in_month(maximum).ok_or_else(overflow)?, maximum_hour)?;
    let item = (per_month > 0).then(|| Item {
        kind: Kind::Rollouts,
        name: model.name.clone(),
        monthly: bill::rounded([Decimal::ZERO, expected, maximum]),
        how: format!(
            "{per_month} a month, each with {} {} more for {} s for each copy",
            model.tensor_parallel,
            if model.tensor_parallel == 1 { "GPU" } else { "GPUs" },
            thousands(seconds_per_copy)
        ),
        unknown: (expected_hour.is_none() || maximum_hour.is_none())
            .then(|| format!("the price of a GPU hour on demand of pool `{}`", model.pool)),
    });
    Ok((rollout, item))
}
