//! Metrics and guards of one name.

use super::support::experiments::place;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A015",
    name: "metric-is-guard",
    severity: Severity::Error,
    docs: "A metric and a guard of an experiment have one name.\n\n\
           Scores and what applications expose carry the name only, so both would be the same numbers; and what is \
           to get better need not be guarded against getting worse.\n\n\
           ```kdl\nmetric \"quality\" baseline=0.78 deviation=0.19 minimum-effect=0.02\nguard \"quality\" worse-by=0.05\n```\n\n\
           Remove the guard, or give it the name of what it measures.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, experiment) in &cx.spec.experiment {
        for guard in experiment.guard.keys().filter(|guard| experiment.metric.contains_key(*guard)) {
            let message = format!("`{guard}` of `{name}` is a metric and a guard");
            let finding = Diagnostic::at_key(&RULE, place(name).key("guard").key(guard), message).label("is a metric already");
            let finding = finding.related(Place::Key(place(name).key("metric").key(guard)), "the metric");
            out.push(finding.help("remove the guard, or name what else must not get worse"));
        }
    }
}
