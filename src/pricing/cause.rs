//! Which lines cause a difference of cost.
//!
//! Each line is changed back alone in the new spec, and forth alone in the old one, and the model is run
//! again. A line that makes the same difference both ways does not depend on the others: it is the cause of
//! that amount. What such lines do not explain comes from several lines together.

use rust_decimal::Decimal;
use serde_json::Value;

use super::change::{Amounts, Cause, Together, shown};
use super::lines::{self, Line};
use crate::cost::Monthly;
use crate::diagnostic::Route;

/// Most lines that are changed alone.
pub(super) const MOST_LINES: usize = 50;
/// Most lines that are named where none is the cause alone.
const MOST_NAMED: usize = 10;

/// A difference of the three amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) minimum: Decimal,
    pub(super) expected: Decimal,
    pub(super) maximum: Decimal,
}

impl Difference {
    /// From `before` to `after`; none where it is too large for a number.
    pub(super) fn between(before: &Monthly, after: &Monthly) -> Option<Self> {
        Some(Self {
            minimum: after.minimum.checked_sub(before.minimum)?,
            expected: after.expected.checked_sub(before.expected)?,
            maximum: after.maximum.checked_sub(before.maximum)?,
        })
    }

    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            minimum: self.minimum.checked_add(other.minimum)?,
            expected: self.expected.checked_add(other.expected)?,
            maximum: self.maximum.checked_add(other.maximum)?,
        })
    }

    fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self { minimum: -other.minimum, expected: -other.expected, maximum: -other.maximum })
    }

    fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    fn size(&self) -> Decimal {
        self.minimum.abs().max(self.expected.abs()).max(self.maximum.abs())
    }

    pub(super) fn amounts(&self) -> Amounts {
        Amounts::of(self.minimum, self.expected, self.maximum)
    }
}

/// What a line does alone.
struct Tried {
    line: Line,
    /// Changed back in the new spec; none where that is no spec that can be priced.
    back: Option<Difference>,
    /// Changed forth in the old spec.
    forth: Option<Difference>,
}

impl Tried {
    /// What it does whatever the others do; none where that differs or is not known.
    fn alone(&self) -> Option<Difference> {
        self.back.filter(|back| self.forth.as_ref() == Some(back))
    }

    /// What it does where only one way can be tried, as for a block that others name.
    fn one_way(&self) -> Option<Difference> {
        self.back.xor(self.forth)
    }

    fn may_matter(&self) -> bool {
        [self.back, self.forth].iter().any(|tried| tried.is_none_or(|difference| !difference.is_zero()))
    }

    fn cause(&self, difference: &Difference) -> (Decimal, Cause) {
        let change = difference.amounts();
        let [old, new] = [&self.line.old, &self.line.new].map(|value| value.as_ref().map(shown));
        (difference.size(), Cause { route: self.line.route.to_string(), old, new, change })
    }
}

/// What causes a difference.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Causes {
    /// The lines that cause an amount by themselves, the largest first.
    pub(super) causes: Vec<Cause>,
    /// What several lines cause together.
    pub(super) together: Option<Together>,
    /// Lines that were not tried.
    pub(super) untried: usize,
}

/// The causes of `difference`, which lies between the specs `old` and `new` that cost `before` and `after`.
/// `price` prices a spec, where it can be.
pub(super) fn find(
    (old, before): (&Value, &Monthly),
    (new, after): (&Value, &Monthly),
    difference: Difference,
    price: &dyn Fn(&Value) -> Option<Monthly>,
) -> Option<Causes> {
    let mut lines = lines::differing(old, new);
    let rest = lines.split_off(lines.len().min(MOST_LINES));
    let attempt = |line: Line| {
        let back = price(&lines::with(new, &line.route, line.old.as_ref()));
        let forth = price(&lines::with(old, &line.route, line.new.as_ref()));
        Tried {
            back: back.and_then(|without| Difference::between(&without, after)),
            forth: forth.and_then(|with| Difference::between(before, &with)),
            line,
        }
    };
    let tried: Vec<Tried> = lines.into_iter().map(attempt).collect();
    let sum = |of: &dyn Fn(&Tried) -> Option<Difference>| tried.iter().filter_map(of).try_fold(Difference::default(), Difference::plus);
    let either = |one: &Tried| one.alone().or_else(|| one.one_way());
    // Where only one way could be tried, that counts if it leaves nothing to explain.
    let explains_all = sum(&either)? == difference;
    let of = |one: &Tried| if explains_all { either(one) } else { one.alone() };
    let mut named: Vec<(Decimal, Cause)> =
        tried.iter().filter_map(|one| Some((one, of(one)?))).filter(|(_, d)| !d.is_zero()).map(|(one, d)| one.cause(&d)).collect();
    let left = difference.minus(sum(&of)?)?;
    let mut together = None;
    if !left.is_zero() {
        let others: Vec<&Tried> = tried.iter().filter(|one| one.alone().is_none() && one.may_matter()).collect();
        match others.as_slice() {
            // All others are accounted for.
            [only] if rest.is_empty() => named.push(only.cause(&left)),
            others => {
                let mut routes: Vec<&Route> = others.iter().map(|one| &one.line.route).chain(rest.iter().map(|line| &line.route)).collect();
                let more = routes.len().saturating_sub(MOST_NAMED);
                routes.truncate(MOST_NAMED);
                let routes = routes.into_iter().map(ToString::to_string).collect();
                together = Some(Together { change: left.amounts(), routes, more });
            }
        }
    }
    named.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.route.cmp(&y.route)));
    Some(Causes { causes: named.into_iter().map(|(_, cause)| cause).collect(), together, untried: rest.len() })
}
