//! Facts of a model that cannot be used, or that the spec contradicts.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::resolve;
use crate::stack::FactsFile;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E010",
    name: "wrong-model-facts",
    severity: Severity::Error,
    docs: "The file that `facts=` names has a field that no model can have, is about another model, or says \
           something else than the spec.\n\n\
           The memory proof, the size of the cache volume and the split among GPUs follow from these facts; \
           from wrong ones follows a deployment that does not start.\n\n\
           ```kdl\nsource \"acme/tuned-8b\" revision=\"…\" facts=\"models/tuned-8b.json\"   // \"num_hidden_layers\": -3\n```\n\n\
           Take the model's `config.json` as it was published, or write the facts file anew: \
           `llmc model add models/config.json --repository acme/tuned-8b --out models/tuned-8b.json`. Remove from the \
           spec what the file says.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, file) in &cx.stack.facts {
        let Some(source) = cx.spec.model.get(name).map(|model| &model.source) else { continue };
        let at = Route::of(["model", name, "source"]);
        match file {
            FactsFile::Unreadable => {}
            FactsFile::Broken { file, message, range } => {
                let message = format!("`{file}` cannot be used: {message}");
                let finding = Diagnostic::at_value(&RULE, at.key("facts"), message).label("named here");
                let Some(range) = range.clone() else {
                    let help = "download the weights again, or remove them: without them, the index or `size-gib` says their size";
                    out.push(finding.help(help));
                    continue;
                };
                let place = Place::Text { file: file.clone(), range };
                let write = format!("llmc model add CONFIG.JSON --repository {}", source.repository);
                let help = format!("take the model's `config.json` as it was published, or write the facts anew: `{write}`");
                out.push(finding.related(place, "this is wrong").help(help));
            }
            FactsFile::Read { file, facts, is_named } => {
                let repository = &source.repository;
                if *is_named && facts.repository != *repository && !facts.also.contains(repository) {
                    let message = format!("`{file}` has the facts of `{}`, not of `{repository}`", facts.repository);
                    let finding = Diagnostic::at_value(&RULE, at.key("facts"), message).label("named here");
                    let help = format!("name the file of this model, or add `{repository}` to `also` in it if both have the same shape");
                    out.push(finding.related(Place::Value(at.key("repository")), "the model is this one").help(help));
                }
                for (field, says) in resolve::contradictions(facts, source) {
                    let message = format!("`{file}` says {says} for `{field}`");
                    let finding = Diagnostic::at_value(&RULE, at.key(field), message).label("the spec says this");
                    let help = format!("remove `{field}` from the spec, or correct the file");
                    out.push(finding.related(Place::Value(at.key("facts")), "the file is named here").help(help));
                }
            }
        }
    }
}
