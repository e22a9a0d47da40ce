//! Models whose size or shape nobody stated.

use super::{Check, Context};
use crate::catalog;
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity, did_you_mean};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E005",
    name: "unknown-model-facts",
    severity: Severity::Error,
    docs: "The catalogue does not know a model, and the spec does not state what is needed of it: the size \
           of its checkpoint and, for `tensor-parallel` above 1, its number of attention heads.\n\n\
           The size decides the cache volume and how long a start may take; with a guess, the volume is \
           full before the download ends, or the probe kills a start that was going well.\n\n\
           ```kdl\nsource \"acme/tuned-8b\" revision=\"…\" size-gib=15 attention-heads=32\n```\n\n\
           State the sum of the checkpoint's files as `size-gib`, and `num_attention_heads` of its \
           `config.json` as `attention-heads`; or correct the repository's name.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let source = &model.source;
        if catalog::model(&source.repository).is_some() {
            continue;
        }
        let tensor_parallel = model.place.tensor_parallel;
        let mut missing = Vec::new();
        if source.size_gib.is_none() {
            missing.push("size-gib");
        }
        if source.attention_heads.is_none() && tensor_parallel > 1 {
            missing.push("attention-heads");
        }
        if missing.is_empty() {
            continue;
        }
        let at = Route::of(["model", name]);
        let message = format!("the catalogue does not know `{}`, and the spec does not state its `{}`", source.repository, missing.join("` and `"));
        let mut finding = Diagnostic::at_value(&RULE, at.key("source").key("repository"), message).label("not in the catalogue");
        if missing.contains(&"attention-heads") {
            let place = Place::Value(at.key("place").key("tensor-parallel"));
            finding = finding.related(place, format!("the attention heads must be divisible by {tensor_parallel}"));
        }
        if let Some(near) = did_you_mean(&source.repository, catalog::model_names()) {
            finding = finding.help(format!("did you mean `{near}`?"));
        }
        let fields: Vec<String> = missing.iter().map(|field| format!("{field}=…")).collect();
        out.push(finding.help(format!("state it: `source \"{}\" … {}`", source.repository, fields.join(" "))));
    }
}
