//! Requests that may cost more than the limit for one.

use super::support::longest::longest;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B013",
    name: "request-may-exceed-budget",
    severity: Severity::Warning,
    docs: "The longest request of a route may cost more than `budget per-request`: it does not in the kindest \
           case, and does in the worst.\n\n\
           The worst case has nothing in a cache, the text of the templates by an upper estimate of its tokens, every \
           answer streamed, so that self checks read it in chunks that overlap, with the longest verdicts, and a model \
           of the stack at the lower bound of its throughput and the dearest class of its pool. \
           See LLMC-B012 for what is proven.\n\n\
           ```kdl\nexternal \"gpt-4o\" { input-price-per-million 2.50; cached-input-price-per-million 1.25; … }\nbudget { monthly 45000; per-request 0.018 }   // 0.0125 with all of the prompt cached, else 0.02\n```\n\n\
           Lower the lengths, choose a cheaper model for the route, or raise the limit.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let over = longest(cx).into_iter().filter(|longest| longest.cost.low <= longest.limit && longest.cost.high > longest.limit);
    out.extend(over.map(|longest| {
        let [low, high] = [longest.cost.low, longest.cost.high].map(|amount| amount.round_dp(6).normalize());
        longest.finding(cx, &RULE, &format!("{low} to {high}"))
    }));
}
