//! Experiments that end before they begin.

use super::support::experiments::place;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};
use crate::experiment::design::dates;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A011",
    name: "contradictory-days",
    severity: Severity::Error,
    docs: "The last day of an experiment lies before its first.\n\n\
           Its length, and so what it can show, is not known, and it would count as over before it began.\n\n\
           ```kdl\nstarts \"2026-12-01\"\nends \"2026-11-20\"\n```\n\n\
           Correct one of the days; both are days of the experiment.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, experiment) in &cx.spec.experiment {
        let (Some(starts), Some(ends)) = (experiment.starts, experiment.ends) else { continue };
        if dates(Some(starts), Some(ends)).is_some_and(|days| days > 0) {
            continue;
        }
        let message = format!("`{name}` ends on {ends}, before it starts on {starts}");
        let finding = Diagnostic::at_value(&RULE, place(name).key("ends"), message).label("before the first day");
        let finding = finding.related(Place::Value(place(name).key("starts")), "the first day");
        let least = i64::try_from(experiment.at_least.milliseconds().div_ceil(86_400_000)).unwrap_or(7).max(7);
        out.push(finding.help(match starts.plus((least + 6) / 7 * 7 - 1) {
            Some(day) => format!("the earliest last day of whole weeks: `ends \"{day}\"`"),
            None => "give a later last day".to_owned(),
        }));
    }
}
