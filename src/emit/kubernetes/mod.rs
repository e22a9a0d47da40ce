//! Kubernetes objects for each model, the prompts as ConfigMaps, and the kustomization.

mod container;
mod deployment;
pub(super) mod labels;
pub(super) mod network_policy;
mod persistent_volume_claim;
mod pod;
mod pod_disruption_budget;
mod pod_monitor;
mod prompts;
mod scaled_object;
mod service;
mod service_account;
mod timing;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde_json::{Value, json};

pub(super) use labels::with_digest;

use super::Emitted;
use crate::stack::{Model, Stack};

/// Component of a model's objects.
const COMPONENT: &str = "model";

/// Name of a model's only port, in its pods and its Service.
const PORT: &str = "http";

/// The objects of every model, and the prompts.
pub(super) fn emit(stack: &Stack) -> Emitted {
    let mut out = Emitted::default();
    for model in stack.models.values() {
        let mut object = |kind: &str, value: Value| out.object(format!("kubernetes/{}/{kind}.yaml", model.name), value);
        object("service-account", service_account::service_account(stack, model));
        object("persistent-volume-claim", persistent_volume_claim::persistent_volume_claim(stack, model));
        object("deployment", deployment::deployment(stack, model));
        object("service", service::service(stack, model));
        object("pod-disruption-budget", pod_disruption_budget::pod_disruption_budget(stack, model));
        object("network-policy", network_policy::network_policy(stack, model));
        object("pod-monitor", pod_monitor::pod_monitor(stack, model));
        if let Some(scaled) = scaled_object::scaled_object(stack, model) {
            object("scaled-object", scaled);
        }
    }
    prompts::emit(stack, &mut out);
    out
}

/// The kustomization over the objects at `paths`.
pub(super) fn kustomization(stack: &Stack, paths: &[&str]) -> Value {
    json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": stack.namespace,
        "resources": paths,
    })
}

/// Name of every object of a model.
fn name_of(stack: &Stack, model: &Model) -> String {
    stack.object_name(&model.name)
}

/// Metadata of every object of a model.
fn metadata(stack: &Stack, model: &Model) -> ObjectMeta {
    labels::metadata(stack, COMPONENT, &model.name, &name_of(stack, model))
}

/// Selector of a model's pods.
fn pods(stack: &Stack, model: &Model) -> LabelSelector {
    LabelSelector { match_labels: Some(labels::selector(stack, COMPONENT, &model.name)), ..LabelSelector::default() }
}

/// A number for the API, whose integers are signed.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
