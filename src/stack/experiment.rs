//! Experiments of a resolved stack.

use std::collections::BTreeMap;

use crate::spec::{Attribute, Better, Day, Duration, ExperimentState, Guard, Holdout, Metric};

/// Parts that all users are dealt into: a hundredth of a percent is one.
pub const PARTS: u32 = 10_000;

/// Versions of a route's prompt that are tried on shares of its users.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Name of the block; also the key of its flag.
    pub name: String,
    /// Name of the route.
    pub route: String,
    /// Name of the route's prompt.
    pub prompt: String,
    /// Whether users take part.
    pub state: ExperimentState,
    /// What is compared, by name; each owns as many parts as its weight, in this order.
    pub arms: BTreeMap<String, Arm>,
    /// Name of the arm that the others are compared with; one of `arms`.
    pub control: String,
    /// What decides, by name.
    pub metrics: BTreeMap<String, Metric>,
    /// What must not get worse, by name.
    pub guards: BTreeMap<String, Guard>,
    /// Probability to see the smallest effect of interest.
    pub power: f64,
    /// Probability to see an effect where there is none, two-sided.
    pub alpha: f64,
    /// Shortest run.
    pub at_least: Duration,
    /// Users of the audience on a day, if stated.
    pub users_per_day: Option<u64>,
    /// Percent of users on other arms than the control, by step; never empty.
    pub ramp: Vec<f64>,
    /// Step that holds, from 1 and within the ramp.
    pub step: u32,
    /// Revision of the assignment.
    pub revision: u32,
    /// Users who take part in nothing.
    pub holdout: Option<Holdout>,
    /// Who takes part, by attribute.
    pub audience: BTreeMap<String, Attribute>,
    /// First day, if stated.
    pub starts: Option<Day>,
    /// Last day, if stated.
    pub ends: Option<Day>,
}

/// One of the things that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Version of the prompt.
    pub version: String,
    /// Parts that it owns.
    pub slot_parts: u32,
    /// Parts of those whose users get it at the present step; the rest gets what is live and is not counted.
    pub active_parts: u32,
}

/// Which direction of `guard` is an improvement: what its spec says, or what a guard of that name always means.
/// Nothing where only the spec could know.
pub fn improvement(name: &str, guard: &Guard) -> Option<Better> {
    guard.better.or(match name {
        "ttft" | "tpot" | "e2e" => Some(Better::Lower),
        "availability" => Some(Better::Higher),
        _ => None,
    })
}

impl Experiment {
    /// Text before the user's name in what is hashed; a new revision deals all users anew.
    pub fn salt(&self) -> String {
        format!("{}:{}:", self.name, self.revision)
    }

    /// Whether users take part.
    pub fn is_running(&self) -> bool {
        self.state == ExperimentState::Running
    }

    /// Arms beside the control, by name.
    pub fn treatments(&self) -> impl Iterator<Item = (&String, &Arm)> {
        self.arms.iter().filter(|(name, _)| **name != self.control)
    }
}
