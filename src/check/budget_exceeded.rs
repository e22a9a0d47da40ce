//! A cost above the budget.

use super::support::budget::{Bound, excess, finding};
use super::{Check, Context, Excess};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B010",
    name: "budget-exceeded",
    severity: Severity::Error,
    docs: "At its stated load the stack costs more in a month than its budget allows.\n\n\
           ```kdl\nbudget { monthly 5000 }\npool \"a100\" { price-per-gpu-hour 2.21; … }\n\
           model \"llama-70b\" { place \"a100\" tensor-parallel=4; replicas min=2; … }   // 8 GPUs: 12,906.40\n```\n\n\
           The finding names what costs most, and the nearest changes after which the cost is within the budget. \
           Each was tried by pricing the whole stack with it; one after which the greatest number of copies would \
           not serve the stated load, or an engine is not proven to start, is not named. `llmc cost` shows every \
           item. Where something has no known price, the sum is at least so much.\n\n\
           Only what a change brings blocks it: where the tree that stands was above its budget already, priced as \
           today, and the change makes neither the cost higher nor the budget lower, this is a warning. A new stack \
           has nothing to be held against.",
};

/// How far the expected cost is above the budget.
pub(super) fn excesses(cx: &Context<'_>) -> Vec<Excess> {
    excess(cx, Bound::Expected).into_iter().collect()
}

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    out.extend(excess(cx, Bound::Expected).and_then(|excess| finding(cx, &RULE, Bound::Expected, &excess)));
}
