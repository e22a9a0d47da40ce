//! The budget.

use rust_decimal::Decimal;

use super::{Found, View};
use crate::plan::totals::{amount, least, monthly, most};
use crate::plan::types::RiskLevel;
use crate::spec::{Model, Spec};

pub(super) fn risks(view: &View<'_>, found: &mut Found) {
    let Some(new) = view.new.spec() else { return };
    let old = view.old.spec();
    let limit = |spec: &Spec| spec.budget.as_ref().map(|budget| budget.monthly.0);
    match (old.and_then(limit), limit(new)) {
        (Some(_), None) => found.add(RiskLevel::Medium, "/budget", "the budget is removed: no alert fires on what the stack costs".into()),
        (Some(before), Some(after)) if after > before => {
            let message = format!("the monthly budget is raised from {} to {}", amount(before), amount(after));
            found.add(RiskLevel::Low, "/budget", message);
        }
        _ => {}
    }
    let currency = |spec: &Spec| spec.budget.as_ref().map(|budget| budget.currency.clone());
    if let (Some(before), Some(after)) = (old.and_then(currency), currency(new))
        && before != after
    {
        let message = format!("prices are in {after}, before in {before}: amounts before and after cannot be compared");
        found.add(RiskLevel::Medium, "/budget", message);
    }
    let least_exceeded = exceeded(old, new, least);
    if let Some(message) = &least_exceeded {
        found.add(RiskLevel::High, "/budget", format!("the budget is exceeded already at the least number of copies: {message}"));
    } else if let Some(message) = exceeded(old, new, most) {
        found.add(RiskLevel::Medium, "/budget", format!("the budget is exceeded at the greatest number of copies: {message}"));
    }
}

/// How far the GPUs of a month are above the budget, where this change has a part in it.
fn exceeded(old: Option<&Spec>, new: &Spec, copies: fn(&Model) -> u32) -> Option<String> {
    let over = |spec: &Spec| -> Option<(Decimal, Decimal)> {
        let (cost, limit) = (monthly(spec, copies)?, spec.budget.as_ref()?.monthly.0);
        (cost > limit).then_some((cost, limit))
    };
    let (cost, limit) = over(new)?;
    let before = old.and_then(over);
    if before.is_some_and(|(old_cost, old_limit)| cost <= old_cost && limit >= old_limit) {
        return None;
    }
    let currency = new.budget.as_ref().map(|budget| budget.currency.as_str()).unwrap_or_default();
    Some(format!("the GPUs cost {} of {} {currency} a month", amount(cost), amount(limit)))
}
