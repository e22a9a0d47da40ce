//! Latencies without a bound, and availability with one.

use super::support::indicators::indicator;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};
use crate::stack::Indicator;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-O003",
    name: "objective-bound",
    severity: Severity::Error,
    docs: "An objective of a latency lacks `below`, or one of `availability` has it.\n\n\
           \"99 % of the times to the first token\" says nothing without \"below 2.5 s\". Availability counts \
           requests that did not fail, which have no bound.\n\n\
           ```kdl\nobjective \"ttft\" { target 0.99 }                        // below what?\nobjective \"availability\" { below \"1s\"; target 0.999 }   // of what?\n```\n\n\
           Add `below` to a latency, and remove it from `availability`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        for (objective_name, objective) in &model.objective {
            let at = Route::of(["model", name, "objective", objective_name]);
            let was_dropped = cx.document.dropped.contains(&at.key("below"));
            match (indicator(objective_name), objective.below) {
                (Some(Indicator::Availability), Some(below)) => {
                    let message = format!("`availability` counts requests that did not fail, at any time, not only below {below}");
                    let finding = Diagnostic::at_value(&RULE, at.key("below"), message).label("would have no effect");
                    out.push(finding.help(format!("remove it, or write `objective \"e2e\"` for the time of whole requests below {below}")));
                }
                (Some(latency), None) if latency != Indicator::Availability && !was_dropped => {
                    let usual = match latency {
                        Indicator::Ttft => "1s",
                        Indicator::Tpot => "50ms",
                        Indicator::E2e | Indicator::Availability => "10s",
                    };
                    let message = format!("`{objective_name}` has a target of {} and no `below`", objective.target);
                    let finding = Diagnostic::at_key(&RULE, at, message).label("which time still counts as good?");
                    out.push(finding.help(format!("add it, such as `below \"{usual}\"`")));
                }
                _ => {}
            }
        }
    }
}
