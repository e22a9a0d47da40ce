//! Routes, and what answers them.

use std::collections::BTreeMap;

use super::Traffic;

/// What answers a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A model of the stack.
    Model(String),
    /// A model of somebody else.
    External(String),
}

/// What an application calls.
#[derive(Clone, Debug)]
pub struct Route {
    /// Name of the block.
    pub name: String,
    /// Name of the prompt.
    pub prompt: String,
    /// What the route itself names to answer it.
    pub own_target: Target,
    /// What answers the live version.
    pub target: Target,
    /// Name of the guardrails of the live version.
    pub guardrails: Option<String>,
    /// What answers and checks each version of the prompt, by version.
    pub answers: BTreeMap<String, Answer>,
    /// Its load, and what takes some of it off the model.
    pub traffic: Traffic,
}

/// What answers a version of a prompt on a route, and what checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The model or external model.
    pub target: Target,
    /// Name of the guardrails.
    pub guardrails: Option<String>,
}

impl Route {
    /// Everything that may answer, each once: what answers the live version first, then its tiers' and its
    /// fallback's targets, then what answers the other versions.
    pub fn targets(&self) -> Vec<&Target> {
        let mut targets = Vec::new();
        for (_, target) in self.checked() {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// Everything that may answer, with the guardrails that check it then, each pair once and the live version's
    /// first. Every version that the spec names counts, so that going to another one finds what it needs.
    pub fn checked(&self) -> Vec<(Option<&str>, &Target)> {
        self.pairs(std::iter::once((&self.target, self.guardrails.as_deref())).chain(self.versions()))
    }

    /// What may answer and is checked by the guardrails `name` then, each once, in an order that does not depend
    /// on which version is live.
    pub fn targets_checked_by(&self, name: &str) -> Vec<&Target> {
        self.pairs(self.versions()).into_iter().filter(|(guardrails, _)| *guardrails == Some(name)).map(|(_, target)| target).collect()
    }

    /// What answers and checks each version, by its name; the live one is among them.
    fn versions(&self) -> impl Iterator<Item = (&Target, Option<&str>)> {
        self.answers.values().map(|answer| (&answer.target, answer.guardrails.as_deref()))
    }

    /// Each of `answers`, and beside it what may answer in its place, with the guardrails that check it then.
    fn pairs<'a>(&'a self, answers: impl Iterator<Item = (&'a Target, Option<&'a str>)>) -> Vec<(Option<&'a str>, &'a Target)> {
        let mut pairs = Vec::new();
        for (target, guardrails) in answers {
            let others = self.traffic.tiers.values().chain(&self.traffic.fallback).map(|tier| &tier.target);
            for target in std::iter::once(target).chain(others) {
                if !pairs.contains(&(guardrails, target)) {
                    pairs.push((guardrails, target));
                }
            }
        }
        pairs
    }
}

impl Target {
    /// Name of the model or external model.
    pub fn name(&self) -> &str {
        match self {
            Self::Model(name) | Self::External(name) => name,
        }
    }
}
