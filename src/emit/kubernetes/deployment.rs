//! The Deployment of a model.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::{labels, pod, scaled_object, signed, timing};
use crate::emit::yaml::value;
use crate::stack::{Model, Stack};

/// Old ReplicaSets that are kept to go back to.
const REVISIONS: i32 = 5;

pub(super) fn deployment(stack: &Stack, model: &Model) -> Value {
    let is_scaled = scaled_object::gauge(model).is_some();
    value(&Deployment {
        metadata: super::metadata(stack, model),
        spec: Some(DeploymentSpec {
            // An autoscaler's number must not be reset by the next delivery.
            replicas: (!is_scaled).then(|| signed(model.replicas.min)),
            strategy: Some(strategy(model)),
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

/// The new pod first where it finds a place, else the old pod's end first: a pod that waits for
/// what only the rollout itself can free would wait for ever.
fn strategy(model: &Model) -> DeploymentStrategy {
    let (surge, unavailable) = if model.can_surge { (1, 0) } else { (0, 1) };
    DeploymentStrategy {
        type_: Some("RollingUpdate".into()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(surge)),
            max_unavailable: Some(IntOrString::Int(unavailable)),
        }),
    }
}
