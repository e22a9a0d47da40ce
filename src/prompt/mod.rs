//! Versions of prompts as people compare them: where each is used, what it is made of, how long it is and what a
//! request with it costs.

mod request;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

pub use request::{Basis, Request, Requests};

use crate::estimate::tokens::{self, Piece};
use crate::lock;
use crate::stack::{PARTS, Prompt, PromptVersion, Route, Sampling, Stack};

/// Hexadecimal digits of an identity that people are shown.
const SHORT_DIGITS: usize = 12;

/// One version of a prompt.
#[derive(Clone, Debug, Serialize)]
pub struct Version {
    /// Name of the stack.
    pub stack: String,
    /// Name of the prompt.
    pub prompt: String,
    /// Name of the version.
    pub version: String,
    /// Whether applications load it.
    pub live: bool,
    /// Whether it is the one to go back to.
    pub rollback: bool,
    /// Where it is an arm of an experiment.
    pub experiments: Vec<ArmOf>,
    /// Whether `llmc.lock` pins it.
    pub pinned: bool,
    /// Version that was live before it, as the lock says.
    pub parent: Option<String>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// What each route that uses the prompt makes of it, by name.
    pub routes: Vec<OnRoute>,
}

/// A version as an arm of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmOf {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the arm.
    pub arm: String,
    /// Percent of the users who get it now; none where the experiment is stopped.
    pub percent: f64,
    /// Whether users take part.
    pub running: bool,
}

/// A version on a route.
#[derive(Clone, Debug, Serialize)]
pub struct OnRoute {
    /// Name of the route.
    pub route: String,
    /// Name of the model or external model that answers.
    pub model: String,
    /// Name of the guardrails that check it.
    pub guardrails: Option<String>,
    /// SHA-256 of all that decides an answer.
    pub identity: Option<String>,
    /// Tokens of what its templates say.
    pub tokens: Tokens,
    /// Hardly more tokens of prompt than this, with every variable at its longest.
    pub longest_prompt: u64,
    /// What a request with it costs, where that is known.
    pub request: Option<Request>,
}

/// Tokens of a version by itself, without its variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Of the system message.
    pub system: u64,
    /// Of the user message without its variables.
    pub user: u64,
    /// Of the chat template around them.
    pub template: u64,
    /// Hardly fewer together.
    pub low: u64,
    /// Hardly more together.
    pub high: u64,
    /// Whether they are estimated, and not counted with the model's own vocabulary.
    pub estimated: bool,
}

impl Tokens {
    /// All together.
    pub fn total(&self) -> u64 {
        self.system.saturating_add(self.user).saturating_add(self.template)
    }

    /// Those of the version `name` for what answers it on `route`; none where the stack does not have it.
    fn of(stack: &Stack, prompt: &Prompt, name: &str, route: &Route) -> Option<Self> {
        let parts = tokens::of_version(stack, &prompt.name, name, route)?;
        let total = parts.total();
        Some(Self {
            system: parts.system.expected,
            user: parts.user.expected,
            template: parts.template.expected,
            low: total.low,
            high: total.high,
            estimated: !total.is_exact(),
        })
    }
}

impl Version {
    /// The identities that it has on routes, each once and short.
    pub fn short_identities(&self) -> Vec<String> {
        let mut short: Vec<String> = self.routes.iter().filter_map(|route| route.identity.as_deref()).map(short_identity).collect();
        short.sort();
        short.dedup();
        short
    }
}

/// The first digits of an identity.
pub fn short_identity(identity: &str) -> String {
    identity.chars().take(SHORT_DIGITS).collect()
}

/// Every version of every prompt of `stack`, sorted by prompt, and versions as people count them.
pub fn versions(stack: &Stack) -> Vec<Version> {
    versions_measured(stack, BTreeMap::new())
}

/// The same where the loads of routes were stated while other versions were live: `measured`, by prompt.
pub fn versions_measured(stack: &Stack, measured: BTreeMap<String, String>) -> Vec<Version> {
    let requests = Requests::of(stack, measured);
    let of = |prompt: &Prompt| -> Vec<Version> {
        let mut names: Vec<&String> = prompt.versions.keys().collect();
        names.sort_by_key(|name| natural(name));
        names.into_iter().filter_map(|name| version(stack, &requests, prompt, name)).collect()
    };
    stack.prompts.values().flat_map(of).collect()
}

