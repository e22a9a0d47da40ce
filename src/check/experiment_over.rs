//! Experiments that go on after their end.

use super::support::experiments::{place, running};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A014",
    name: "experiment-over",
    severity: Severity::Warning,
    docs: "The last day of a running experiment is past.\n\n\
           What it was to decide is not decided: some users go on with a version that is worse, and nobody can change \
           the route without spoiling the result. To wait until it looks better is how a test comes to say what one \
           wants to hear.\n\n\
           ```kdl\nends \"2026-01-31\"   // and it is March\n```\n\n\
           Decide with `llmc experiment analyze NAME`, make the better version live, and stop it: \
           `state \"stopped\"`, or remove the block.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, _) in running(cx) {
        let Some(ends) = experiment.ends.filter(|ends| *ends < cx.today) else { continue };
        let message = format!("`{}` was to end on {ends}, and still runs", experiment.name);
        let finding = Diagnostic::at_value(&RULE, place(&experiment.name).key("ends"), message).label("is past");
        out.push(finding.help("decide it, make the better version live, and write `state \"stopped\"`"));
    }
}
