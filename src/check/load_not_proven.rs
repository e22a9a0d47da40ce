//! Loads that the cache may not hold.

use super::support::load;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-M004",
    name: "load-not-proven",
    severity: Severity::Warning,
    docs: "The KV cache is not proven to hold as many requests of full length as the load has at the same \
           time with the least number of copies.\n\n\
           An autoscaler starts copies when the load is there, and a copy needs minutes to load its weights. \
           Until then the least number of copies has all of it, and when the cache of a copy is full, the engine \
           interrupts requests and computes them again. With more copies it may fit; `LLMC-M003` is the error \
           where it never does.\n\n\
           ```kdl\nserve max-model-len=32768 max-num-seqs=64\nreplicas min=1 max=4 { scale-on \"queue\" target=5 }\n\
           load … concurrency=50                              // 50 on one copy until others have started\n```\n\n\
           Requests are shared evenly among copies, rounded up, and a copy computes at most `max-num-seqs` at \
           once. The help names the nearest settings that are proven to hold the load.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for fit in cx.fits {
        if let Some(load::Shortage::Possible { requests, fitting, copies }) = load::shortage(fit) {
            out.push(load::finding(&RULE, fit, requests, fitting, copies, "for sure only"));
        }
    }
}
