//! What reaches each model, and how many copies it takes to serve that.
//!
//! [`Traffic`] is what applications send, after caches and tiers, with the checks of guardrails on top;
//! [`Capacity`] holds it against the roofline of one copy. The checks, `llmc cost` and the plan read both.

mod traffic;

pub use traffic::{
    Effect, Flow, Purpose, Routed, Scenario, Traffic, load_of_route, of_routes as traffic_of_routes, of_stack as traffic_of_stack,
    of_stack_in as traffic_of_stack_in, reaches,
};

use crate::estimate::throughput::{self, Question, Throughput};
use crate::fit::Fit;
use crate::stack::{Indicator, Stack, Target};

/// How a model meets its traffic.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Name of the model.
    pub model: String,
    /// What reaches it; none where no load is stated.
    pub traffic: Option<Traffic>,
    /// What one copy does; none where it is not known, or without traffic.
    pub throughput: Option<Throughput>,
    /// What is not known, in words.
    pub missing: Vec<String>,
}

impl Capacity {
    /// The capacity of the model of `fit` for `traffic`.
    pub fn of(fit: &Fit<'_>, traffic: Option<Traffic>) -> Self {
        let model = fit.model.name.clone();
        let Some(traffic) = traffic else { return Self { model, traffic: None, throughput: None, missing: Vec::new() } };
        let (Some(setup), Some(proof)) = (&fit.setup, &fit.proof) else {
            return Self { model, traffic: Some(traffic), throughput: None, missing: fit.missing().to_vec() };
        };
        let below = |indicator| fit.model.objectives.get(&indicator).and_then(|o| o.below).map(|below| below.seconds());
        let asked = throughput::estimate(&Question {
            setup,
            proof,
            gpu: fit.pool.gpu,
            input_tokens: traffic.input_tokens(),
            output_tokens: traffic.output_tokens(),
            cached_share: traffic.cached_share(),
            ttft_seconds: below(Indicator::Ttft),
            tpot_seconds: below(Indicator::Tpot),
        });
        match asked {
            Ok(throughput) => Self { model, traffic: Some(traffic), throughput: Some(throughput), missing: Vec::new() },
            Err(missing) => Self { model, traffic: Some(traffic), throughput: None, missing },
        }
    }
}

/// The capacities of the models that `fits` are about.
pub fn of_stack(stack: &Stack, fits: &[Fit<'_>]) -> Vec<Capacity> {
    of_stack_in(stack, fits, Scenario::default())
}

/// The same in `scenario`.
pub fn of_stack_in(stack: &Stack, fits: &[Fit<'_>], scenario: Scenario) -> Vec<Capacity> {
    let mut traffic = traffic::of_stack_in(stack, scenario);
    fits.iter().map(|fit| Capacity::of(fit, traffic.remove(&Target::Model(fit.model.name.clone())))).collect()
}
