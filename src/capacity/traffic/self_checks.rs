//! What guardrails ask the model that answers: whether a question or an answer may pass.
//!
//! Every question that reaches the model was judged once, and every answer in the chunks of a stream, which is
//! an upper bound for answers that are not streamed. None is counted as refused. The lengths are estimated
//! from the texts, without the tokenizer of the model: a question is what the mean prompt has beside the
//! system message, which is too long where it holds earlier turns. Prompts of checks are not counted as cached.

use super::{Flow, Purpose};
use crate::catalog::self_check::{self, TEMPLATE_TOKENS, VERDICT_TOKENS};
use crate::estimate::tokens;
use crate::stack::{Guardrails, Route, Stack};

/// The checks of the questions and answers of `answer`, which belongs to `route`.
pub(super) fn of(stack: &Stack, route: &Route, answer: &Flow) -> Vec<Flow> {
    let Some(guardrails) = route.guardrails.as_ref().and_then(|name| stack.guardrails.get(name)) else { return Vec::new() };
    let flow = |purpose, calls: f64, input_tokens: f64, most_verdict_tokens: u32| Flow {
        route: Some(route.name.clone()),
        purpose,
        requests_per_second: answer.requests_per_second * calls,
        input_tokens: f64::from(TEMPLATE_TOKENS) + input_tokens,
        output_tokens: f64::from(VERDICT_TOKENS.min(most_verdict_tokens)),
        cached_share: 0.0,
        load_factor: answer.load_factor,
    };
    let input = guardrails.input.self_check_max_tokens.map(|most| {
        let asked = expected(&self_check::input_prompt());
        flow(Purpose::InputCheck, 1.0, asked + question_tokens(stack, route, guardrails, answer.input_tokens), most)
    });
    let output = guardrails.output.self_check_max_tokens.map(|most| {
        let policy = guardrails.instructions.as_ref().map(|instructions| instructions.text.as_str());
        let asked = expected(&self_check::output_prompt(policy));
        let (calls, judged) = self_check::judgements_of_stream(answer.output_tokens);
        flow(Purpose::OutputCheck, calls, asked + judged / calls, most)
    });
    input.into_iter().chain(output).collect()
}

/// Tokens of the user's message in a prompt of `input_tokens`: all but the system message of the live version
/// and the instructions that are put in front of it.
fn question_tokens(stack: &Stack, route: &Route, guardrails: &Guardrails, input_tokens: f64) -> f64 {
    let live = stack.prompts.get(&route.prompt).and_then(|prompt| prompt.versions.get(&prompt.live));
    let system = live.and_then(|version| version.system.as_ref());
    let fixed: f64 = [system, guardrails.instructions.as_ref()].into_iter().flatten().map(|file| expected(&file.text)).sum();
    (input_tokens - fixed).max(1.0)
}

fn expected(text: &str) -> f64 {
    tokens::of_text(text).expected
}
