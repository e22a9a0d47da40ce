//! Experiments: which users get which version of a prompt, and what would show that one is better.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, Duration, Resources};

/// Versions of a route's prompt that are tried on shares of its users.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Experiment {
    /// Name of the route whose users take part.
    pub route: String,
    /// Whether users take part. Default: `running`.
    #[serde(default)]
    pub state: ExperimentState,
    /// What is compared, by name. The weights sum to 100.
    #[schemars(length(min = 2, max = 20))]
    pub variant: BTreeMap<String, Variant>,
    /// Name of the variant that the others are compared with. Default: `control`.
    #[serde(default = "control")]
    pub control: String,
    /// What decides, by name; with several, each is corrected for the others (Holm).
    #[schemars(length(min = 1))]
    pub metric: BTreeMap<String, Metric>,
    /// What must not get worse, by name.
    #[serde(default)]
    pub guard: BTreeMap<String, Guard>,
    /// Probability to see the smallest effect of interest where there is one. Default: 0.8.
    #[serde(default = "power")]
    #[schemars(range(min = 0.5, max = 0.999))]
    pub power: f64,
    /// Probability to see an effect where there is none, two-sided. Default: 0.05.
    #[serde(default = "alpha")]
    #[schemars(range(min = 0.0001, max = 0.2))]
    pub alpha: f64,
    /// Shortest run. Default: `7d`, so that every day of the week counts alike.
    #[serde(default = "seven_days")]
    pub at_least: Duration,
    /// Users that call the route on a day, of those whom `audience` lets in. Default: not known, so no
    /// duration can be stated.
    #[schemars(range(min = 1, max = 10_000_000_000_u64))]
    pub users_per_day: Option<u64>,
    /// Percent of the users that get another variant than the control, step after step; the last is 100
    /// less the weight of the control. Default: that last step alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 0.01, max = 100.0)))]
    pub ramp: Vec<f64>,
    /// Step of the ramp that holds now, from 1. Each step is a change of its own. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub step: u32,
    /// Revision of the assignment: a new one deals all users anew. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub revision: u32,
    /// Users that take part in no experiment with the same name of a holdout. Default: none.
    pub holdout: Option<Holdout>,
    /// Which users take part, by attributes that the application sends. Default: all.
    #[serde(default)]
    pub audience: BTreeMap<String, Attribute>,
    /// First day. Default: not known.
    pub starts: Option<Day>,
    /// Last day, after which an alert asks for the decision. Default: none, so nobody is reminded.
    pub ends: Option<Day>,
}

/// Whether users take part in an experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExperimentState {
    /// They do.
    #[default]
    Running,
    /// Everybody gets what is live, and nobody is counted.
    Stopped,
}

/// One of the things that are compared.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variant {
    /// Percent of the users at the last step of the ramp, in hundredths at the finest.
    #[schemars(range(min = 0.01, max = 99.99))]
    pub weight: f64,
    /// Version of the route's prompt.
    pub prompt: String,
}

/// What decides an experiment: a mean over users, or a share of them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Metric {
    /// Mean of a user today, or the share of users, above 0 and below 1, where there is no `deviation`.
    #[schemars(range(min = -1e12, max = 1e12))]
    pub baseline: f64,
    /// Standard deviation between users. Default: the metric is a share of users, which says it.
    #[schemars(range(min = 1e-12, max = 1e12))]
    pub deviation: Option<f64>,
    /// Smallest difference from the baseline that matters, in the metric's unit.
    #[schemars(range(min = 1e-12, max = 1e12))]
    pub minimum_effect: f64,
    /// Whether more of it is better. Default: `higher`.
    #[serde(default)]
    pub better: Better,
}

/// Which direction is an improvement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// More is better.
    #[default]
    Higher,
    /// Less is better.
    Lower,
}

/// What must not get worse while an experiment runs.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Guard {
    /// Greatest loss that is let pass, as a share of the control's value.
    #[schemars(range(min = 0.0001, max = 10.0))]
    pub worse_by: f64,
    /// Whether more of it is better. Default: `lower` for `ttft`, `tpot` and `e2e`, `higher` for `availability`;
    /// of any other it must be said.
    pub better: Option<Better>,
}

/// Users that take part in nothing, so that what all experiments did together can be seen.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-argument" = "name"))]
pub struct Holdout {
    /// Its name; experiments with the same name hold out the same users.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,62}$"))]
    pub name: String,
    /// Percent of the users, in hundredths at the finest.
    #[schemars(range(min = 0.01, max = 50.0))]
    pub percent: f64,
}

/// Values of an attribute.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Attribute {
    /// Only users with one of these values take part. Default: all.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// Users with one of these values do not. Default: none.
    #[serde(default)]
    pub none_of: Vec<String>,
}

fn control() -> String {
    "control".into()
}

fn power() -> f64 {
    0.8
}

fn alpha() -> f64 {
    0.05
}

fn seven_days() -> Duration {
    Duration::from_seconds(7 * 86_400)
}

fn one() -> u32 {
    1
}

/// The server that says which user gets which variant; it runs where a stack has experiments.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Flagd {
    /// Image. Default: `ghcr.io/open-feature/flagd:v0.16.1`.
    #[schemars(length(min = 1, max = 1024))]
    pub image: String,
    /// How that image, and every client that evaluates by itself, deals users out: `v2` up to flagd core
    /// 0.16, `v3` from the releases that hash canonical CBOR. Default: `v2`.
    pub hash: HashGeneration,
    /// Copies. Default: 2.
    #[schemars(range(min = 1, max = 100))]
    pub replicas: u32,
    /// CPU and memory of each copy. Default: 100m and 128Mi.
    pub resources: Resources,
}

impl Default for Flagd {
    fn default() -> Self {
        Self {
            image: "ghcr.io/open-feature/flagd:v0.16.1".into(),
            hash: HashGeneration::V2,
            replicas: 2,
            resources: Resources { cpu: "100m".into(), memory: "128Mi".into() },
        }
    }
}

/// How a user becomes a number: the two differ for every user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HashGeneration {
    /// MurmurHash3 of the text.
    #[default]
    V2,
    /// MurmurHash3 of the canonical CBOR of the text.
    V3,
}
