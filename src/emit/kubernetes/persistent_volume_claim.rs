//! The volume that keeps a model's weights between restarts.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use crate::emit::yaml::value;
use crate::stack::{AccessMode, Model, Stack};

pub(super) fn persistent_volume_claim(stack: &Stack, model: &Model) -> Value {
    let access = match model.cache.access {
        AccessMode::ReadWriteOnce => "ReadWriteOnce",
        AccessMode::ReadWriteMany => "ReadWriteMany",
    };
    let size = Quantity(format!("{}Gi", model.cache.size_gib));
    value(&PersistentVolumeClaim {
        metadata: super::workload(stack, model).metadata(),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![access.into()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".into(), size)])),
                ..VolumeResourceRequirements::default()
            }),
            storage_class_name: model.cache.storage_class.clone(),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    })
}
