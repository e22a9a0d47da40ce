//! Loads above what the hardware can compute.

use super::support::throughput::{Served, in_every_scenario, rate, served};
use super::{Check, Context};
use crate::capacity::Bound;
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-T001",
    name: "load-exceeds-throughput",
    severity: Severity::Error,
    docs: "More requests arrive in a busy hour than the greatest number of copies can finish, even if each \
           ran at the peaks of its GPU's data sheet.\n\n\
           The bound is physical: prompts are arithmetic at the peak of the GPU, each token of an answer reads \
           weights and caches at its full bandwidth, both at the same time, with as many requests at once as \
           the cache and `max-num-seqs` hold, and no time for anything else. No engine reaches it, so the \
           queue would grow as long as the busy hour lasts. Shares of caches, tiers and fallbacks count with \
           the bound that helps.\n\n\
           ```kdl\nplace pool=\"l4\"                                   // one L4\nload requests-per-second=40 input-tokens=2000 output-tokens=300 concurrency=50\nreplicas min=1 max=2\n```\n\n\
           The help names the number of copies, the tensor parallelism and the GPU that are expected to serve \
           the load. Where throughput is not known (pipeline stages, speculation, arguments that are not \
           followed), nothing is reported.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for served in served(cx).filter(Served::is_overloaded) {
        let (name, wanted) = (&served.fit.model.name, rate(served.rate()));
        if !in_every_scenario(cx, name, |served| served.is_overloaded()) {
            continue;
        }
        let message = format!(
            "`{name}` gets {wanted} requests per second of {}, and {} can finish {} at most",
            served.request(),
            served.copies(),
            rate(served.most(Bound::High))
        );
        let finding = Diagnostic::new(&RULE, served.place(cx), message).label("more than the hardware computes");
        out.push(served.help().into_iter().fold(finding, Diagnostic::help));
    }
}
