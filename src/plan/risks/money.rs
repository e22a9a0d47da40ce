//! The budget. A cost above it is a finding (`LLMC-B010`, `LLMC-B011`) and no risk beside that.

use super::{Found, View};
use crate::cost::amount;
use crate::plan::types::RiskLevel;
use crate::spec::Spec;

pub(super) fn risks(view: &View<'_>, found: &mut Found) {
    let Some(new) = view.new.spec() else { return };
    let old = view.old.spec();
    let limit = |spec: &Spec| spec.budget.as_ref().map(|budget| budget.monthly.0);
    match (old.and_then(limit), limit(new)) {
        (Some(_), None) => found.add(
            RiskLevel::Medium,
            "/budget",
            "the budget is removed: nothing holds what the stack costs, and no alert fires on it".into(),
        ),
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
}
