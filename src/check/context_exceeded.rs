//! Requests that are longer than a model was made for.

use super::support::facts_of;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E007",
    name: "context-exceeded",
    severity: Severity::Error,
    docs: "`max-model-len` is above the longest sequence that the model was made for \
           (`max_position_embeddings`).\n\n\
           vLLM refuses to start, since positions beyond that give wrong answers or errors on the GPU.\n\n\
           ```kdl\nsource \"acme/small\" revision=\"…\" size-gib=15 context-tokens=8192\nserve max-model-len=32768 max-num-seqs=64\n```\n\n\
           Lower `max-model-len`. If the model's positions are scaled (YaRN and the like), state the longer \
           context as `context-tokens`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let stated = model.source.context_tokens;
        let Some(context) = stated.or_else(|| facts_of(cx, name, &model.source).map(|f| f.context_tokens)) else { continue };
        let length = model.serve.max_model_len;
        if length <= context {
            continue;
        }
        let at = Route::of(["model", name]);
        let source = if stated.is_some() { at.key("source").key("context-tokens") } else { at.key("source").key("repository") };
        let message = format!("`max-model-len` is {length}, but `{name}` was made for {context} tokens");
        out.push(
            Diagnostic::at_value(&RULE, at.key("serve").key("max-model-len"), message)
                .label(format!("{} tokens too long", length - context))
                .related(Place::Value(source), format!("made for {context} tokens"))
                .help(format!("write `max-model-len={context}` or less")),
        );
    }
}
