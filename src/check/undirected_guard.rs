//! Guards of which nobody knows what worse means.

use super::support::experiments::place;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::stack::improvement;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A012",
    name: "undirected-guard",
    severity: Severity::Error,
    docs: "A guard does not say whether more of it is better, and its name is not one that llmc knows (`ttft`, `tpot` \
           and `e2e`, of which less is better, and `availability`, of which more is).\n\n\
           Taken the wrong way round, a guard stops what improves and lets pass what it was made to stop.\n\n\
           ```kdl\nguard \"escalations\" worse-by=0.05   // are more of them better?\n```\n\n\
           Say it: `guard \"escalations\" worse-by=0.05 better=\"lower\"`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, experiment) in &cx.spec.experiment {
        for (guard_name, guard) in &experiment.guard {
            if improvement(guard_name, guard).is_some() {
                continue;
            }
            let message = format!("the guard `{guard_name}` of `{name}` does not say whether more of it is better");
            let at = place(name).key("guard").key(guard_name);
            let finding = Diagnostic::at_key(&RULE, at, message).label("has no `better`");
            out.push(finding.help("say it: `better=\"lower\"` or `better=\"higher\"`"));
        }
    }
}
