//! Experiments of which nobody knows how long they take.

use super::support::experiments::{designed, place, running};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity, thousands};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A009",
    name: "unstated-users",
    severity: Severity::Warning,
    docs: "An experiment does not say how many users call its route on a day, so nobody knows how long it takes, or \
           whether it can show anything by its end.\n\n\
           The check that an experiment is large enough cannot be made without it.\n\n\
           ```kdl\nexperiment \"friendlier\" { … }   // users-per-day?\n```\n\n\
           State it: `users-per-day 2500`. Count users, not calls, and only those that `audience` lets in.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, _) in running(cx).filter(|(experiment, _)| experiment.users_per_day.is_none()) {
        let at = place(&experiment.name);
        if cx.document.mentions(&at.key("users-per-day")) {
            continue;
        }
        let message = format!("how long `{}` takes is not known: it does not say how many users come on a day", experiment.name);
        let finding = Diagnostic::at_key(&RULE, at, message).label("has no `users-per-day`");
        let takes = designed(experiment).map(|design| format!("; it takes {} users in all", thousands(design.total)));
        out.push(finding.help(format!("state it: `users-per-day 2500`{}", takes.unwrap_or_default())));
    }
}
