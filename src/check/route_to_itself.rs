//! Tiers and fallbacks that are the route's own model.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-R003",
    name: "route-to-itself",
    severity: Severity::Error,
    docs: "A tier or the fallback of a route is the route's own model.\n\n\
           A model that failed cannot answer in its own place, so nothing stands in when it is needed, and a tier \
           that is the same model saves nothing; both look as if they did.\n\n\
           ```kdl\nroute \"support\" {\n    model \"llama-70b\"\n    fallback \"llama-70b\"   // an external model, or another one\n}\n```\n\n\
           Name another model, or remove the tier or the fallback.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, route) in &cx.spec.route {
        let at = Route::of(["route", name]);
        let tiers = route.tier.iter().map(|(tier, written)| (at.key("tier").key(tier), format!("tier `{tier}`"), &written.model));
        let fallback = route.fallback.iter().map(|fallback| (at.key("fallback"), "fallback".to_owned(), &fallback.model));
        for (block, what, _) in tiers.chain(fallback).filter(|(.., model)| **model == route.model) {
            let message = format!("the {what} of route `{name}` is its own model, `{}`", route.model);
            let finding = Diagnostic::at_value(&RULE, block.key("model"), message);
            let finding = finding.related(Place::Value(at.key("model")), "the model of the route");
            let others = cx.spec.model.keys().chain(cx.spec.external.keys()).filter(|other| **other != route.model);
            let others: Vec<&str> = others.map(String::as_str).collect();
            out.push(match others.as_slice() {
                [] => finding.help("remove it: the stack has no other model"),
                others => finding.help(format!("name another, or remove it; the stack also has `{}`", others.join("`, `"))),
            });
        }
    }
}
