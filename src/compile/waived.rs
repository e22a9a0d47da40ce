//! Findings of checks that a spec's waivers let through.

use std::collections::BTreeMap;

use crate::check;
use crate::diagnostic::{Diagnostic, Route, Rule};
use crate::policy::{UNUSED_WAIVER, Waived};
use crate::spec::{Day, Waiver};

/// Takes those of `diagnostics` away that `waivers` let through on `today`, and gives them back. A waiver that
/// lets nothing through is a finding, and one that is over is told.
pub(super) fn apply(diagnostics: &mut Vec<Diagnostic>, waivers: &BTreeMap<String, Waiver>, today: Day) -> Vec<Waived> {
    let mut waived = Vec::new();
    for (name, rule) in check::WAIVABLE {
        let Some(waiver) = waivers.get(name) else { continue };
        let is_named = |diagnostic: &Diagnostic| diagnostic.rule.code == rule.code;
        let Some(until) = Day::parse(&waiver.until) else {
            // Where nothing else is wrong, the day is reported with those of policies.
            let help = format!("its waiver ends on {}, and no calendar has that day", waiver.until);
            diagnostics.iter_mut().filter(|d| is_named(d)).for_each(|d| d.help.push(help.clone()));
            continue;
        };
        if today > until {
            let is_over = format!("its waiver is over: the last day was {until}");
            diagnostics.iter_mut().filter(|d| is_named(d)).for_each(|d| d.help.push(is_over.clone()));
        }
        let messages: Vec<String> = diagnostics.iter().filter(|d| is_named(d)).map(|d| d.message.clone()).collect();
        if messages.is_empty() {
            diagnostics.push(unused(name, rule, today > until, until));
        } else if today <= until {
            diagnostics.retain(|diagnostic| !is_named(diagnostic));
            let (owner, reason) = (waiver.owner.clone(), waiver.reason.clone());
            waived.push(Waived { policy: name.to_owned(), owner, reason, until: waiver.until.clone(), messages });
        }
    }
    waived
}

fn unused(name: &str, rule: &Rule, is_over: bool, until: Day) -> Diagnostic {
    let over = if is_over { format!(", and it ended on {until}") } else { String::new() };
    let message = format!("the waiver of `{name}` lets nothing through: {} has no finding in this stack{over}", rule.code);
    Diagnostic::at_key(UNUSED_WAIVER, Route::of(["waive", name]), message).help("remove it")
}
