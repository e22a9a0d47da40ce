//! Blocks that nothing names.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};
use crate::spec::{PromptVersion, Spec};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-R002",
    name: "unused-block",
    severity: Severity::Warning,
    docs: "A pool that no model is placed on, or a model, external model, prompt or guardrails that no \
           route names.\n\n\
           An unused block is mostly what is left of a rename or a removal. An unused model is still \
           deployed, so it holds GPUs that somebody pays for; unused guardrails protect nobody.\n\n\
           ```kdl\nguardrails \"strict\" { … }\nroute \"support\" { prompt \"support\"; model \"llama-70b\" }   // is not guarded\n```\n\n\
           Name the block where it belongs, or remove it. A prompt's versions that are neither live nor \
           the rollback are its history and are fine.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let spec = cx.spec;
    for name in spec.pool.keys().filter(|name| spec.model.values().all(|m| m.place.pool != **name && spec.pool.contains_key(&m.place.pool))) {
        let help = match spec.model.keys().next() {
            Some(model) => format!("remove it, or place a model on it: `model \"{model}\" {{ place pool=\"{name}\" }}`"),
            None => format!("remove it, or declare a model with `place pool=\"{name}\"`"),
        };
        out.push(unused("pool", name, "no model is placed on the pool").help(help));
    }
    let routed = |what: &str, name: &str, is_named: bool, field: &str, words: &str, out: &mut Vec<Diagnostic>| {
        // A route that could not be read, or that names nothing known, may mean it.
        if is_named || has_unread_routes(cx) || dangles(spec, field) {
            return;
        }
        out.push(unused(what, name, words).help(help(spec, field, name)));
    };
    for name in spec.model.keys() {
        let named = spec.route.values().any(|r| r.models().any(|model| model == name)) || versions(spec).any(|v| v.model.as_ref() == Some(name));
        routed("model", name, named, "model", "no route reaches the model, whose GPUs are paid for", out);
    }
    for name in spec.external.keys() {
        let named = spec.route.values().any(|r| r.models().any(|model| model == name)) || versions(spec).any(|v| v.model.as_ref() == Some(name));
        routed("external", name, named, "model", "no route reaches the external model", out);
    }
    for name in spec.prompt.keys() {
        let named = spec.route.values().any(|r| r.prompt == *name);
        routed("prompt", name, named, "prompt", "no route uses the prompt", out);
    }
    for name in spec.guardrails.keys() {
        let named = spec.route.values().any(|r| r.guardrails.as_ref() == Some(name))
            || versions(spec).any(|v| v.guardrails.as_ref() == Some(name));
        routed("guardrails", name, named, "guardrails", "no route is guarded by the guardrails", out);
    }
}

/// Versions of every prompt, each of which may name what answers and checks it.
fn versions(spec: &Spec) -> impl Iterator<Item = &PromptVersion> {
    spec.prompt.values().flat_map(|prompt| prompt.version.values())
}

fn unused(block: &str, name: &str, words: &str) -> Diagnostic {
    Diagnostic::at_key(&RULE, Route::of([block, name]), format!("{words}: `{name}`")).label("nothing names it")
}

fn help(spec: &Spec, field: &str, name: &str) -> String {
    match spec.route.keys().next() {
        Some(route) => format!("remove it, or name it in a route: `route \"{route}\" {{ {field} \"{name}\" }}`"),
        None => format!("remove it, or declare a route with `{field} \"{name}\"`"),
    }
}

/// Whether the field `field` of some route names no block.
fn dangles(spec: &Spec, field: &str) -> bool {
    spec.route.values().any(|route| match field {
        "model" => route.models().any(|name| !spec.model.contains_key(name) && !spec.external.contains_key(name)),
        "prompt" => !spec.prompt.contains_key(&route.prompt),
        _ => route.guardrails.as_ref().is_some_and(|name| !spec.guardrails.contains_key(name)),
    })
}

/// Whether a route was written that the schema refused.
fn has_unread_routes(cx: &Context<'_>) -> bool {
    cx.document.dropped.iter().any(|dropped| dropped.as_str() == "/route" || dropped.as_str().starts_with("/route/"))
}
