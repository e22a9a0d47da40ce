//! Decimals: what is checked, and how a measured figure becomes one.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::diagnostic::thousands;

/// Decimals of a figure that was computed in binary floats, such as requests in a second.
const FIGURE_DECIMALS: usize = 9;
/// Decimals of an amount for a month.
const CENTS: u32 = 2;

/// The figure with 9 decimals; none where it is no number, or too large for a decimal.
pub(super) fn figure(number: f64) -> Option<Decimal> {
    format!("{number:.FIGURE_DECIMALS$}").parse().ok().map(|number: Decimal| number.normalize())
}

/// The product; none where it is larger than a decimal.
pub(super) fn product(factors: impl IntoIterator<Item = Decimal>) -> Option<Decimal> {
    factors.into_iter().try_fold(Decimal::ONE, Decimal::checked_mul)
}

/// The sum; none where it is larger than a decimal.
pub(super) fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Option<Decimal> {
    amounts.into_iter().try_fold(Decimal::ZERO, Decimal::checked_add)
}

/// The amount to the cent; half a cent is rounded up.
pub(super) fn cents(amount: Decimal) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(CENTS, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(CENTS);
    rounded
}

/// The amount to the cent, as text for programs: `14512.40`.
pub fn amount(amount: Decimal) -> String {
    fixed(amount, CENTS)
}

/// The amount to the cent, as people read it: `14,512.40`.
pub fn money(amount: Decimal) -> String {
    thousands(fixed(amount, CENTS))
}

/// A small amount, such as that for a request, as text for programs: `0.001245`.
pub fn unit_amount(amount: Decimal) -> String {
    fixed(amount, super::document::UNIT_DECIMALS)
}

/// The amount with this many decimals, always all of them.
pub(super) fn fixed(amount: Decimal, decimals: u32) -> String {
    let mut rounded = amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    // A negative zero would be shown with its sign.
    if rounded.is_zero() {
        rounded = Decimal::ZERO;
    }
    rounded.rescale(decimals);
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_amounts_are_rounded_as_stated() {
        assert_eq!(figure(0.1 + 0.2), Some(Decimal::new(3, 1)), "no binary fraction is left");
        assert_eq!([figure(f64::NAN), figure(f64::INFINITY), figure(1e30)], [None; 3]);
        assert_eq!(figure(1e18), Some(Decimal::from(1_000_000_000_000_000_000_u64)));
        assert_eq!([fixed(Decimal::new(1005, 3), 2), fixed(Decimal::new(-4, 3), 2), fixed(Decimal::TEN, 2)], ["1.01", "0.00", "10.00"]);
        assert_eq!(cents(Decimal::new(2_345, 3)), Decimal::new(235, 2));
        assert_eq!(product([Decimal::MAX, Decimal::TEN]), None);
        assert_eq!(sum([Decimal::MAX, Decimal::ONE]), None);
    }
}
