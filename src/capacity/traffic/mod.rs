//! What reaches each model.

use std::collections::BTreeMap;

use crate::stack::{Stack, Target};

/// Requests of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Where they come from, in words, such as `route support` or `self check of route support`.
    pub from: String,
    /// In each second of a busy hour.
    pub requests_per_second: f64,
    /// Mean length of a prompt in tokens.
    pub input_tokens: f64,
    /// Mean length of an answer in tokens.
    pub output_tokens: f64,
    /// Share of prompt tokens whose prefix is cached.
    pub cached_share: f64,
}

/// All requests of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Each kind; never empty.
    pub flows: Vec<Flow>,
    /// An average hour as a share of the busy one, in (0, 1].
    pub load_factor: f64,
}

impl Traffic {
    /// Requests in each second of a busy hour.
    pub fn requests_per_second(&self) -> f64 {
        self.flows.iter().map(|flow| flow.requests_per_second).sum()
    }

    /// Mean length of a prompt in tokens.
    pub fn input_tokens(&self) -> f64 {
        self.mean(|flow| flow.input_tokens)
    }

    /// Mean length of an answer in tokens.
    pub fn output_tokens(&self) -> f64 {
        self.mean(|flow| flow.output_tokens)
    }

    /// Share of all prompt tokens whose prefix is cached.
    pub fn cached_share(&self) -> f64 {
        let tokens = self.input_tokens();
        if tokens > 0.0 { self.mean(|flow| flow.input_tokens * flow.cached_share) / tokens } else { 0.0 }
    }

    /// The mean over requests; zero without any.
    fn mean(&self, of: impl Fn(&Flow) -> f64) -> f64 {
        let requests = self.requests_per_second();
        if requests <= 0.0 {
            return 0.0;
        }
        self.flows.iter().map(|flow| flow.requests_per_second * of(flow)).sum::<f64>() / requests
    }
}

/// What reaches each model and external model of `stack` whose load is known.
pub fn of_stack(stack: &Stack) -> BTreeMap<Target, Traffic> {
    let mut traffic = BTreeMap::new();
    for model in stack.models.values() {
        let Some(load) = &model.load else { continue };
        let flow = Flow {
            from: format!("model {}", model.name),
            requests_per_second: load.requests_per_second,
            input_tokens: load.input_tokens as f64,
            output_tokens: load.output_tokens as f64,
            cached_share: load.prefix_hits.map_or(0.0, |share| share.at_least),
        };
        traffic.insert(Target::Model(model.name.clone()), Traffic { flows: vec![flow], load_factor: load.load_factor });
    }
    traffic
}
