//! Requests that cost more than the limit for one.

use super::support::longest::longest;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B012",
    name: "request-over-budget",
    severity: Severity::Error,
    docs: "The longest request of a route costs more than `budget per-request`, even in the kindest case.\n\n\
           The longest prompt has every variable of the live version at its `max-tokens`, the longest answer \
           has `sampling max-tokens`. On an external model that is its price by the token, with all of the \
           prompt in the provider's cache; on a model of the stack the time that it takes of the GPUs of a copy \
           that is fully used, at the upper bound of its throughput and the cheapest class of its pool. A self check \
           of guardrails asks the same model: it reads the question once more, and the answer at least once. The \
           template's own text, that of the checks and their verdicts come on top.\n\n\
           ```kdl\nvariable \"document\" max-tokens=200000\nsampling max-tokens=4000\nexternal \"gpt-4o\" { input-price-per-million 2.50; output-price-per-million 10.00; … }\nbudget { monthly 45000; per-request 0.02 }        // such a request costs 0.54\n```\n\n\
           Lower the lengths, choose a cheaper model for the route, or raise the limit. Where the throughput \
           of a model is not known, nothing is proven and nothing is reported.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let over = longest(cx).into_iter().filter(|longest| longest.cost.low > longest.limit);
    out.extend(over.map(|longest| longest.finding(cx, &RULE, &format!("at least {}", longest.cost.low.round_dp(6).normalize()))));
}
