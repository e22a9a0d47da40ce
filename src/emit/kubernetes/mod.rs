//! Kubernetes objects for each model, the prompts as ConfigMaps, and the kustomization.

pub(in crate::emit) mod labels;
mod service;

use serde_json::{Value, json};

pub(super) use labels::with_digest;

use super::Emitted;
use crate::stack::Stack;

/// The objects of every model.
pub(super) fn emit(stack: &Stack) -> Emitted {
    let mut out = Emitted::default();
    for model in stack.models.values() {
        let folder = format!("kubernetes/{}", model.name);
        out.object(format!("{folder}/service.yaml"), service::service(stack, model));
    }
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
