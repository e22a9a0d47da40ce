//! Objectives of something that is not measured.

use super::support::indicators::indicator;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity, did_you_mean};
use crate::stack::Indicator;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-O002",
    name: "unknown-indicator",
    severity: Severity::Error,
    docs: "An objective names an indicator that llmc does not know.\n\n\
           An objective that nothing measures would be a promise without an alert.\n\n\
           ```kdl\nobjective \"latency\" { below \"2.5s\"; target 0.99 }     // ttft, tpot or e2e?\n```\n\n\
           The indicators are `ttft` (time to the first token), `tpot` (time per output token), `e2e` (time \
           of the whole request) and `availability` (requests that did not fail).",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        for objective in model.objective.keys().filter(|name| indicator(name).is_none()) {
            let at = Route::of(["model", name, "objective", objective]);
            let finding = Diagnostic::at_key(&RULE, at, format!("there is no indicator `{objective}`")).label("is not measured");
            let known = Indicator::ALL.map(Indicator::name);
            out.push(match did_you_mean(objective, known) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!("it is one of `{}`", known.join("`, `"))),
            });
        }
    }
}
