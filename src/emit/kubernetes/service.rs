//! The Service in front of a model's pods.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::labels;
use crate::emit::yaml::value;
use crate::engine;
use crate::stack::{Model, Stack};

/// Component of a model's objects.
pub(super) const COMPONENT: &str = "model";

pub(super) fn service(stack: &Stack, model: &Model) -> Value {
    let port = i32::from(engine::of(model.engine).port());
    value(&Service {
        metadata: labels::metadata(stack, COMPONENT, &model.name, &stack.object_name(&model.name)),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(labels::selector(stack, COMPONENT, &model.name)),
            ports: Some(vec![ServicePort {
                name: Some("http".into()),
                port,
                target_port: Some(IntOrString::String("http".into())),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}
