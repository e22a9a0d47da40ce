//! The Deployment of a model.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use serde_json::Value;

use super::{pod, scaled_object, timing, workload};
use crate::emit::workload::{rolling_update, signed};
use crate::emit::yaml::value;
use crate::stack::{Model, Stack};

/// Old ReplicaSets that are kept to go back to.
const REVISIONS: i32 = 5;

pub(super) fn deployment(stack: &Stack, model: &Model) -> Value {
    let workload = workload(stack, model);
    let is_scaled = scaled_object::gauge(model).is_some();
    value(&Deployment {
        metadata: workload.metadata(),
        spec: Some(DeploymentSpec {
            // An autoscaler's number must not be reset by the next delivery.
            replicas: (!is_scaled).then(|| signed(model.replicas.min)),
            strategy: Some(strategy(model)),
            revision_history_limit: Some(REVISIONS),
            progress_deadline_seconds: Some(signed(timing::progress_deadline_seconds(model.startup_seconds, model.drain_seconds))),
            selector: workload.pods(),
            template: workload.template(pod::pod(stack, model)),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    })
}

/// The new pod first where it finds a place, else the old pod's end first: a pod that waits for
/// what only the rollout itself can free would wait for ever.
fn strategy(model: &Model) -> DeploymentStrategy {
    if model.can_surge { rolling_update(1, 0) } else { rolling_update(0, 1) }
}
