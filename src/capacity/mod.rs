//! What reaches each model, and how many copies it takes to serve that.
//!
//! [`Traffic`] is what applications send, after caches and tiers, with the checks of guardrails on top;
//! [`Capacity`] holds it against the roofline of one copy. The checks, `llmc cost` and the plan read both.

mod traffic;

pub use traffic::{
    Counted, Flow, Purpose, Routed, Scenario, Traffic, load_of_route, of_routes as traffic_of_routes, of_stack as traffic_of_stack,
    of_stack_in as traffic_of_stack_in, reaches,
};

pub use crate::estimate::throughput::{Bound, Limit};

use crate::catalog::Gpu;
use crate::estimate::memory::{Proof, Setup};
use crate::estimate::throughput::{self, Question, Throughput};
use crate::fit::Fit;
use crate::stack::{Indicator, Model, Stack, Target};

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
        let asked = one_copy(fit.model, setup, proof, fit.pool.gpu, &traffic);
        match asked {
            Ok(throughput) => Self { model, traffic: Some(traffic), throughput: Some(throughput), missing: Vec::new() },
            Err(missing) => Self { model, traffic: Some(traffic), throughput: None, missing },
        }
    }

    /// Copies that serve the busy hour, if each does what `bound` says; none where that is not known.
    /// It is not clamped to the least and the greatest number of copies.
    pub fn copies_needed(&self, bound: Bound) -> Option<u64> {
        let rate = self.traffic.as_ref()?.requests_per_second();
        let copies = (rate / self.throughput.as_ref()?.requests_per_second.at(bound)).ceil();
        // Beyond 2^53 whole numbers of that type have gaps.
        (0.0..9.0e15).contains(&copies).then_some(copies as u64)
    }
}

/// The capacity of the model `name`.
pub fn of_model<'a>(capacities: &'a [Capacity], name: &str) -> Option<&'a Capacity> {
    capacities.iter().find(|capacity| capacity.model == name)
}

/// What one copy of `model` does with its `traffic`, if it had these settings on this GPU.
///
/// # Errors
/// What is not known, in words.
pub fn one_copy(model: &Model, setup: &Setup<'_>, proof: &Proof, gpu: &Gpu, traffic: &Traffic) -> Result<Throughput, Vec<String>> {
    let below = |indicator| model.objectives.get(&indicator).and_then(|objective| objective.below).map(|below| below.seconds());
    throughput::estimate(&Question {
        setup,
        proof,
        gpu,
        input_tokens: traffic.input_tokens(),
        output_tokens: traffic.output_tokens(),
        cached_share: traffic.cached_share(),
        tpot_seconds: below(Indicator::Tpot),
    })
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

#[cfg(test)]
mod tests {
    use super::{Bound, Capacity, Flow, Purpose, Throughput, Traffic};
    use crate::estimate::throughput::{Limit, Range};

    fn capacity(rate: f64) -> Capacity {
        let one = Range { low: 2.0, expected: 5.0, high: 10.0 };
        let flow = Flow {
            route: None,
            purpose: Purpose::Unrouted,
            requests_per_second: rate,
            input_tokens: 100.0,
            output_tokens: 100.0,
            cached_share: 0.0,
            load_factor: 1.0,
        };
        Capacity {
            model: "chat".to_owned(),
            traffic: Some(Traffic { flows: vec![flow], load_factor: 1.0, unknown_routes: Vec::new() }),
            throughput: Some(Throughput {
                requests_per_second: one,
                batch: one,
                ttft_seconds: one,
                tpot_seconds: one,
                prefill_share: 0.5,
                limit: Limit::Compute,
            }),
            missing: Vec::new(),
        }
    }

    #[test]
    fn copies_are_counted_up_and_unknown_where_the_number_is_none() {
        let needed = |rate| [Bound::Low, Bound::Expected, Bound::High].map(|bound| capacity(rate).copies_needed(bound));
        assert_eq!(needed(20.0), [Some(10), Some(4), Some(2)]);
        assert_eq!(needed(20.1), [Some(11), Some(5), Some(3)]);
        assert_eq!(needed(0.0), [Some(0); 3]);
        assert_eq!(needed(1e12)[1], Some(200_000_000_000));
        assert_eq!(needed(f64::NAN), [None; 3]);
        assert_eq!(needed(f64::MAX), [None; 3]);
        assert_eq!(Capacity { throughput: None, ..capacity(1.0) }.copies_needed(Bound::Low), None);
    }
}
