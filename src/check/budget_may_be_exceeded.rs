//! A cost that may be above the budget.

use super::support::budget::{Bound, excess, finding};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B011",
    name: "budget-may-be-exceeded",
    severity: Severity::Warning,
    docs: "At its stated load the stack is within its budget, and with the greatest number of copies all month, and \
           whatever else may be used, it is above.\n\n\
           ```kdl\nbudget { monthly 15000 }\n\
           model \"llama-70b\" { replicas min=2 max=4; … }   // 12,906.40 to 25,812.80 a month\n```\n\n\
           That is often meant: a maximum is there for a peak of hours. Lower the maximum where it is not, or raise \
           the budget to what it may become. The alerts on the budget fire on what is spent, whatever this says.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    // What is expected to be above is the other rule's.
    if excess(cx, Bound::Expected).is_none() {
        out.extend(excess(cx, Bound::Maximum).and_then(|excess| finding(cx, &RULE, Bound::Maximum, &excess)));
    }
}
