//! `prompts.yml`: what the model is asked when it judges a question or an answer.

use serde_json::{Value, json};

use super::config::{Answerer, target};
use super::escape;
use crate::catalog::self_check;
use crate::stack::{Guardrails, Route, Stack};

/// Characters of a self-check prompt for each token that the model can read. The library's own
/// limit of 16,000 characters turns every longer message into an internal error.
const CHARACTERS_PER_TOKEN: u64 = 8;
/// Shortest limit, in characters.
const LEAST_MAX_LENGTH: u64 = 65_536;
/// Limit for a model whose context is unknown, in characters.
const UNKNOWN_MAX_LENGTH: u64 = 1_048_576;

/// The prompts of one route, or `None` if nothing asks a model.
pub(super) fn prompts(stack: &Stack, guardrails: &Guardrails, route: &Route) -> Option<Value> {
    let max_length = match target(stack, route) {
        Some(Answerer::Model(model)) => (model.serve.max_model_len * CHARACTERS_PER_TOKEN).max(LEAST_MAX_LENGTH),
        _ => UNKNOWN_MAX_LENGTH,
    };
    let prompt = |task: &str, max_tokens: u32, content: String| {
        json!({
            "task": task,
            // Without a parser every answer would be allowed.
            "output_parser": "is_content_safe",
            "max_tokens": max_tokens,
            "max_length": max_length,
            "content": content,
        })
    };
    let input = guardrails.input.self_check_max_tokens.map(|max_tokens| prompt("self_check_input", max_tokens, self_check::input_prompt()));
    let instructions = guardrails.instructions.as_ref().map(|i| escape::jinja(i.text.trim_end()));
    let output = guardrails
        .output
        .self_check_max_tokens
        .map(|max_tokens| prompt("self_check_output", max_tokens, self_check::output_prompt(instructions.as_deref())));
    let prompts: Vec<Value> = input.into_iter().chain(output).collect();
    (!prompts.is_empty()).then(|| json!({ "prompts": prompts }))
}
