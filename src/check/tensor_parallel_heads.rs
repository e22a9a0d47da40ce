//! Attention heads that cannot be shared among the GPUs of a copy.

use super::support::facts_of;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E006",
    name: "tensor-parallel-heads",
    severity: Severity::Error,
    docs: "The number of a model's attention heads is not divisible by its `tensor-parallel`.\n\n\
           Each GPU of a copy computes an equal share of the heads. vLLM refuses to start otherwise: \
           \"Total number of attention heads must be divisible by tensor parallel size\".\n\n\
           ```kdl\nsource \"meta-llama/Llama-3.1-8B-Instruct\" revision=\"…\"   // 32 heads\nplace pool=\"a100\" tensor-parallel=6\n```\n\n\
           Choose one of the numbers that the message lists; 1, 2, 4 and 8 fit most models.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let stated = model.source.attention_heads;
        let Some(heads) = stated.or_else(|| facts_of(cx, name, &model.source).map(|f| f.attention_heads)) else { continue };
        let tensor_parallel = model.place.tensor_parallel;
        if tensor_parallel == 0 || heads.is_multiple_of(tensor_parallel) {
            continue;
        }
        let at = Route::of(["model", name]);
        let per_node = cx.spec.pool.get(&model.place.pool).map_or(u32::MAX, |pool| pool.gpus_per_node);
        let fitting: Vec<String> = (1..=heads.min(per_node).min(64)).filter(|n| heads.is_multiple_of(*n)).map(|n| n.to_string()).collect();
        let message = format!("the {heads} attention heads of `{name}` cannot be shared by {tensor_parallel} GPUs");
        let source = if stated.is_some() { at.key("source").key("attention-heads") } else { at.key("source").key("repository") };
        out.push(
            Diagnostic::at_value(&RULE, at.key("place").key("tensor-parallel"), message)
                .label(format!("{heads} is not divisible by {tensor_parallel}"))
                .related(Place::Value(source), format!("has {heads} attention heads"))
                .help(format!("`tensor-parallel` may be {} on a node of the pool", fitting.join(", "))),
        );
    }
}
