//! Labels, annotations and metadata that every object shares.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::emit::manifest::sha256;
use crate::stack::Stack;

/// Annotation with the digest of the object that it stands on.
const DIGEST_ANNOTATION: &str = "llmc.dev/object-sha256";

/// Component of a model's objects.
pub(super) const MODEL: &str = "model";
/// Component of the objects that deal users out to the arms of experiments.
pub(super) const FLAGD: &str = "flagd";
/// Component of the objects of a guardrails server.
pub(super) const GUARDRAILS: &str = "guardrails";

/// Labels that choose the pods of one part of a stack. They never change with a version or a
/// digest, since a selector cannot be changed.
pub(super) fn selector(stack: &Stack, component: &str, name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("app.kubernetes.io/component".into(), component.into()),
        ("app.kubernetes.io/instance".into(), stack.name.clone()),
        ("app.kubernetes.io/name".into(), name.into()),
    ])
}

/// All labels of an object of that part.
pub(super) fn labels(stack: &Stack, component: &str, name: &str) -> BTreeMap<String, String> {
    let mut labels = selector(stack, component, name);
    labels.insert("app.kubernetes.io/managed-by".into(), "llmc".into());
    labels.insert("app.kubernetes.io/part-of".into(), stack.name.clone());
    labels.extend(stack.owner.iter().map(|owner| ("llmc.dev/owner".into(), owner.clone())));
    labels
}

/// Metadata of the object `object_name`.
pub(super) fn metadata(stack: &Stack, component: &str, name: &str, object_name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(object_name.to_owned()),
        namespace: Some(stack.namespace.clone()),
        labels: Some(labels(stack, component, name)),
        ..ObjectMeta::default()
    }
}

/// The object with the digest of itself in an annotation of its own metadata, never of a pod
/// template's, so that a new digest alone restarts nothing.
pub(super) fn with_digest(object: &Value) -> Value {
    let digest = sha256(object.to_string().as_bytes());
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(DIGEST_ANNOTATION.into(), digest.into());
        }
    }
    object
}

/// Annotation for an object whose name changes with its content: Argo CD, which otherwise deletes
/// first, deletes the old one only when all others are healthy. Until then old pods mount it, and a
/// pod that has to move could not start without it.
pub(super) fn pruned_last() -> (String, String) {
    ("argocd.argoproj.io/sync-options".into(), "PruneLast=true".into())
}
