//! Answers that leave no room for their prompt.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::spec;

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
    for (routed, route, name) in cx.spec.route.iter().flat_map(|(name, route)| answerers(name, route)) {
        let (Some(prompt), Some(model)) = (cx.spec.prompt.get(&route.prompt), cx.spec.model.get(name)) else { continue };
        let length = model.serve.max_model_len;
        for (version, described) in prompt.version.iter().filter(|(_, v)| v.sampling.max_tokens >= length) {
            let asked = described.sampling.max_tokens;
            let variables: u64 = prompt.variable.values().fold(0, |sum, v| sum.saturating_add(v.max_tokens));
            let at = Route::of(["prompt", &route.prompt, "version", version, "sampling", "max-tokens"]);
            let message = format!("an answer of {asked} tokens leaves no room for the prompt in the {length} of `{name}`");
            let finding = Diagnostic::at_value(&RULE, at, message)
                .label("prompt and answer share `max-model-len`")
                .related(Place::Value(Route::of(["model", name, "serve", "max-model-len"])), format!("{length} tokens for both"))
                .related(Place::Value(routed.clone()), "routed here");
            // The template's own words come on top of its variables.
            out.push(match length.checked_sub(variables).filter(|left| *left > 1) {
                Some(left) => finding.help(format!("write less than `max-tokens={left}`: the variables may fill {variables} tokens")),
                None => finding.help(format!("raise `max-model-len` above {}: the variables alone may fill {variables} tokens", variables.saturating_add(asked))),
            });
        }
    }
}

/// The models that may answer a route, each with the place that names it.
fn answerers<'a>(name: &str, route: &'a spec::Route) -> Vec<(Route, &'a spec::Route, &'a str)> {
    let at = Route::of(["route", name]);
    let mut answerers = vec![(at.key("model"), route, route.model.as_str())];
    answerers.extend(route.tier.iter().map(|(tier, t)| (at.key("tier").key(tier).key("model"), route, t.model.as_str())));
    answerers.extend(route.fallback.iter().map(|fallback| (at.key("fallback").key("model"), route, fallback.model.as_str())));
    answerers
}
