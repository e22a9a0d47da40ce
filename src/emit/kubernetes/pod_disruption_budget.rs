//! How many pods of a model a node drain may take away at once.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use crate::emit::yaml::value;
use crate::stack::{Model, Stack};

pub(super) fn pod_disruption_budget(stack: &Stack, model: &Model) -> Value {
    value(&PodDisruptionBudget {
        metadata: super::metadata(stack, model),
        spec: Some(PodDisruptionBudgetSpec {
            // One at a time; with a `minAvailable` a single copy would block every node upgrade.
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(super::pods(stack, model)),
            // A pod that never became ready serves nobody, so a drain need not wait for it.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
