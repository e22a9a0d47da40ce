//! Kubernetes objects for each model, the prompts as ConfigMaps, and the kustomization.

mod container;
mod deployment;
mod network_policy;
mod persistent_volume_claim;
mod pod;
mod pod_monitor;
pub(in crate::emit) mod prompts;
mod scaled_object;
mod timing;

use serde_json::{Value, json};

use super::workload::Workload;
use super::{Emitted, labels};
use crate::engine;
use crate::stack::{Model, Stack};

/// The objects of every model, and the prompts.
pub(super) fn emit(stack: &Stack) -> Emitted {
    let mut out = Emitted::default();
    for model in stack.models.values() {
        let workload = workload(stack, model);
        let mut object = |kind: &str, value: Value| out.object(format!("kubernetes/{}/{kind}.yaml", model.name), value);
        object("service-account", workload.service_account());
        object("persistent-volume-claim", persistent_volume_claim::persistent_volume_claim(stack, model));
        object("deployment", deployment::deployment(stack, model));
        object("service", workload.service(engine::of(model.engine).port()));
        // A pod that never became ready serves nobody, so a drain need not wait for it.
        object("pod-disruption-budget", workload.disruption_budget());
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

/// The Deployment of a model and what stands around it.
fn workload<'a>(stack: &'a Stack, model: &'a Model) -> Workload<'a> {
    Workload { stack, component: labels::MODEL, name: &model.name, object_name: stack.object_name(&model.name) }
}
