//! The guardrails server as Kubernetes objects.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMap, ConfigMapVolumeSource, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction, KeyToPath,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile, SecretKeySelector, SecurityContext, Service,
    ServiceAccount, ServicePort, ServiceSpec, TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::config::{Answerer, key_variable, target};
use crate::emit::kubernetes::{labels, network_policy};
use crate::emit::manifest::sha256;
use crate::emit::yaml::value;
use crate::engine;
use crate::stack::{External, Guardrails, Stack};

/// Settings of the server, the same for every stack: no caller can switch rails off, and no
/// conversation reaches the log.
pub(super) const SETTINGS: &str = include_str!("server.py");
/// Loads every configuration before the server starts, which alone reads them at the first request
/// and calls itself healthy until then.
const CHECK_CONFIGS: &str = include_str!("check_configs.py");

/// Component of the objects; the models' NetworkPolicies admit its pods.
const COMPONENT: &str = "guardrails";
const PORT: i32 = 8000;
const CONFIG_PATH: &str = "/config";
/// Any number above zero: the image is the user's, and may have no user of its own.
const USER_ID: i64 = 65532;
/// Seconds between a pod's removal from the Service and its end, for proxies to notice.
const PRE_STOP_SECONDS: i64 = 5;
/// Requests that are answered while the pod stops; a guarded answer takes as long as the model's.
const GRACE_SECONDS: i64 = 120;

/// The objects of a server that reads `files`, by file name.
pub(super) fn objects(stack: &Stack, guardrails: &Guardrails, files: &[(String, String)]) -> Vec<(&'static str, Value)> {
    let server = Server { stack, guardrails, object_name: server_name(stack, guardrails), files };
    vec![
        ("config-map.yaml", server.config_map()),
        ("deployment.yaml", server.deployment()),
        ("network-policy.yaml", server.network_policy()),
        ("pod-disruption-budget.yaml", server.disruption_budget()),
        ("service-account.yaml", server.service_account()),
        ("service.yaml", server.service()),
    ]
}

/// Name of the server's Deployment, Service and other objects.
pub(in crate::emit) fn server_name(stack: &Stack, guardrails: &Guardrails) -> String {
    stack.object_name(&format!("{}-guardrails", guardrails.name))
}

struct Server<'a> {
    stack: &'a Stack,
    guardrails: &'a Guardrails,
    object_name: String,
    files: &'a [(String, String)],
}

