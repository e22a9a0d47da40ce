//! What all workloads of a stack have in common: the objects around their pods, the pods' shape,
//! and who may talk to whom.

pub(super) mod monitor;
pub(super) mod network;
pub(super) mod pod;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec, Service, ServiceAccount, ServicePort, ServiceSpec, TopologySpreadConstraint};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::labels;
use super::yaml::value;
use crate::stack::Stack;

/// Name of a workload's only port, in its pods and its Service.
pub(super) const PORT: &str = "http";
/// Nodes first, so that one node's end takes as few copies as can be, then zones.
const SPREAD_OVER: [&str; 2] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];

/// A Deployment with its Service, its account and its budget of disruptions, all of one name.
pub(super) struct Workload<'a> {
    /// The stack that it is a part of.
    pub(super) stack: &'a Stack,
    /// Its component, as in [`labels`].
    pub(super) component: &'static str,
    /// Name of the block that it was made for.
    pub(super) name: &'a str,
    /// Name of its objects.
    pub(super) object_name: String,
}

impl Workload<'_> {
    /// Metadata of its objects.
    pub(super) fn metadata(&self) -> ObjectMeta {
        labels::metadata(self.stack, self.component, self.name, &self.object_name)
    }

    /// Labels of its pods, and of nothing else.
    pub(super) fn selector(&self) -> BTreeMap<String, String> {
        labels::selector(self.stack, self.component, self.name)
    }

    /// Selector of its pods.
    pub(super) fn pods(&self) -> LabelSelector {
        matching(self.selector())
    }

    /// The identity of its pods, which may do nothing in the cluster.
    pub(super) fn service_account(&self) -> Value {
        value(&ServiceAccount { metadata: self.metadata(), automount_service_account_token: Some(false), ..ServiceAccount::default() })
    }

    /// The Service in front of its pods.
    pub(super) fn service(&self, port: u16) -> Value {
        self.service_of(&[(PORT, port)])
    }

    /// The Service in front of pods with several ports, by name.
    pub(super) fn service_of(&self, ports: &[(&str, u16)]) -> Value {
        let port = |(name, number): &(&str, u16)| ServicePort {
            name: Some((*name).into()),
            port: (*number).into(),
            target_port: Some(IntOrString::String((*name).into())),
            protocol: Some("TCP".into()),
            ..ServicePort::default()
        };
        value(&Service {
            metadata: self.metadata(),
            spec: Some(ServiceSpec {
                type_: Some("ClusterIP".into()),
                selector: Some(self.selector()),
                ports: Some(ports.iter().map(port).collect()),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        })
    }

    /// How many pods a node drain may take away at once: one, since with a `minAvailable` a single
    /// copy would block every node upgrade. A pod that never becomes ready may always go.
    pub(super) fn disruption_budget(&self) -> Value {
        value(&PodDisruptionBudget {
            metadata: self.metadata(),
            spec: Some(PodDisruptionBudgetSpec {
                max_unavailable: Some(IntOrString::Int(1)),
                selector: Some(self.pods()),
                unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
                ..PodDisruptionBudgetSpec::default()
            }),
            ..PodDisruptionBudget::default()
        })
    }

    /// The pods of its Deployment. They carry the selector's labels only: an owner or a version
    /// here would restart them when it changes.
    pub(super) fn template(&self, spec: PodSpec) -> PodTemplateSpec {
        PodTemplateSpec { metadata: Some(ObjectMeta { labels: Some(self.selector()), ..ObjectMeta::default() }), spec: Some(spec) }
    }

    /// A pod with its identity and its wish to be spread, still without containers.
    pub(super) fn pod(&self) -> PodSpec {
        PodSpec {
            service_account_name: Some(self.object_name.clone()),
            automount_service_account_token: Some(false),
            // Variables of every Service of the namespace, some of them named like vLLM's own.
            enable_service_links: Some(false),
            topology_spread_constraints: Some(SPREAD_OVER.map(|key| self.spread(key)).into()),
            ..PodSpec::default()
        }
    }

    /// A wish, not a condition: free places count for more than an even spread.
    fn spread(&self, key: &str) -> TopologySpreadConstraint {
        TopologySpreadConstraint {
            max_skew: 1,
            topology_key: key.into(),
            when_unsatisfiable: "ScheduleAnyway".into(),
            label_selector: Some(self.pods()),
            ..TopologySpreadConstraint::default()
        }
    }
}

/// Selector of what has `labels`.
fn matching(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }
}

/// Pods that a rollout starts above the number, and pods that it may miss.
pub(super) fn rolling_update(surge: i32, unavailable: i32) -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".into()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(surge)),
            max_unavailable: Some(IntOrString::Int(unavailable)),
        }),
    }
}

/// A number for the API, whose integers are signed.
pub(super) fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
