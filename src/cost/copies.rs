//! How many copies of a model run: least, most, and what the load asks for.

use rust_decimal::Decimal;

use super::money;
use crate::capacity::Capacity;
use crate::stack::Model;

/// Why the expected number of copies is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The least number is the greatest.
    Fixed,
    /// The load by what one copy serves.
    Load,
    /// No load is stated, so the greatest number is expected.
    NoLoad,
    /// It is not known what one copy serves, so the greatest number is expected.
    NoThroughput,
}

/// Copies of a model over a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copies {
    /// Least number.
    pub least: u32,
    /// Number in the busy hour.
    pub busy: u32,
    /// The same by the bounds of what one copy serves: fewest and most.
    pub busy_bounds: (u32, u32),
    /// Greatest number.
    pub most: u32,
    /// Share of the month in which as many run as in the busy hour; else it is the least number.
    pub busy_share: Decimal,
    /// Why.
    pub basis: Basis,
}

impl Copies {
    /// The copies of `model`, whose load and throughput are in `capacity`.
    pub(super) fn of(model: &Model, capacity: Option<&Capacity>) -> Self {
        let (least, most) = (model.replicas.min, model.replicas.max.max(model.replicas.min));
        let always = |busy, basis| Self { least, busy, busy_bounds: (least, most), most, busy_share: Decimal::ONE, basis };
        if least == most {
            return always(most, Basis::Fixed);
        }
        let Some(traffic) = capacity.and_then(|capacity| capacity.traffic.as_ref()) else { return always(most, Basis::NoLoad) };
        let rate = traffic.requests_per_second();
        // Nothing to serve takes no throughput. A number beyond u32 is cut off, and the greatest number is less.
        let needed = |each: f64| match rate {
            rate if rate <= 0.0 => Some(least),
            rate if each > 0.0 => Some(((rate / each).ceil() as u32).clamp(least, most)),
            _ => None,
        };
        let each = capacity.and_then(|capacity| capacity.throughput.as_ref()).map(|throughput| throughput.requests_per_second);
        let Some(busy) = needed(each.map_or(0.0, |each| each.expected)) else { return always(most, Basis::NoThroughput) };
        let bound = |each: Option<f64>, other| each.and_then(needed).unwrap_or(other);
        let busy_bounds = (bound(each.map(|each| each.high), least), bound(each.map(|each| each.low), most));
        let busy_share = money::figure(traffic.load_factor).unwrap_or(Decimal::ONE).clamp(Decimal::ZERO, Decimal::ONE);
        Self { least, busy, busy_bounds, most, busy_share, basis: Basis::Load }
    }

    /// The mean number over a month at the stated load.
    pub fn mean(&self) -> Decimal {
        Decimal::from(self.busy) * self.busy_share + Decimal::from(self.least) * (Decimal::ONE - self.busy_share)
    }
}
