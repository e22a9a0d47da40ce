//! The Service in front of a model's pods.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::labels;
use crate::emit::yaml::value;
use crate::engine;
use crate::stack::{Model, Stack};

pub(super) fn service(stack: &Stack, model: &Model) -> Value {
    let port = i32::from(engine::of(model.engine).port());
    value(&Service {
        metadata: super::metadata(stack, model),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(labels::selector(stack, super::COMPONENT, &model.name)),
            ports: Some(vec![ServicePort {
                name: Some(super::PORT.into()),
                port,
                target_port: Some(IntOrString::String(super::PORT.into())),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}
