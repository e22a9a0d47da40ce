//! The pod of a model: identity, placement and volumes.

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, SeccompProfile, Toleration,
    TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{container, timing};
use crate::engine;
use crate::stack::{Model, Stack, Taint};

/// Nodes first, so that one node's end takes as few copies as can be, then zones.
const SPREAD_OVER: [&str; 2] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];
/// Most GiB of compiled kernels and other files below the home.
const HOME_GIB: u32 = 20;
/// Most GiB of temporary files.
const TMP_GIB: u32 = 10;

pub(super) fn pod(stack: &Stack, model: &Model) -> PodSpec {
    let pool = stack.pools.get(&model.pool);
    PodSpec {
        service_account_name: Some(super::name_of(stack, model)),
        automount_service_account_token: Some(false),
        // Variables of every Service of the namespace, some of them named like vLLM's own.
        enable_service_links: Some(false),
        security_context: Some(security(model)),
        node_selector: pool.map(|p| p.node_selector.clone()),
        tolerations: pool.map(|p| p.tolerations.iter().map(toleration).collect()).filter(|t: &Vec<_>| !t.is_empty()),
        topology_spread_constraints: Some(SPREAD_OVER.map(|key| spread(stack, model, key)).into()),
        termination_grace_period_seconds: Some(timing::grace_seconds(model.drain_seconds).into()),
        containers: vec![container::container(model)],
        volumes: Some(volumes(stack, model)),
        ..PodSpec::default()
    }
}

fn security(model: &Model) -> PodSecurityContext {
    let user = engine::of(model.engine).user();
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user.id.into()),
        run_as_group: Some(user.group.into()),
        fs_group: Some(user.group.into()),
        // A cache of many gigabytes is not walked through at every start.
        fs_group_change_policy: Some("OnRootMismatch".into()),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
        ..PodSecurityContext::default()
    }
}

fn toleration(taint: &Taint) -> Toleration {
    use crate::spec::{TaintEffect, TolerationOperator};
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

/// A wish, not a condition: free GPUs count for more than an even spread.
fn spread(stack: &Stack, model: &Model, key: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.into(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(super::pods(stack, model)),
        ..TopologySpreadConstraint::default()
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
            claim_name: super::name_of(stack, model),
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
