//! A cost held against its budget.

use std::cmp::Reverse;

use rust_decimal::Decimal;

use super::super::{Context, Excess};
use super::remedy;
use crate::cost::{Cost, Item, Kind, Monthly, money};
use crate::diagnostic::{Diagnostic, Place, Route, Rule};
use crate::pricing;

/// Most items of the bill that a finding names.
const MOST_ITEMS: usize = 3;

/// Which amount is held against the budget.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Bound {
    Expected,
    Maximum,
}

impl Bound {
    pub(super) fn of(self, monthly: &Monthly) -> Decimal {
        match self {
            Self::Expected => monthly.expected,
            Self::Maximum => monthly.maximum,
        }
    }
}

/// How far the cost is above the budget; none where it is not.
pub(in crate::check) fn excess(cx: &Context<'_>, bound: Bound) -> Option<Excess> {
    let (cost, budget) = (cx.cost?, cx.spec.budget.as_ref()?);
    let (amount, limit) = (bound.of(&cost.monthly), budget.monthly.0);
    (amount > limit).then(|| Excess { route: Route::of(["budget", "monthly"]), amount, limit })
}

/// What people read of it: what costs most, and what would fit.
pub(in crate::check) fn finding(cx: &Context<'_>, rule: &'static Rule, bound: Bound, excess: &Excess) -> Option<Diagnostic> {
    let cost = cx.cost?;
    let unpriced = pricing::unpriced(cx.stack);
    let least = if unpriced.is_empty() { "" } else { "at least " };
    let verb = if bound == Bound::Expected { "costs" } else { "may cost" };
    let over = money(excess.amount.checked_sub(excess.limit)?);
    let sum = format!("{least}{} {}", money(excess.amount), cost.currency);
    let message = format!("the stack {verb} {sum} a month, {over} above its budget of {}", money(excess.limit));
    let mut diagnostic = Diagnostic::at_value(rule, excess.route.clone(), message).label("this budget");
    for item in largest(cost, bound) {
        let place = Place::Key(pricing::block(item.kind, &item.name));
        diagnostic = diagnostic.related(place, format!("{} {} {}", words(item.kind), money(bound.of(&item.monthly)), cost.currency));
    }
    let remedies = remedy::nearest(cx, bound, excess.limit);
    if remedies.is_empty() {
        let covered = excess.amount.ceil();
        diagnostic = diagnostic.help(format!(
            "no single change of copies, rollouts, spot share or GPU that is known to serve the load fits; `monthly {covered}` would cover it"
        ));
    }
    for remedy in remedies {
        diagnostic = diagnostic.help(format!("{}: {} {}", remedy.words, money(remedy.amount), cost.currency));
    }
    if !unpriced.is_empty() {
        diagnostic = diagnostic.help(format!("the sum is a lower bound: there is no price of {}", unpriced.join(", ")));
    }
    Some(diagnostic)
}

/// The items that cost most.
fn largest(cost: &Cost, bound: Bound) -> Vec<&Item> {
    let mut items: Vec<&Item> = cost.items.iter().filter(|item| !bound.of(&item.monthly).is_zero()).collect();
    items.sort_by_key(|item| Reverse(bound.of(&item.monthly)));
    items.truncate(MOST_ITEMS);
    items
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Gpus => "its GPUs cost",
        Kind::IdleReservation => "reserved GPUs that are not used cost",
        Kind::Rollouts => "its rollouts cost",
        Kind::Guardrails => "its servers cost",
        Kind::SemanticCache => "its cache costs",
        Kind::Storage => "its volume costs",
        Kind::Tokens => "its tokens cost",
    }
}
