//! References to blocks that are not declared.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity, did_you_mean};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-R001",
    name: "dangling-reference",
    severity: Severity::Error,
    docs: "A block names another block that the stack does not declare: a model its pool, a route its \
           prompt, model or guardrails, a prompt its live or rollback version, an experiment its route, control \
           or versions.\n\n\
           ```kdl\nroute \"support\" { prompt \"suport\"; model \"llama-70b\" }   // there is only prompt \"support\"\n```\n\n\
           Correct the name, or declare the block.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let spec = cx.spec;
    for (name, model) in &spec.model {
        refer(cx, out, Route::of(["model", name, "place", "pool"]), &model.place.pool, &[Route::of(["pool"])], "pool");
    }
    for (name, route) in &spec.route {
        let at = Route::of(["route", name]);
        refer(cx, out, at.key("prompt"), &route.prompt, &[Route::of(["prompt"])], "prompt");
        refer(cx, out, at.key("model"), &route.model, &[Route::of(["model"]), Route::of(["external"])], "model");
        if let Some(guardrails) = &route.guardrails {
            refer(cx, out, at.key("guardrails"), guardrails, &[Route::of(["guardrails"])], "guardrails");
        }
        let models = [Route::of(["model"]), Route::of(["external"])];
        for (tier_name, tier) in &route.tier {
            refer(cx, out, at.key("tier").key(tier_name).key("model"), &tier.model, &models, "model");
        }
        if let Some(fallback) = &route.fallback {
            refer(cx, out, at.key("fallback").key("model"), &fallback.model, &models, "model");
        }
    }
    for (name, prompt) in &spec.prompt {
        let at = Route::of(["prompt", name]);
        let versions = at.key("version");
        refer(cx, out, at.key("live"), &prompt.live, std::slice::from_ref(&versions), "version");
        if let Some(rollback) = &prompt.rollback {
            refer(cx, out, at.key("rollback"), rollback, std::slice::from_ref(&versions), "version");
        }
        for (version_name, version) in &prompt.version {
            let at = versions.key(version_name);
            if let Some(model) = &version.model {
                refer(cx, out, at.key("model"), model, &[Route::of(["model"]), Route::of(["external"])], "model");
            }
            if let Some(guardrails) = &version.guardrails {
                refer(cx, out, at.key("guardrails"), guardrails, &[Route::of(["guardrails"])], "guardrails");
            }
        }
    }
    for (name, experiment) in &spec.experiment {
        let at = Route::of(["experiment", name]);
        refer(cx, out, at.key("route"), &experiment.route, &[Route::of(["route"])], "route");
        refer(cx, out, at.key("control"), &experiment.control, &[at.key("variant")], "variant");
        let Some(route) = spec.route.get(&experiment.route) else { continue };
        for (variant_name, variant) in &experiment.variant {
            let versions = Route::of(["prompt", &route.prompt, "version"]);
            refer(cx, out, at.key("variant").key(variant_name).key("prompt"), &variant.prompt, &[versions], "version");
        }
    }
}

/// Reports `name`, given at `at`, unless one of `maps` declares it.
fn refer(cx: &Context<'_>, out: &mut Vec<Diagnostic>, at: Route, name: &str, maps: &[Route], what: &str) {
    if maps.iter().any(|map| cx.document.mentions(&map.key(name))) {
        return;
    }
    let declared = |map: &Route| -> Vec<String> {
        let below = |route: &&Route| route.parent().as_ref() == Some(map);
        let written = cx.document.spans.keys().filter(below).map(Route::last);
        written.collect()
    };
    let known: Vec<String> = maps.iter().flat_map(declared).collect();
    let finding = Diagnostic::at_value(&RULE, at, format!("there is no {what} `{name}`")).label("not declared in this stack");
    out.push(match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => finding.help(format!("declare it: `{what} \"{name}\" {{ … }}`")),
        None => finding.help(format!("declared: `{}`", known.join("`, `"))),
    });
}
