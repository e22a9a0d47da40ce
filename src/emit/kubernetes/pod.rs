//! The pod of a model: identity, placement and volumes.

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, Toleration, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{container, timing, workload};
use crate::emit::workload::pod as parts;
use crate::engine;
use crate::stack::{Model, Stack, Taint, TaintEffect, TolerationOperator};

/// Most GiB of compiled kernels and other files below the home.
const HOME_GIB: u32 = 20;
/// Most GiB of temporary files.
const TMP_GIB: u32 = 10;

pub(super) fn pod(stack: &Stack, model: &Model) -> PodSpec {
    let pool = stack.pools.get(&model.pool);
    PodSpec {
        security_context: Some(security(model)),
        node_selector: pool.map(|p| p.node_selector.clone()),
        tolerations: pool.map(|p| p.tolerations.iter().map(toleration).collect()).filter(|t: &Vec<_>| !t.is_empty()),
        termination_grace_period_seconds: Some(timing::grace_seconds(model.drain_seconds).into()),
        containers: vec![container::container(model)],
        volumes: Some(volumes(stack, model)),
        ..workload(stack, model).pod()
    }
}

fn security(model: &Model) -> PodSecurityContext {
    let user = engine::of(model.engine).user();
    PodSecurityContext {
        fs_group: Some(user.group.into()),
        // A cache of many gigabytes is not walked through at every start.
        fs_group_change_policy: Some("OnRootMismatch".into()),
        ..parts::security(user.id.into(), user.group.into())
    }
}

fn toleration(taint: &Taint) -> Toleration {
    let operator = taint.operator.unwrap_or(if taint.value.is_some() { TolerationOperator::Equal } else { TolerationOperator::Exists });
    let operator = match operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    };
    let effect = taint.effect.map(|effect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    });
    Toleration {
        key: Some(taint.key.clone()),
        operator: Some(operator.into()),
        value: taint.value.clone(),
        effect: effect.map(Into::into),
        ..Toleration::default()
    }
}

fn volumes(stack: &Stack, model: &Model) -> Vec<Volume> {
    let empty = |name: &str, medium: Option<&str>, gib: u32| Volume {
        name: name.into(),
        empty_dir: Some(EmptyDirVolumeSource { medium: medium.map(Into::into), size_limit: Some(Quantity(format!("{gib}Gi"))) }),
        ..Volume::default()
    };
    let cache = Volume {
        name: "cache".into(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: workload(stack, model).object_name,
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    };
    // What is written here counts towards the container's memory limit.
    let shared_memory = empty("shm", Some("Memory"), model.shared_memory_gib);
    vec![cache, empty("home", None, HOME_GIB), shared_memory, empty("tmp", None, TMP_GIB)]
}

/// Where the container sees the volumes of `volumes`.
pub(super) fn mounts(model: &Model) -> Vec<VolumeMount> {
    let engine = engine::of(model.engine);
    let places = [("cache", engine.cache_path()), ("home", engine.home_path()), ("shm", "/dev/shm"), ("tmp", "/tmp")];
    places.map(|(name, path)| VolumeMount { name: name.into(), mount_path: path.into(), ..VolumeMount::default() }).into()
}
