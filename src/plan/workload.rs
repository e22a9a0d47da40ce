//! A Deployment as a rollout sees it: how many pods, what each needs, and how they are replaced.

use std::collections::BTreeSet;

use serde_json::Value;

use super::objects::Object;
use super::types::Copies;

/// Component label of a part of a stack.
const COMPONENT: &str = "app.kubernetes.io/component";
/// Component of the server that deals users out to the arms of experiments.
const FLAGD: &str = "flagd";
/// Label with the name of the block that an object was made for.
const BLOCK: &str = "app.kubernetes.io/name";
/// The resource that is a GPU.
const GPU: &str = "nvidia.com/gpu";
/// KEDA's greatest number of copies where a ScaledObject names none.
const KEDA_MAX: u64 = 100;
/// Kubernetes' defaults of a probe: seconds between two, and failures that count as one.
const PROBE: (u64, u64) = (10, 3);
/// Kubernetes' default grace period, in seconds.
const GRACE_SECONDS: u64 = 30;
/// Kubernetes' default of both parts of a rolling update, in percent.
const ROLLING_PERCENT: u64 = 25;

/// A Deployment and what scales it.
#[derive(Debug)]
pub(super) struct Workload<'a> {
    /// The Deployment.
    pub(super) object: &'a Object,
    /// `model`, `guardrails` or `flagd`, for those that were compiled.
    pub(super) component: Option<&'a str>,
    /// Name of the block that it was made for, or else its own.
    pub(super) block: &'a str,
    /// Number of pods.
    pub(super) copies: Copies,
    /// Whether an autoscaler decides it.
    pub(super) is_scaled: bool,
    /// GPUs of each pod.
    pub(super) gpus: u64,
    /// Longest time until a pod is ready, in seconds: its startup probe's.
    pub(super) startup_seconds: u64,
    /// Longest time until a pod has ended, in seconds.
    pub(super) grace_seconds: u64,
    /// Claims that its pods mount.
    pub(super) claims: BTreeSet<&'a str>,
}

impl<'a> Workload<'a> {
    /// `object` as a workload, with the ScaledObject among `all` that scales it; `None` where it is
    /// no Deployment.
    pub(super) fn of(object: &'a Object, all: &'a [Object]) -> Option<Self> {
        if object.group() != "apps" || object.kind != "Deployment" {
            return None;
        }
        let component = object.label(COMPONENT).filter(|component| matches!(*component, "model" | "guardrails" | FLAGD));
        let scaled = all.iter().find(|scaled| scales(scaled, object));
        let replicas = number(&object.value, "/spec/replicas").unwrap_or(1);
        let copies = scaled.map_or(Copies { min: replicas, max: replicas }, |scaled| {
            let (min, max) = (number(&scaled.value, "/spec/minReplicaCount"), number(&scaled.value, "/spec/maxReplicaCount"));
            let min = min.unwrap_or(0);
            Copies { min, max: max.unwrap_or(KEDA_MAX).max(min) }
        });
        let containers = |kind: &str| items(&object.value, &format!("/spec/template/spec/{kind}"));
        let gpus_of =
            |container: &Value| container.pointer("/resources/limits").and_then(|limits| limits.get(GPU)).and_then(whole).unwrap_or(0);
        let together = containers("containers").iter().map(gpus_of).fold(0, u64::saturating_add);
        let before = containers("initContainers").iter().map(gpus_of).max().unwrap_or(0);
        Some(Self {
            object,
            component,
            block: component.and_then(|_| object.label(BLOCK)).unwrap_or(&object.name),
            copies,
            is_scaled: scaled.is_some(),
            gpus: together.max(before),
            startup_seconds: containers("containers").iter().map(startup_seconds).max().unwrap_or(0),
            grace_seconds: number(&object.value, "/spec/template/spec/terminationGracePeriodSeconds").unwrap_or(GRACE_SECONDS),
            claims: items(&object.value, "/spec/template/spec/volumes")
                .iter()
                .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str())
                .collect(),
        })
    }

    /// Route of its block; empty where none is known.
    pub(super) fn route(&self) -> String {
        match self.component {
            // A stack has one, whose block has no name.
            Some(FLAGD) => format!("/{FLAGD}"),
            Some(component) => format!("/{component}/{}", self.block),
            None => String::new(),
        }
    }

    /// Pods that are started above `copies` and that may be missing meanwhile.
    pub(super) fn rolling(&self, copies: u64) -> (u64, u64) {
        let strategy = self.object.value.pointer("/spec/strategy");
        if strategy.and_then(|strategy| strategy.get("type")).and_then(Value::as_str) == Some("Recreate") {
            return (0, copies);
        }
        let part = |name: &str, round_up: bool| {
            let value = strategy.and_then(|strategy| strategy.pointer(&format!("/rollingUpdate/{name}")));
            let percent = |percent: u64| {
                let hundredths = percent.min(100).saturating_mul(copies);
                if round_up { hundredths.div_ceil(100) } else { hundredths / 100 }
            };
            match value {
                Some(Value::String(text)) if text.ends_with('%') => percent(text.trim_end_matches('%').parse().unwrap_or(ROLLING_PERCENT)),
                Some(value) => whole(value).unwrap_or(0),
                None => percent(ROLLING_PERCENT),
            }
        };
        match (part("maxSurge", true), part("maxUnavailable", false)) {
            // The controller makes one pod unavailable where rounding would stop the rollout.
            (0, 0) => (0, 1),
            (surge, unavailable) => (surge.min(copies.max(1)), unavailable.min(copies)),
        }
    }
}