impl Server<'_> {
    fn metadata(&self, object_name: &str) -> ObjectMeta {
        labels::metadata(self.stack, COMPONENT, &self.guardrails.name, object_name)
    }

    fn selector(&self) -> LabelSelector {
        let labels = labels::selector(self.stack, COMPONENT, &self.guardrails.name);
        LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }
    }

    /// Named by its content: the server does not notice a change, so a change has to be a new pod.
    fn config_map_name(&self) -> String {
        let content: String = self.files.iter().flat_map(|(name, text)| [name.as_str(), "\0", text, "\0"]).collect();
        format!("{}-{}", self.object_name, &sha256(content.as_bytes())[..10])
    }

    fn config_map(&self) -> Value {
        let data: BTreeMap<String, String> = self.files.iter().map(|(path, text)| (key(path), text.clone())).collect();
        value(&ConfigMap {
            metadata: ObjectMeta { annotations: Some(BTreeMap::from([labels::pruned_last()])), ..self.metadata(&self.config_map_name()) },
            data: Some(data),
            immutable: Some(true),
            ..ConfigMap::default()
        })
    }

    fn service_account(&self) -> Value {
        value(&ServiceAccount {
            metadata: self.metadata(&self.object_name),
            automount_service_account_token: Some(false),
            ..ServiceAccount::default()
        })
    }

    fn service(&self) -> Value {
        let port = ServicePort {
            name: Some("http".into()),
            port: PORT,
            protocol: Some("TCP".into()),
            target_port: Some(IntOrString::String("http".into())),
            ..ServicePort::default()
        };
        value(&Service {
            metadata: self.metadata(&self.object_name),
            spec: Some(ServiceSpec {
                type_: Some("ClusterIP".into()),
                ports: Some(vec![port]),
                selector: Some(labels::selector(self.stack, COMPONENT, &self.guardrails.name)),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        })
    }

    fn disruption_budget(&self) -> Value {
        value(&PodDisruptionBudget {
            metadata: self.metadata(&self.object_name),
            spec: Some(PodDisruptionBudgetSpec {
                max_unavailable: Some(IntOrString::Int(1)),
                selector: Some(self.selector()),
                // A pod that never becomes ready must not hold up the drain of its node.
                unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
                ..PodDisruptionBudgetSpec::default()
            }),
            ..PodDisruptionBudget::default()
        })
    }

    fn deployment(&self) -> Value {
        value(&Deployment {
            metadata: self.metadata(&self.object_name),
            spec: Some(DeploymentSpec {
                replicas: i32::try_from(self.guardrails.replicas).ok(),
                revision_history_limit: Some(3),
                progress_deadline_seconds: Some(600),
                strategy: Some(DeploymentStrategy {
                    type_: Some("RollingUpdate".into()),
                    rolling_update: Some(RollingUpdateDeployment {
                        max_surge: Some(IntOrString::Int(1)),
                        max_unavailable: Some(IntOrString::Int(0)),
                    }),
                }),
                selector: self.selector(),
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta {
                        labels: Some(labels::selector(self.stack, COMPONENT, &self.guardrails.name)),
                        ..ObjectMeta::default()
                    }),
                    spec: Some(self.pod()),
                },
                ..DeploymentSpec::default()
            }),
            ..Deployment::default()
        })
    }

    fn pod(&self) -> PodSpec {
        let spread = |topology: &str| TopologySpreadConstraint {
            max_skew: 1,
            topology_key: topology.into(),
            when_unsatisfiable: "ScheduleAnyway".into(),
            label_selector: Some(self.selector()),
            ..TopologySpreadConstraint::default()
        };
        PodSpec {
            service_account_name: Some(self.object_name.clone()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER_ID),
                run_as_group: Some(USER_ID),
                seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
                ..PodSecurityContext::default()
            }),
            init_containers: Some(vec![Container {
                name: "check-configs".into(),
                command: Some(vec!["python3".into(), "-c".into(), CHECK_CONFIGS.into(), CONFIG_PATH.into()]),
                ..self.container()
            }]),
            containers: vec![Container {
                name: "guardrails".into(),
                command: Some(vec!["nemoguardrails".into()]),
                args: Some(self.arguments()),
                ports: Some(vec![ContainerPort {
                    name: Some("http".into()),
                    container_port: PORT,
                    protocol: Some("TCP".into()),
                    ..ContainerPort::default()
                }]),
                startup_probe: Some(probe(2, 60)),
                readiness_probe: Some(probe(5, 3)),
                liveness_probe: Some(probe(10, 6)),
                lifecycle: Some(labels::pre_stop_sleep(PRE_STOP_SECONDS)),
                ..self.container()
            }],
            termination_grace_period_seconds: Some(PRE_STOP_SECONDS + GRACE_SECONDS),
            topology_spread_constraints: Some(vec![spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone")]),
            volumes: Some(vec![self.volume()]),
            ..PodSpec::default()
        }
    }

    /// What both containers share: image, keys, limits and the configurations.
    fn container(&self) -> Container {
        let resources = &self.guardrails.resources;
        let memory = BTreeMap::from([("memory".to_owned(), Quantity(resources.memory.clone()))]);
        let mut requests = memory.clone();
        requests.insert("cpu".into(), Quantity(resources.cpu.clone()));
        Container {
            image: Some(self.guardrails.image.clone()),
            image_pull_policy: Some("IfNotPresent".into()),
            env: Some(self.environment()),
            resources: Some(ResourceRequirements { limits: Some(memory), requests: Some(requests), ..ResourceRequirements::default() }),
            security_context: Some(SecurityContext {
                allow_privilege_escalation: Some(false),
                capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
                read_only_root_filesystem: Some(true),
                ..SecurityContext::default()
            }),
            volume_mounts: Some(vec![VolumeMount {
                name: "config".into(),
                mount_path: CONFIG_PATH.into(),
                read_only: Some(true),
                ..VolumeMount::default()
            }]),
            ..Container::default()
        }
    }

    fn arguments(&self) -> Vec<String> {
        let mut args: Vec<String> =
            ["server", "--config", CONFIG_PATH, "--port", &PORT.to_string(), "--disable-chat-ui"].map(String::from).into();
        // With several routes the caller has to name one: a default would guard the wrong one.
        let mut routes = self.stack.routes_guarded_by(&self.guardrails.name);
        if let (Some(only), None) = (routes.next(), routes.next()) {
            args.extend(["--default-config-id".into(), only.name.clone()]);
        }
        args
    }

    fn environment(&self) -> Vec<EnvVar> {
        let plain = |name: &str| EnvVar { name: name.into(), value: Some("1".into()), ..EnvVar::default() };
        // The library reports its use unless told not to; the root file system is read-only.
        let mut variables = vec![plain("DO_NOT_TRACK"), plain("PYTHONDONTWRITEBYTECODE")];
        let keys: BTreeMap<String, &External> = self.externals().map(|external| (key_variable(external), external)).collect();
        variables.extend(keys.into_iter().map(|(name, external)| EnvVar {
            name,
            value_from: Some(EnvVarSource {
                secret_key_ref: Some(SecretKeySelector {
                    name: external.token_secret.name.clone(),
                    key: external.token_secret.key.clone(),
                    ..SecretKeySelector::default()
                }),
                ..EnvVarSource::default()
            }),
            ..EnvVar::default()
        }));
        variables
    }

    fn externals(&self) -> impl Iterator<Item = &External> {
        let routes = self.stack.routes_guarded_by(&self.guardrails.name);
        routes.filter_map(|route| match target(self.stack, route) {
            Some(Answerer::External(external)) => Some(external),
            _ => None,
        })
    }

    fn volume(&self) -> Volume {
        // Items with folders: the library walks a folder, and would read every file three times
        // through the links of a plain ConfigMap mount.
        let items = self.files.iter().map(|(path, _)| KeyToPath { key: key(path), path: path.clone(), ..KeyToPath::default() });
        Volume {
            name: "config".into(),
            config_map: Some(ConfigMapVolumeSource {
                name: self.config_map_name(),
                items: Some(items.collect()),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        }
    }

    fn network_policy(&self) -> Value {
        let port = |port: IntOrString, protocol: &str| NetworkPolicyPort {
            port: Some(port),
            protocol: Some(protocol.into()),
            ..NetworkPolicyPort::default()
        };
        let tcp = |number: u16| port(IntOrString::Int(i32::from(number)), "TCP");
        let callers = self.stack.callers.iter().map(|namespace| NetworkPolicyPeer {
            namespace_selector: Some(LabelSelector {
                match_labels: Some(BTreeMap::from([("kubernetes.io/metadata.name".into(), namespace.clone())])),
                ..LabelSelector::default()
            }),
            ..NetworkPolicyPeer::default()
        });
        let dns = NetworkPolicyEgressRule { ports: Some(vec![port(IntOrString::Int(53), "UDP"), tcp(53)]), to: None };
        let routes = self.stack.routes_guarded_by(&self.guardrails.name);
        let models: BTreeMap<&str, u16> = routes
            .filter_map(|route| match target(self.stack, route) {
                Some(Answerer::Model(model)) => Some((model.name.as_str(), engine::of(model.engine).port())),
                _ => None,
            })
            .collect();
        let to_models = models.into_iter().map(|(name, number)| NetworkPolicyEgressRule {
            ports: Some(vec![tcp(number)]),
            to: Some(vec![NetworkPolicyPeer {
                pod_selector: Some(LabelSelector {
                    match_labels: Some(labels::selector(self.stack, "model", name)),
                    ..LabelSelector::default()
                }),
                ..NetworkPolicyPeer::default()
            }]),
        });
        let ports: BTreeMap<u16, ()> = self.externals().map(|external| (https_port(&external.base_url), ())).collect();
        let to_externals = ports
            .into_keys()
            .map(|number| NetworkPolicyEgressRule { ports: Some(vec![tcp(number)]), to: Some(network_policy::everywhere().into()) });
        value(&NetworkPolicy {
            metadata: self.metadata(&self.object_name),
            spec: Some(NetworkPolicySpec {
                pod_selector: Some(self.selector()),
                policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
                ingress: Some(vec![NetworkPolicyIngressRule {
                    from: Some(callers.collect()),
                    // By number, since not every network plugin resolves the names of ports.
                    ports: Some(vec![port(IntOrString::Int(PORT), "TCP")]),
                }]),
                egress: Some(std::iter::once(dns).chain(to_models).chain(to_externals).collect()),
            }),
        })
    }
}

/// The ConfigMap key of a file: a key cannot hold `/`.
fn key(path: &str) -> String {
    path.replace('/', ".")
}

/// A probe of the server's own health; that its configurations load was proven before it started.
fn probe(period_seconds: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some("/healthz".into()),
            port: IntOrString::String("http".into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failures),
        timeout_seconds: Some(2),
        ..Probe::default()
    }
}

/// The port of an `https://` address.
fn https_port(url: &str) -> u16 {
    let host = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
    host.split_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(443)
}
