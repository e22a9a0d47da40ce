//! Prompts that do not fit the model.

use super::support::overlong::overlong;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P008",
    name: "prompt-exceeds-context",
    severity: Severity::Error,
    docs: "The templates of a version, its longest variables, the chat template around them and the longest \
           answer together are longer than `max-model-len` of a model that may answer: the version's own or \
           the route's, a tier or the fallback. Of what was estimated, the least is taken.\n\n\
           The engine refuses such a request with status 400. Short questions work, so it shows only with the \
           first long one.\n\n\
           ```kdl\nserve max-model-len=2048 max-num-seqs=64\n\
           variable \"query\" max-tokens=1500              // and an answer of\nsampling temperature=0.2 max-tokens=512\n```\n\n\
           Shorten the templates or the variables, lower the sampling's `max-tokens`, or raise the model's \
           `max-model-len`; the finding says by how much.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    out.extend(overlong(cx).iter().filter(|found| found.is_certain).map(|found| found.finding(&RULE)));
}
