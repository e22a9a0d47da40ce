//! Engine steps that are too small for one token of each request.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E008",
    name: "batch-too-small",
    severity: Severity::Error,
    docs: "`max-num-batched-tokens` is below `max-num-seqs`.\n\n\
           One step of the engine computes at least one token for each running request, so vLLM refuses to \
           start: \"max_num_batched_tokens must be greater than or equal to max_num_seqs\".\n\n\
           ```kdl\nserve max-model-len=8192 max-num-seqs=256 max-num-batched-tokens=128\n```\n\n\
           Raise `max-num-batched-tokens`, or leave it to its default; or lower `max-num-seqs`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let serve = &model.serve;
        let sequences = u64::from(serve.max_num_seqs);
        let Some(batched) = serve.max_num_batched_tokens.filter(|batched| *batched < sequences) else { continue };
        let at = Route::of(["model", name, "serve"]);
        let message = format!("a step of {batched} tokens cannot hold one token of each of {sequences} requests");
        out.push(
            Diagnostic::at_value(&RULE, at.key("max-num-batched-tokens"), message)
                .label(format!("below `max-num-seqs` by {}", sequences - batched))
                .related(Place::Value(at.key("max-num-seqs")), format!("{sequences} requests at once"))
                .help(format!("write `max-num-batched-tokens={}`, the default, or at least {sequences}", sequences.max(8192)))
                .help(format!("or lower `max-num-seqs` to {batched}")),
        );
    }
}
