//! Waivers: what a spec lets through, until a day.

use std::collections::BTreeMap;

use super::verdict::{Judgement, Remarks, Verdict, Waived};
use super::{Day, Moment, Policy, Set, rules};
use crate::diagnostic::{Diagnostic, Route, Severity, did_you_mean};
use crate::spec::Waiver;

/// Turns what was found into diagnostics, less what `waivers` let through on `today`.
pub(super) fn apply(set: &Set, judgement: Judgement, waivers: &BTreeMap<String, Waiver>, today: Day) -> Verdict {
    let mut verdict = Verdict { faults: judgement.faults, ..Verdict::default() };
    let name = |index: &usize| set.policies().get(*index).map(|policy| policy.name.clone());
    verdict.applied.evaluated = judgement.evaluated.iter().filter_map(name).collect();
    verdict.applied.excepted = judgement.excepted.iter().filter_map(name).collect();
    for (index, remarks) in judgement.remarks {
        let Some(policy) = set.policies().get(index) else { continue };
        let waiver = waivers.iter().find(|(name, _)| is_named(policy, name)).map(|(_, waiver)| waiver);
        match waiver.map(|waiver| (waiver, Day::parse(&waiver.until))) {
            Some((waiver, Some(until))) if today <= until => verdict.applied.waived.push(Waived {
                policy: policy.name.clone(),
                owner: waiver.owner.clone(),
                reason: waiver.reason.clone(),
                until: waiver.until.clone(),
                messages: remarks.shown.into_iter().map(|remark| remark.message).collect(),
            }),
            Some((waiver, Some(_))) => report(policy, remarks, Some(&waiver.until), &mut verdict.diagnostics),
            _ => report(policy, remarks, None, &mut verdict.diagnostics),
        }
    }
    verdict.applied.waived.sort_by(|a, b| a.policy.cmp(&b.policy));
    verdict
}

/// What is wrong with `waivers` themselves, by what they did at the moments of `verdict`; those with a name of
/// `others` let through what no policy found.
pub(super) fn check(set: &Set, verdict: &Verdict, waivers: &BTreeMap<String, Waiver>, others: &[&str], today: Day) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    // Without policies nothing is known of them; the fault of the set is reported.
    if set.policies().is_empty() {
        return faults;
    }
    for (name, waiver) in waivers {
        let at = Route::of(["waive", name]);
        let Some(until) = Day::parse(&waiver.until) else {
            let message = format!("the waiver of `{name}` ends on {}, and no calendar has that day", waiver.until);
            let finding = Diagnostic::at_value(&rules::DAY, at.key("until"), message).label("no such day");
            faults.push(finding.help("write the last day on which it holds, such as `2027-01-31`"));
            continue;
        };
        // What a rule of a check found was let through with the other findings of checks.
        if others.contains(&name.as_str()) {
            continue;
        }
        let named: Vec<&Policy> = set.policies().iter().filter(|policy| is_named(policy, name)).collect();
        if named.is_empty() {
            let finding = Diagnostic::at_key(&rules::UNKNOWN, at, format!("there is no policy `{name}` to waive"));
            faults.push(finding.help(
                match did_you_mean(name, set.policies().iter().map(|policy| policy.name.as_str()).chain(others.iter().copied())) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`llmc policy list` names every policy".to_owned(),
                },
            ));
            continue;
        }
        // What a plan will say, nobody knows yet.
        let may_be_of_a_plan = named.iter().any(|policy| policy.moment == Moment::Plan);
        let did = named.iter().any(|policy| verdict.applied.waived.iter().any(|waived| waived.policy == policy.name));
        let stands = verdict.diagnostics.iter().any(|d| named.iter().any(|policy| d.message.starts_with(&opening(policy))));
        if !did && !stands && !may_be_of_a_plan && verdict.faults.is_empty() {
            let over = if today > until { format!(", and it ended on {until}") } else { String::new() };
            let message = format!("the waiver of `{name}` lets nothing through: the policy has no finding in this stack{over}");
            faults.push(Diagnostic::at_key(&rules::UNUSED, at, message).help("remove it"));
        }
    }
    faults
}

/// Whether `name` of a waiver means `policy`: by its name, or by package and rule.
fn is_named(policy: &Policy, name: &str) -> bool {
    policy.name == name || name.strip_suffix(&policy.rule).and_then(|package| package.strip_suffix('.')) == Some(&policy.package.join("."))
}

/// How every message of `policy` begins.
fn opening(policy: &Policy) -> String {
    format!("policy `{}`: ", policy.name)
}

fn report(policy: &Policy, remarks: Remarks, ended: Option<&str>, diagnostics: &mut Vec<Diagnostic>) {
    let rule = if policy.severity == Severity::Error { &rules::DENIED } else { &rules::WARNED };
    let more = (remarks.more > 0).then(|| super::result::Remark {
        message: format!("and {} more findings like these", remarks.more),
        route: None,
        help: Vec::new(),
    });
    for remark in remarks.shown.into_iter().chain(more) {
        let message = format!("{}{}", opening(policy), remark.message);
        let mut finding = match remark.route {
            Some(route) => Diagnostic::at_value(rule, route, message),
            None => Diagnostic::at_key(rule, Route::of(["stack"]), message),
        };
        for line in remark.help {
            finding = finding.help(line);
        }
        if let Some(day) = ended {
            finding = finding.help(format!("its waiver is over: the last day was {day}"));
        }
        diagnostics.push(finding.help(turning_off(policy)));
    }
}

/// How to live with `policy` where it is wrong.
fn turning_off(policy: &Policy) -> String {
    let word = policy.package.first().map_or("stack", String::as_str);
    // An unnamed rule is excepted as conftest has it.
    let exception = if policy.name.contains('.') { "" } else { &policy.name };
    format!(
        "policy `{}` is {}; to turn it off: `package {word}` with `exception contains [\"{exception}\"]` in a file of `policies/`, \
         or until a day: `waive \"{}\"` in the spec",
        policy.name,
        if policy.is_shipped { policy.origin() } else { format!("at {}", policy.origin()) },
        policy.name,
    )
}