/// The version `name` of `prompt`; none where the stack does not have it.
pub fn version_of(stack: &Stack, prompt: &Prompt, name: &str) -> Option<Version> {
    version(stack, &Requests::of(stack, BTreeMap::new()), prompt, name)
}

/// One version; none where the stack does not have it.
fn version(stack: &Stack, requests: &Requests<'_>, prompt: &Prompt, name: &str) -> Option<Version> {
    let content = prompt.versions.get(name)?;
    let arms = stack.experiments.values().filter(|experiment| experiment.prompt == prompt.name).flat_map(|experiment| {
        experiment.arms.iter().filter(|(_, arm)| arm.version == name).map(|(arm_name, arm)| ArmOf {
            experiment: experiment.name.clone(),
            arm: arm_name.clone(),
            percent: if experiment.is_running() { f64::from(arm.active_parts) * 100.0 / f64::from(PARTS) } else { 0.0 },
            running: experiment.is_running(),
        })
    });
    let made_of = lock::describe(stack, prompt, name);
    let pin = stack.lock.prompts.get(&prompt.name).and_then(|pins| pins.get(name));
    let on_route = |route: &Route| {
        let answer = route.answers.get(name)?;
        let tokens = Tokens::of(stack, prompt, name, route)?;
        Some(OnRoute {
            route: route.name.clone(),
            model: answer.target.name().to_owned(),
            guardrails: answer.guardrails.clone(),
            identity: made_of.as_ref().and_then(|of| Some(of.routes.get(&route.name)?.sha256.clone())),
            tokens,
            longest_prompt: longest(prompt, content, tokens),
            request: requests.of_version(route, name, tokens),
        })
    };
    Some(Version {
        stack: stack.name.clone(),
        prompt: prompt.name.clone(),
        version: name.to_owned(),
        live: prompt.live == name,
        rollback: prompt.rollback.as_deref() == Some(name),
        experiments: arms.collect(),
        pinned: pin.is_some(),
        parent: pin.and_then(|pin| pin.parent.clone()),
        sampling: content.sampling.clone(),
        routes: stack.routes.values().filter(|route| route.prompt == prompt.name).filter_map(on_route).collect(),
    })
}

/// Hardly more tokens than a prompt of so many by itself has with every variable at its longest, as often as the
/// templates use it. What is no plain variable may be as long as the longest of them.
fn longest(prompt: &Prompt, version: &PromptVersion, tokens: Tokens) -> u64 {
    let most = prompt.variables.values().max().copied().unwrap_or(0);
    let mut sum = tokens.high;
    for text in version.system.iter().chain([&version.user]).map(|file| file.text.as_str()) {
        for piece in tokens::pieces(text).unwrap_or_default() {
            if let Piece::Value { range, is_plain, .. } = piece {
                let named = text.get(range).filter(|_| is_plain).and_then(|name| prompt.variables.get(name));
                sum = sum.saturating_add(named.copied().unwrap_or(most));
            }
        }
    }
    sum
}

/// The newest version of `prompt`: the last as people count, so that `v10` follows `v9`.
pub fn newest(prompt: &Prompt) -> Option<&str> {
    prompt.versions.keys().max_by_key(|name| natural(name)).map(String::as_str)
}

/// A name in parts that are compared one by one: words, and numbers by their value.
fn natural(name: &str) -> Vec<(bool, u128, String)> {
    let mut parts: Vec<(bool, u128, String)> = Vec::new();
    let is_digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let mut rest = name;
    while !rest.is_empty() {
        let digits = is_digits(rest);
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        // What is too long for a number is compared as a word.
        let number = part.parse().ok().filter(|_| digits);
        parts.push((number.is_none(), number.unwrap_or(0), part.to_owned()));
        rest = after;
    }
    parts
}

/// An amount with the decimals of small ones, as text, so that nothing rounds it.
fn small<S: Serializer>(amount: &rust_decimal::Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::cost::unit_amount(*amount))
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn versions_are_in_the_order_of_people() {
        let mut names = ["v10", "v2", "v1", "2026-11-02", "2026-2-01", "v1.10", "v1.9", "summer"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["2026-2-01", "2026-11-02", "summer", "v1", "v1.9", "v1.10", "v2", "v10"]);
    }
}
