//! Answers that leave no room for their prompt.

use super::support::answerers::answerers;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P006",
    name: "output-exceeds-context",
    severity: Severity::Error,
    docs: "The longest answer that a prompt asks for is as long as the longest request of the model that it \
           is routed to, as the route's own model, a tier or the fallback, so no token is left for the prompt.\n\n\
           The engine counts prompt and answer together and refuses such a request with status 400: every \
           one of the route.\n\n\
           ```kdl\nserve max-model-len=4096 max-num-seqs=64\nsampling temperature=0.2 max-tokens=4096\n```\n\n\
           Lower the sampling's `max-tokens`, or raise the model's `max-model-len`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, route) in &cx.spec.route {
        let Some(prompt) = cx.spec.prompt.get(&route.prompt) else { continue };
        for (version, described) in &prompt.version {
            for (routed, model_name) in answerers((name, route), (version, described)) {
                let Some(length) = cx.spec.model.get(model_name).map(|model| model.serve.max_model_len) else { continue };
                let asked = described.sampling.max_tokens;
                if asked < length {
                    continue;
                }
                let variables: u64 = prompt.variable.values().fold(0, |sum, v| sum.saturating_add(v.max_tokens));
                let at = Route::of(["prompt", &route.prompt, "version", version, "sampling", "max-tokens"]);
                let message = format!("an answer of {asked} tokens leaves no room for the prompt in the {length} of `{model_name}`");
                let finding = Diagnostic::at_value(&RULE, at, message)
                    .label("prompt and answer share `max-model-len`")
                    .related(Place::Value(Route::of(["model", model_name, "serve", "max-model-len"])), format!("{length} tokens for both"))
                    .related(Place::Value(routed), "routed here");
                // The template's own words come on top of its variables.
                out.push(match length.checked_sub(variables).filter(|left| *left > 1) {
                    Some(left) => finding.help(format!("write less than `max-tokens={left}`: the variables may fill {variables} tokens")),
                    None => finding.help(format!(
                        "raise `max-model-len` above {}: the variables alone may fill {variables} tokens",
                        variables.saturating_add(asked)
                    )),
                });
            }
        }
    }
}
