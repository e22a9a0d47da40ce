//! Loads that the cache cannot hold.

use super::support::load;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-M003",
    name: "load-exceeds-cache",
    severity: Severity::Error,
    docs: "The KV cache cannot hold as many requests of full length as the load has at the same time, \
           even with every copy running and every bound at its kindest.\n\n\
           `max-model-len` promises a length to every client. When `concurrency` of them use it, the engine \
           runs out of blocks: it interrupts requests and computes them again later, so latency climbs \
           exactly under load. `GPU KV cache size` in the engine's log would say so, after the deployment.\n\n\
           ```kdl\nplace pool=\"a100\" tensor-parallel=4               // Llama-3.3-70B on 4 x A100-80GB\n\
           serve max-model-len=32768 max-num-seqs=64\nload … concurrency=50                              // about 13 fit at once\n```\n\n\
           Requests are shared evenly among copies, rounded up; here the greatest number of copies counts. A \
           copy computes at most `max-num-seqs` at once, and the others wait without a cache: a lower \
           `max-num-seqs` that fits is a queue, not an interruption. The help names the nearest settings that \
           hold the load, found by asking the same proof about each.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for fit in cx.fits {
        if let Some(load::Shortage::Certain { requests, fitting, copies }) = load::shortage(fit) {
            out.push(load::finding(&RULE, fit, requests, fitting, copies, "at most"));
        }
    }
}
