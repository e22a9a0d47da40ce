//! The Deployment of a model.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::{labels, pod, scaled_object, signed, timing};
use crate::emit::yaml::value;
use crate::stack::{AccessMode, Model, Stack};

/// Old ReplicaSets that are kept to go back to.
const REVISIONS: i32 = 5;

pub(super) fn deployment(stack: &Stack, model: &Model) -> Value {
    let is_scaled = scaled_object::gauge(model).is_some();
    value(&Deployment {
        metadata: super::metadata(stack, model),
        spec: Some(DeploymentSpec {
            // An autoscaler's number must not be reset by the next delivery.
            replicas: (!is_scaled).then(|| signed(model.replicas.min)),
            strategy: Some(strategy(stack, model)),
            revision_history_limit: Some(REVISIONS),
            progress_deadline_seconds: Some(signed(timing::progress_deadline_seconds(model.startup_seconds, model.drain_seconds))),
            selector: super::pods(stack, model),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    // Nothing else: an owner or a version here would restart GPUs when it changes.
                    labels: Some(labels::selector(stack, super::COMPONENT, &model.name)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod::pod(stack, model)),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    })
}

/// The new pod first where GPUs are free for it, else the old pod's end first: a pod that waits
/// for GPUs that only the rollout itself can free would wait for ever.
fn strategy(stack: &Stack, model: &Model) -> DeploymentStrategy {
    let (surge, unavailable) = if surges(stack, model) { (1, 0) } else { (0, 1) };
    DeploymentStrategy {
        type_: Some("RollingUpdate".into()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(surge)),
            max_unavailable: Some(IntOrString::Int(unavailable)),
        }),
    }
}

/// Whether a new pod can start beside all others: it needs GPUs, and its node the cache volume.
fn surges(stack: &Stack, model: &Model) -> bool {
    let one_node = stack.pools.get(&model.pool).is_some_and(|pool| pool.nodes == 1);
    model.can_surge && (one_node || model.cache.access == AccessMode::ReadWriteMany)
}