/// Whether `scaled` is a ScaledObject that decides the number of pods of `deployment`.
pub(super) fn scales(scaled: &Object, deployment: &Object) -> bool {
    let target = |field: &str| scaled.value.pointer(&format!("/spec/scaleTargetRef/{field}")).and_then(Value::as_str);
    scaled.kind == "ScaledObject"
        && scaled.group() == "keda.sh"
        && scaled.namespace == deployment.namespace
        && target("name") == Some(deployment.name.as_str())
        && target("kind").is_none_or(|kind| kind == "Deployment")
}

/// The whole of a startup probe.
fn startup_seconds(container: &Value) -> u64 {
    let Some(probe) = container.get("startupProbe") else { return 0 };
    let of = |field: &str, default| number(probe, &format!("/{field}")).unwrap_or(default);
    of("periodSeconds", PROBE.0).saturating_mul(of("failureThreshold", PROBE.1)).saturating_add(of("initialDelaySeconds", 0))
}

fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(whole)
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Workload;
    use crate::plan::objects::Object;
    use crate::plan::types::Copies;

    fn deployment(spec: &Value) -> Object {
        let metadata = json!({ "name": "s-m", "labels": { "app.kubernetes.io/component": "model", "app.kubernetes.io/name": "m" } });
        Object::of("d.yaml", json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec }))
            .expect("an object")
    }

    fn scaled(spec: &Value) -> Object {
        let mut spec = spec.clone();
        spec["scaleTargetRef"] = json!({ "name": "s-m" });
        Object::of("s.yaml", json!({ "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": { "name": "s" }, "spec": spec }))
            .expect("an object")
    }

    #[test]
    fn defaults_are_those_of_kubernetes_and_keda() {
        let object = deployment(&json!({}));
        let workload = Workload::of(&object, &[]).expect("a workload");
        assert_eq!(
            (workload.copies, workload.gpus, workload.startup_seconds, workload.grace_seconds),
            (Copies { min: 1, max: 1 }, 0, 0, 30)
        );
        assert_eq!((workload.route().as_str(), workload.rolling(1), workload.rolling(10)), ("/model/m", (1, 0), (3, 2)));
        let all = [scaled(&json!({}))];
        assert_eq!(Workload::of(&object, &all).expect("a workload").copies, Copies { min: 0, max: 100 });
        let all = [scaled(&json!({ "minReplicaCount": 2, "maxReplicaCount": 5 }))];
        let workload = Workload::of(&object, &all).expect("a workload");
        assert_eq!((workload.copies, workload.is_scaled), (Copies { min: 2, max: 5 }, true));
    }

    #[test]
    fn containers_add_up_and_init_containers_do_not() {
        let gpus = |n: Value| json!({ "resources": { "limits": { "nvidia.com/gpu": n } }, "startupProbe": { "periodSeconds": 10, "failureThreshold": 6, "initialDelaySeconds": 5 } });
        let pod = json!({ "containers": [gpus(json!("4")), gpus(json!(2))], "initContainers": [gpus(json!(1))], "terminationGracePeriodSeconds": 60 });
        let object = deployment(&json!({ "template": { "spec": pod } }));
        let workload = Workload::of(&object, &[]).expect("a workload");
        assert_eq!((workload.gpus, workload.startup_seconds, workload.grace_seconds), (6, 65, 60));
    }

    #[test]
    fn strategies_are_resolved_as_the_controller_does() {
        let rolling =
            |strategy: Value, copies| Workload::of(&deployment(&json!({ "strategy": strategy })), &[]).expect("a workload").rolling(copies);
        let parts = |surge: Value, unavailable: Value| json!({ "rollingUpdate": { "maxSurge": surge, "maxUnavailable": unavailable } });
        assert_eq!(rolling(parts(json!(1), json!(0)), 3), (1, 0));
        assert_eq!(rolling(parts(json!(0), json!(1)), 3), (0, 1));
        assert_eq!(rolling(parts(json!("50%"), json!("50%")), 3), (2, 1));
        assert_eq!(rolling(parts(json!(0), json!("10%")), 3), (0, 1), "rounding must not stop it");
        assert_eq!(rolling(json!({ "type": "Recreate" }), 3), (0, 3));
        assert_eq!(rolling(parts(json!("x%"), json!(-1)), 4), (1, 0), "what is no number is the default or nothing");
        assert_eq!(rolling(parts(json!(u64::MAX), json!(u64::MAX)), 4), (4, 4));
    }
}
