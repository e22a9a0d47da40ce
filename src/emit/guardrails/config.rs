//! `config.yml`: models, rails and what each rail needs. `rails` stands in this file only, since a
//! second one would replace it in an order that the file system decides.

use serde_json::{Map, Value, json};

use super::escape;
use crate::catalog::pii_patterns;
use crate::catalog::self_check::{STREAM_CHUNK_TOKENS, STREAM_CONTEXT_TOKENS};
use crate::engine;
use crate::stack::{External, Guardrails, Model, Rails, Route, Stack, Target};

/// The configuration of one route.
pub(super) fn config(stack: &Stack, guardrails: &Guardrails, route: &Route) -> Value {
    let mut config = Map::new();
    // A string: a float is refused. Files of Colang 2 would load silently and do nothing.
    config.insert("colang_version".into(), json!("1.0"));
    // Without it the library drops the application's system message and flattens the conversation.
    config.insert("passthrough".into(), json!(true));
    config.insert("models".into(), json!([main_model(stack, route)]));
    if let Some(instructions) = &guardrails.instructions {
        config.insert("instructions".into(), json!([{ "type": "general", "content": instructions.text.trim_end() }]));
    }
    let refusal = escape::bot_message(guardrails.refusal.trim_end());
    // One text for each: of two the library would draw one.
    config.insert("bot_messages".into(), json!({ "refuse to respond": [refusal], "inform answer unknown": [refusal] }));
    config.insert("rails".into(), rails(guardrails));
    Value::Object(config)
}

/// The model that answers, and that self checks ask.
fn main_model(stack: &Stack, route: &Route) -> Value {
    match target(stack, route) {
        Some(Answerer::Model(model)) => json!({
            "type": "main",
            "engine": engine::of(model.engine).name(),
            "model": model.name,
            "parameters": { "base_url": base_url(stack, model) },
        }),
        Some(Answerer::External(external)) => json!({
            "type": "main",
            "engine": "openai",
            "model": external.model,
            "api_key_env_var": key_variable(external),
            "parameters": { "base_url": external.base_url },
        }),
        // Every route of a resolved stack has a target; without one the library would refuse to load.
        None => Value::Null,
    }
}

/// What answers a route.
pub(super) enum Answerer<'a> {
    /// A model of the stack.
    Model(&'a Model),
    /// A model of somebody else.
    External(&'a External),
}

pub(super) fn target<'a>(stack: &'a Stack, route: &Route) -> Option<Answerer<'a>> {
    match &route.target {
        Target::Model(name) => stack.models.get(name).map(Answerer::Model),
        Target::External(name) => stack.externals.get(name).map(Answerer::External),
    }
}

/// Address of a model's Service; the library appends `/chat/completions`.
fn base_url(stack: &Stack, model: &Model) -> String {
    format!("http://{}.{}.svc:{}/v1", stack.object_name(&model.name), stack.namespace, engine::of(model.engine).port())
}

/// Variable that holds the key of an external model.
pub(super) fn key_variable(external: &External) -> String {
    let name: String = external.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("LLMC_{name}_KEY")
}

fn rails(guardrails: &Guardrails) -> Value {
    let mut rails = Map::new();
    let input = flows(&guardrails.input, "input");
    if !input.is_empty() {
        rails.insert("input".into(), json!({ "flows": input }));
    }
    let output = flows(&guardrails.output, "output");
    if !output.is_empty() {
        let streaming = json!({
            "enabled": true,
            "chunk_size": STREAM_CHUNK_TOKENS,
            "context_size": STREAM_CONTEXT_TOKENS,
            // The default sends each chunk before it is judged.
            "stream_first": false,
        });
        rails.insert("output".into(), json!({ "flows": output, "streaming": streaming }));
    }
    let mut regex = Map::new();
    for (direction, rail) in [("input", &guardrails.input), ("output", &guardrails.output)] {
        if rail.has_patterns() {
            regex.insert(direction.into(), json!({ "patterns": patterns(rail) }));
        }
    }
    if !regex.is_empty() {
        rails.insert("config".into(), json!({ "regex_detection": regex }));
    }
    Value::Object(rails)
}

/// Flows in the order in which they run: patterns cost nothing, so they come before the model.
fn flows(rails: &Rails, direction: &str) -> Vec<String> {
    let regex = rails.has_patterns().then(|| format!("regex check {direction}"));
    let own = rails.self_check_max_tokens.map(|_| format!("self check {direction}"));
    regex.into_iter().chain(own).collect()
}

fn patterns(rails: &Rails) -> Vec<&str> {
    let pii = rails.pii.iter().flat_map(|kind| pii_patterns(*kind).iter().copied());
    pii.chain(rails.patterns.values().map(String::as_str)).collect()
}
