//! What a model is, and what it accepts.

use super::{Found, View};
use crate::plan::totals;
use crate::plan::types::RiskLevel;
use crate::spec::{Model, Spec, Stage};

pub(super) fn risks(view: &View<'_>, found: &mut Found) {
    if let Some(new) = view.new.spec().filter(|new| new.stage == Stage::Production) {
        for (name, model) in new.model.iter().filter(|(_, model)| model.replicas.min < 2) {
            if !view.old.spec().is_some_and(|old| old.model.contains_key(name)) {
                found.add(
                    RiskLevel::Medium,
                    &route(name),
                    format!("`{name}` is new in production and may run as a single copy: {}", single(model)),
                );
            }
        }
    }
    crowded(view, found);
    let Some((old, new)) = view.specs() else { return };
    for (old_name, name) in &view.renames.model {
        let message =
            format!("`{old_name}` becomes `{name}`: its Service has another address, and clients must ask for another model name");
        found.add(RiskLevel::Medium, &route(name), message);
    }
    for (old_name, before) in &old.model {
        let name = view.renames.model.get(old_name).unwrap_or(old_name);
        match new.model.get(name) {
            Some(after) => changed(name, before, after, new, found),
            None => found.add(RiskLevel::Low, "/model", format!("`{old_name}` is removed, with its volume of weights")),
        }
    }
}

/// Caches that held their load and do not any more.
fn crowded(view: &View<'_>, found: &mut Found) {
    for (name, [before, after]) in totals::memory_headroom(view.old, view.new, view.renames).into_iter().flatten() {
        if let (false, Some(after)) = (before.is_some_and(|before| before < 0.0), after.filter(|after| *after < 0.0)) {
            let message = format!("the KV cache of `{name}` does not hold its load: it lacks {:.1} %, so requests are interrupted", -after);
            found.add(RiskLevel::Medium, &route(&name), message);
        }
    }
}

fn route(name: &str) -> String {
    format!("/model/{name}")
}

fn single(model: &Model) -> String {
    format!("`replicas min={}`", model.replicas.min)
}

fn changed(name: &str, old: &Model, new: &Model, spec: &Spec, found: &mut Found) {
    let mut differs = |level, what: &str, old: &str, new: &str, consequence: &str| {
        if old != new {
            found.add(level, &route(name), format!("{what} of `{name}` changes from {old} to {new}: {consequence}"));
        }
    };
    let answers = "answers may differ";
    differs(RiskLevel::Medium, "the model", &old.source.repository, &new.source.repository, answers);
    if old.source.repository == new.source.repository {
        differs(RiskLevel::Medium, "the revision", &old.source.revision, &new.source.revision, answers);
    }
    let engine = |model: &Model| format!("{:?} {}", model.engine.name, model.engine.version).to_lowercase();
    differs(RiskLevel::Medium, "the engine", &engine(old), &engine(new), "answers, speed and memory may differ");
    if engine(old) == engine(new) {
        let image = |model: &Model| model.engine.image.clone().unwrap_or_default();
        differs(RiskLevel::Medium, "the image", &image(old), &image(new), "what runs in it may differ");
    }
    let named = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    let checkpoint = "the checkpoint's own";
    differs(
        RiskLevel::Medium,
        "the quantization",
        &named(&old.serve.quantization, checkpoint),
        &named(&new.serve.quantization, checkpoint),
        answers,
    );
    let engines = "the engine's own";
    differs(
        RiskLevel::Medium,
        "the type of the KV cache",
        &named(&old.serve.kv_cache_dtype, engines),
        &named(&new.serve.kv_cache_dtype, engines),
        answers,
    );
    if new.serve.max_model_len < old.serve.max_model_len {
        let (before, after) = (old.serve.max_model_len, new.serve.max_model_len);
        found.add(
            RiskLevel::Medium,
            &route(name),
            format!("`{name}` refuses requests of more than {after} tokens, before of more than {before}"),
        );
    }
    if old.token_secret != new.token_secret
        && let Some(secret) = &new.token_secret
    {
        let message = format!(
            "`{name}` takes its token from key `{}` of the Secret `{}`, which must exist in `{}`",
            secret.key, secret.name, spec.namespace
        );
        found.add(RiskLevel::Low, &route(name), message);
    }
}
