//! The flagd server as Kubernetes objects.
//!
//! Ports, paths and arguments are those of flagd 0.16 (`config/deployments/flagd` and `flagd start --help`).

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ConfigMapVolumeSource, Container, Lifecycle, PodSpec, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::emit::workload::network::{inward, namespace, tcp};
use crate::emit::workload::pod::{self, literal, named_port, probe_at};
use crate::emit::workload::{Workload, monitor, rolling_update, signed};
use crate::emit::yaml::value;
use crate::stack::Stack;

/// Evaluation over gRPC and Connect.
const EVALUATION: (&str, u16) = ("evaluation", 8013);
/// Health and metrics.
const MANAGEMENT: (&str, u16) = ("management", 8014);
/// Evaluation over plain HTTP: OpenFeature's remote evaluation protocol.
const OFREP: (&str, u16) = ("ofrep", 8016);
/// Folder that the flags are mounted at, and the file in it.
const CONFIG_PATH: &str = "/etc/flagd";
const CONFIG_KEY: &str = "flags.json";
/// The image's own user, which is nobody.
const USER_ID: i64 = 65532;
/// Seconds between a pod's removal from the Service and its end, for proxies to notice.
const PRE_STOP_SECONDS: u32 = 5;
/// Seconds for what is answered while the pod stops; an evaluation takes less than a millisecond.
const GRACE_SECONDS: u32 = 10;
/// Metrics and labels that rules read, as OpenTelemetry names them. The exporter gives the dots to a scraper
/// that takes any UTF-8, as Prometheus 3 does by default, and underscores to any other.
const DOTTED_METRICS: [&str; 2] = ["feature_flag.flagd.impression_total", "feature_flag.flagd.result.reason_total"];
const DOTTED_LABELS: [&str; 4] = ["feature_flag.key", "feature_flag.provider.name", "feature_flag.reason", "feature_flag.result.variant"];
/// Seconds after which a probe counts as failed.
const PROBE_TIMEOUT_SECONDS: u32 = 2;

/// Where applications reach the server: its host in the cluster, and the ports of its two protocols.
pub(in crate::emit) fn address(stack: &Stack) -> Value {
    let host = format!("{}.{}.svc", super::workload(stack).object_name, stack.namespace);
    json!({ "host": host, "ofrep_port": OFREP.1, "port": EVALUATION.1 })
}

/// The objects of the server `workload` that reads `flags`, by file name.
pub(super) fn objects(workload: &Workload<'_>, flags: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("config-map", config_map(workload, flags)),
        ("deployment", deployment(workload)),
        ("network-policy", network_policy(workload)),
        ("pod-disruption-budget", workload.disruption_budget()),
        ("pod-monitor", monitor::pod_monitor(workload, (MANAGEMENT.0, "/metrics"), &[], &without_dots())),
        ("service-account", workload.service_account()),
        ("service", workload.service_of(&[EVALUATION, MANAGEMENT, OFREP])),
    ]
}

/// Relabellings after which no rule needs to know which names the scraper was given.
fn without_dots() -> Vec<Value> {
    let metrics = DOTTED_METRICS.into_iter().map(monitor::metric_without_dots);
    metrics.chain(DOTTED_LABELS.into_iter().map(monitor::label_without_dots)).collect()
}

fn config_map_name(stack: &Stack) -> String {
    stack.object_name("flagd-flags")
}

fn config_map(workload: &Workload<'_>, flags: &str) -> Value {
    value(&ConfigMap {
        metadata: ObjectMeta { name: Some(config_map_name(workload.stack)), ..workload.metadata() },
        data: Some(BTreeMap::from([(CONFIG_KEY.to_owned(), flags.to_owned())])),
        ..ConfigMap::default()
    })
}

fn deployment(workload: &Workload<'_>) -> Value {
    value(&Deployment {
        metadata: workload.metadata(),
        spec: Some(DeploymentSpec {
            replicas: Some(signed(workload.stack.flagd.replicas)),
            revision_history_limit: Some(3),
            progress_deadline_seconds: Some(600),
            strategy: Some(rolling_update(1, 0)),
            selector: workload.pods(),
            template: workload.template(pod(workload)),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    })
}

fn pod(workload: &Workload<'_>) -> PodSpec {
    let flagd = &workload.stack.flagd;
    let probe = |path, rhythm| Some(probe_at(MANAGEMENT.0, path, rhythm, PROBE_TIMEOUT_SECONDS));
    PodSpec {
        security_context: Some(pod::security(USER_ID, USER_ID)),
        containers: vec![Container {
            name: "flagd".into(),
            image: Some(flagd.image.clone()),
            image_pull_policy: Some("IfNotPresent".into()),
            args: Some(["start", "--uri", &format!("file:{CONFIG_PATH}/{CONFIG_KEY}")].map(literal).into()),
            ports: Some([EVALUATION, MANAGEMENT, OFREP].map(|(name, number)| named_port(name, number)).into()),
            resources: Some(pod::resources(&flagd.resources, None)),
            security_context: Some(pod::container_security(true)),
            // The whole folder: Kubernetes changes a file that is mounted by `subPath` never again.
            volume_mounts: Some(vec![VolumeMount {
                name: "flags".into(),
                mount_path: CONFIG_PATH.into(),
                read_only: Some(true),
                ..VolumeMount::default()
            }]),
            startup_probe: probe("/readyz", (1, 60)),
            readiness_probe: probe("/readyz", (5, 3)),
            liveness_probe: probe("/healthz", (10, 6)),
            lifecycle: Some(Lifecycle { pre_stop: Some(pod::pre_stop_sleep(PRE_STOP_SECONDS)), ..Lifecycle::default() }),
            ..Container::default()
        }],
        termination_grace_period_seconds: Some((PRE_STOP_SECONDS + GRACE_SECONDS).into()),
        volumes: Some(vec![Volume {
            name: "flags".into(),
            config_map: Some(ConfigMapVolumeSource { name: config_map_name(workload.stack), ..ConfigMapVolumeSource::default() }),
            ..Volume::default()
        }]),
        ..workload.pod()
    }
}

/// Applications ask for arms, Prometheus for metrics, and flagd asks nobody.
fn network_policy(workload: &Workload<'_>) -> Value {
    let stack = workload.stack;
    let applications = stack.callers.iter().map(|caller| namespace(caller)).collect();
    let prometheus = vec![namespace(&stack.monitoring.namespace)];
    inward(workload, vec![(applications, vec![tcp(EVALUATION.1), tcp(OFREP.1)]), (prometheus, vec![tcp(MANAGEMENT.1)])])
}
