//! Models whose size or shape nobody stated.

use super::support::facts_of;
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
           `config.json` as `attention-heads`; or write a facts file with `llmc model add`, which reads `config.json`, and name it \
           with `facts=`; or correct the repository's name.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let source = &model.source;
        // A file that cannot be used is another rule's finding.
        let is_broken = cx.stack.facts.get(name).is_some_and(|file| file.facts().is_none());
        let facts = facts_of(cx, name, source);
        if is_broken || facts.is_some_and(|facts| facts.checkpoint_bytes.is_some()) {
            continue;
        }
        let tensor_parallel = model.place.tensor_parallel;
        let mut missing = Vec::new();
        if source.size_gib.is_none() {
            missing.push("size-gib");
        }
        if source.attention_heads.is_none() && facts.is_none() && tensor_parallel > 1 {
            missing.push("attention-heads");
        }
        if missing.is_empty() {
            continue;
        }
        let at = Route::of(["model", name]);
        let (unknown, label) = match facts {
            Some(_) => ("the facts of", "its facts have no size"),
            None => ("the catalogue does not know", "not in the catalogue"),
        };
        let lack = if facts.is_some() { " lack its size" } else { "" };
        let repository = &source.repository;
        let message = format!("{unknown} `{repository}`{lack}, and the spec does not state its `{}`", missing.join("` and `"));
        let mut finding = Diagnostic::at_value(&RULE, at.key("source").key("repository"), message).label(label);
        if missing.contains(&"attention-heads") {
            let place = Place::Value(at.key("place").key("tensor-parallel"));
            finding = finding.related(place, format!("the attention heads must be divisible by {tensor_parallel}"));
        }
        if facts.is_none()
            && let Some(near) = did_you_mean(&source.repository, catalog::model_names())
        {
            finding = finding.help(format!("did you mean `{near}`?"));
        }
        let fields: Vec<String> = missing.iter().map(|field| format!("{field}=…")).collect();
        finding = finding.help(format!("state it: `source \"{repository}\" … {}`", fields.join(" ")));
        if facts.is_none() {
            finding = finding.help(format!("or take it from the model's own files: `llmc model add CONFIG.JSON --repository {repository} --out models/NAME.json` writes the file that `facts=\"models/NAME.json\"` names"));
        }
        out.push(finding);
    }
}
