//! The longest request of each route, and what it costs.

use std::collections::BTreeMap;

use super::template::{analyse, templates};
use crate::catalog::self_check::{self, TEMPLATE_TOKENS};
use crate::check::Context;
use crate::cost::{Checks, Length, RequestCost, cost_of_request};
use crate::diagnostic::{Diagnostic, Place, Route as Path, Rule, thousands};
use crate::estimate::tokens;
use crate::stack::{Route, Target};

/// The longest request of a route on one of the models that may answer it, under a limit for one request.
pub(in crate::check) struct Longest<'a> {
    pub(in crate::check) route: &'a Route,
    pub(in crate::check) target: &'a Target,
    pub(in crate::check) length: Length,
    pub(in crate::check) cost: RequestCost,
    pub(in crate::check) limit: rust_decimal::Decimal,
}

/// Of each route the model on which the longest request costs most; what cannot be priced is left out.
pub(in crate::check) fn longest<'a>(cx: &Context<'a>) -> Vec<Longest<'a>> {
    let Some(limit) = cx.stack.budget.as_ref().and_then(|budget| budget.per_request) else { return Vec::new() };
    let routes = cx.stack.routes.values().filter_map(|route| {
        let tiers = route.traffic.tiers.values().chain(&route.traffic.fallback).map(|tier| &tier.target);
        let priced = std::iter::once(&route.target).chain(tiers).filter_map(|target| {
            let length = length(cx, route, target)?;
            let cost = cost_of_request(cx.stack, cx.capacities, target, length)?;
            Some(Longest { route, target, length, cost, limit: limit.0 })
        });
        // The lower bounds first: what is proven weighs more than what may be.
        priced.max_by(|a, b| (a.cost.low, a.cost.high).cmp(&(b.cost.low, b.cost.high)))
    });
    routes.collect()
}

/// Bounds of the longest prompt of the live version, its longest answer, and what guardrails read of both.
fn length(cx: &Context<'_>, route: &Route, target: &Target) -> Option<Length> {
    let prompt = cx.stack.prompts.get(&route.prompt)?;
    let version = prompt.versions.get(&prompt.live)?;
    let [mut low, mut high] = bounds(&prompt.variables, templates(version).map(|(_, text)| text.text.as_str()))?;
    let mut answer = version.sampling.max_tokens;
    if let Target::Model(name) = target {
        // The engine refuses what is longer.
        let most = cx.stack.models.get(name)?.serve.max_model_len;
        answer = answer.min(most);
        low = low.min(most - answer);
        high = high.min(most - answer);
    }
    let question = bounds(&prompt.variables, [version.user.text.as_str()])?;
    let checks = checks(cx, route, [question[0].min(low), question[1]], answer);
    Some(Length { prompt_low: low, prompt_high: high.max(low), answer, checks })
}

/// Least and most tokens of `texts` with every variable at its longest; none where one does not parse.
fn bounds<'t>(variables: &BTreeMap<String, u64>, texts: impl IntoIterator<Item = &'t str>) -> Option<[u64; 2]> {
    let (mut low, mut high) = (0_u64, 0_u64);
    let mut seen = Vec::new();
    for text in texts {
        // An estimate for the upper bound; nothing of it is proven, so the lower bound goes without.
        high = high.saturating_add(most(text));
        for (variable, _) in analyse(text).ok()?.variables {
            let longest = variables.get(&variable).copied().unwrap_or(0);
            high = high.saturating_add(longest);
            if !seen.contains(&variable) {
                low = low.saturating_add(longest);
                seen.push(variable);
            }
        }
    }
    Some([low, high])
}

/// Hardly more tokens than `text` has.
fn most(text: &str) -> u64 {
    tokens::of_text(text).high.ceil() as u64
}

/// What the guardrails of `route` ask about a question of so many tokens and its answer. At least the question and
/// the answer are read once; at most the answer is streamed, and read in chunks that overlap.
fn checks(cx: &Context<'_>, route: &Route, [low, high]: [u64; 2], answer: u64) -> Checks {
    let mut checks = Checks::default();
    let Some(guardrails) = route.guardrails.as_ref().and_then(|name| cx.stack.guardrails.get(name)) else { return checks };
    let around = |prompt: &str| most(prompt).saturating_add(TEMPLATE_TOKENS.into());
    if let Some(verdict) = guardrails.input.self_check_max_tokens {
        checks.question_low = low;
        checks.question_high = high.saturating_add(around(&self_check::input_prompt()));
        checks.verdicts = verdict.into();
    }
    if let Some(verdict) = guardrails.output.self_check_max_tokens {
        let instructions = guardrails.instructions.as_ref().map(|file| file.text.as_str());
        let (calls, judged) = self_check::judgements_of_stream(answer as f64);
        let (calls, judged) = (calls as u64, judged.ceil() as u64);
        checks.answer_low = answer;
        checks.answer_high = judged.saturating_add(calls.saturating_mul(around(&self_check::output_prompt(instructions))));
        checks.verdicts = checks.verdicts.saturating_add(calls.saturating_mul(verdict.into()));
    }
    checks
}

impl Longest<'_> {
    /// The finding of `rule`, which names `amount` as what the request costs.
    pub(in crate::check) fn finding(&self, cx: &Context<'_>, rule: &'static Rule, amount: &str) -> Diagnostic {
        let (Target::Model(name) | Target::External(name)) = self.target;
        let Length { prompt_low, prompt_high, answer, checks } = self.length;
        let range = |low: u64, high: u64| match (thousands(low), thousands(high)) {
            (low, high) if low == high => low,
            (low, high) => format!("{low} to {high}"),
        };
        let message = format!(
            "the longest request of route `{}` costs {amount} {} on `{name}`; {} is the limit for one",
            self.route.name, cx.stack.currency, self.limit
        );
        let mut words = format!("{} tokens of prompt and {} of answer", range(prompt_low, prompt_high), thousands(answer));
        if checks != Checks::default() {
            let read =
                range(checks.question_low.saturating_add(checks.answer_low), checks.question_high.saturating_add(checks.answer_high));
            words.push_str(&format!(", and {read} that self checks read of them"));
        }
        let mut finding = Diagnostic::at_key(rule, Path::of(["route", &self.route.name]), message).label(words);
        finding = finding.related(Place::Value(Path::of(["budget", "per-request"])), "the limit");
        if let Some(prompt) = cx.stack.prompts.get(&self.route.prompt) {
            let sampling = Path::of(["prompt", &prompt.name, "version", &prompt.live, "sampling", "max-tokens"]);
            finding = finding.related(Place::Value(sampling), "the longest answer");
        }
        // Tokens of an answer cost alike, so the longest that is affordable is a matter of proportion.
        let rest = self.limit - (self.cost.low - self.cost.low_answer);
        let fitting = rest.checked_mul(answer.into()).and_then(|rest| rest.checked_div(self.cost.low_answer)).map(|tokens| tokens.trunc());
        if let Some(tokens) = fitting.filter(|tokens| *tokens >= rust_decimal::Decimal::ONE && *tokens < answer.into()) {
            finding = finding.help(format!("an answer of at most {tokens} tokens may cost less: `max-tokens={tokens}`"));
        }
        finding.help(format!("shorten the variables of prompt `{}`, choose a cheaper model, or raise `per-request`", self.route.prompt))
    }
}
