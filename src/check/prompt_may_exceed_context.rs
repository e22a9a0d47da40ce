//! Prompts that may not fit the model.

use super::support::overlong::overlong;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P011",
    name: "prompt-may-exceed-context",
    severity: Severity::Warning,
    docs: "The longest prompt of a version and its longest answer fit a model by the least that they may have, \
           and do not by the most. Tokens that are estimated have such bounds, and so have words and \
           variables that stand in a branch.\n\n\
           ```kdl\nserve max-model-len=2080 max-num-seqs=64\n\
           variable \"query\" max-tokens=1500\nsampling temperature=0.2 max-tokens=512\n```\n\n\
           Name the model's own `tokenizer.json`, with which tokens are counted and not estimated, or leave \
           more room.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    out.extend(overlong(cx).iter().filter(|found| !found.is_certain).map(|found| found.finding(&RULE)));
}
