//! GPU pools: where models may run and what that costs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, Money, Reserved, Spot};

/// A group of equal nodes with GPUs.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-planned" = ["mig"]))]
pub struct Pool {
    /// GPU model, by its name in the catalogue, such as `a100-80gb-sxm` or `h100-80gb-sxm`.
    pub gpu: String,
    /// Memory of one GPU in GiB as the GPU itself reports it, such as `79.18` for an H100 (bytes of
    /// `torch.cuda.mem_get_info()` by 2^30). Default: what such cards were seen to report, with bounds.
    #[schemars(range(min = 1.0, max = 10_000.0))]
    pub gpu_memory_gib: Option<f64>,
    /// Number of nodes.
    #[schemars(range(min = 1, max = 100_000))]
    pub nodes: u32,
    /// GPUs of each node.
    #[schemars(range(min = 1, max = 64))]
    pub gpus_per_node: u32,
    /// Price of one GPU for one hour on demand, in `currency`. Default: that of the list of prices.
    pub price_per_gpu_hour: Option<Money>,
    /// Day on which the pool's prices held. Default: not known, so they never grow old.
    pub priced_on: Option<Day>,
    /// Currency of the pool's prices, as an ISO 4217 code. Default: that of the budget.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: Option<String>,
    /// GPUs that are paid for whether they are used or not. Default: none.
    pub reserved: Option<Reserved>,
    /// GPUs that may be taken away at any time. Default: none.
    pub spot: Option<Spot>,
    /// Labels that a node of this pool has. Default: the GPU's `nvidia.com/gpu.product` label.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of the pool's nodes that the pods tolerate. Default: none.
    #[serde(default)]
    pub toleration: Vec<Taint>,
    /// Bandwidth from the model hub to a node, in MiB/s. Default: 100.
    #[serde(default = "default_download")]
    #[schemars(range(min = 1, max = 100_000))]
    pub download_mib_per_second: u32,
    /// Bandwidth from the cache volume into GPU memory, in MiB/s. Default: 500.
    #[serde(default = "default_load")]
    #[schemars(range(min = 1, max = 100_000))]
    pub load_mib_per_second: u32,
}

fn default_download() -> u32 {
    100
}

fn default_load() -> u32 {
    500
}

/// A taint that pods of the pool tolerate.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Taint {
    /// Key of the taint.
    pub key: String,
    /// How the value is compared. Default: `Exists` without a value, `Equal` with one.
    pub operator: Option<TolerationOperator>,
    /// Value of the taint. Default: any value.
    pub value: Option<String>,
    /// Effect of the taint. Default: every effect.
    pub effect: Option<TaintEffect>,
}

/// How a toleration compares the taint's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TolerationOperator {
    /// Any value.
    Exists,
    /// The given value.
    Equal,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TaintEffect {
    /// They are not scheduled.
    NoSchedule,
    /// They are scheduled only as a last resort.
    PreferNoSchedule,
    /// They are evicted.
    NoExecute,
}
