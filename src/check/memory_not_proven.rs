//! Models of which nobody knows whether they start.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::estimate::memory::Verdict;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-M002",
    name: "memory-not-proven",
    severity: Severity::Warning,
    docs: "It is neither proven that the engine starts with this memory, nor that it does not.\n\n\
           Either a fact is missing (the model's `config.json`, the effect of an argument, a version that \
           was not read), or the bounds of what is not arithmetic allow both: how much the profile run and the \
           CUDA graphs take differs between machines. The message says which. The compiler never guesses, and \
           what it does not know may still work.\n\n\
           ```kdl\nsource \"acme/tuned-8b\" revision=\"…\" size-gib=15   // no config.json, so no proof\n```\n\n\
           Do what the help says: give the facts of the model (`llmc model add`), choose the setting that is proven, or state \
           what the GPU reports as `gpu-memory-gib` of the pool. `llmc fit` shows the bounds of every figure.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for fit in cx.fits.iter().filter(|fit| fit.verdict() == Verdict::NotProven) {
        let name = &fit.model.name;
        if is_refused_elsewhere(&Route::of(["model", name]), out) {
            continue;
        }
        let message = format!("it is not proven that `{name}` starts on {} × `{}`", fit.model.tensor_parallel, fit.pool.gpu.name);
        let finding = Diagnostic::at_key(&RULE, Route::of(["model", name]), message);
        let mut finding = match fit.missing() {
            [] => finding.label("the bounds allow both"),
            [one] => finding.label(format!("not known: {one}")),
            [first, rest @ ..] => finding.label(format!("not known: {first}, and {} more", rest.len())),
        };
        for words in fit.missing().iter().skip(1) {
            finding = finding.help(format!("not known: {words}"));
        }
        if let Some(refusal) = fit.refusal() {
            finding = finding.help(format!("{} may print: \"{}\"", fit.engine(), refusal.message));
        }
        out.push(fit.what_settles().into_iter().fold(finding, Diagnostic::help));
    }
}

/// Whether a rule of the engine (group E) has found fault with the model: then that is what is not known.
fn is_refused_elsewhere(model: &Route, found: &[Diagnostic]) -> bool {
    let below = format!("{}/", model.as_str());
    let is_below = |place: &Place| matches!(place, Place::Value(route) | Place::Key(route) if route.as_str().starts_with(&below));
    found.iter().any(|d| d.rule.severity == Severity::Error && d.rule.code.starts_with("LLMC-E") && is_below(&d.primary.0))
}
