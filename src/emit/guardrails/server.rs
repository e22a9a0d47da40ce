//! The guardrails server as Kubernetes objects.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapVolumeSource, Container, EnvVar, KeyToPath, Lifecycle, PodSpec, Probe, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::config::{Answerer, answerer, key_variable};
use crate::emit::labels;
use crate::emit::manifest::sha256;
use crate::emit::workload::network::{namespace, policy, tcp, to_internet, to_part};
use crate::emit::workload::pod::{self, literal};
use crate::emit::workload::{Workload, rolling_update, signed};
use crate::emit::yaml::value;
use crate::engine;
use crate::stack::{External, Guardrails, Stack};

/// Settings of the server, the same for every stack: no caller can switch rails off, and no
/// conversation reaches the log.
pub(super) const SETTINGS: &str = include_str!("server.py");
/// Loads every configuration before the server starts, which alone reads them at the first request
/// and calls itself healthy until then.
const CHECK_CONFIGS: &str = include_str!("check_configs.py");

/// Port of the server's API.
const PORT: u16 = 8000;
/// Folder that the configurations are mounted at.
const CONFIG_PATH: &str = "/config";
/// Any number above zero: the image is the user's, and may have no user of its own.
const USER_ID: i64 = 65532;
/// Seconds between a pod's removal from the Service and its end, for proxies to notice.
const PRE_STOP_SECONDS: u32 = 5;
/// Seconds after which a probe counts as failed.
const PROBE_TIMEOUT_SECONDS: u32 = 2;
/// Seconds for the requests that are answered while the pod stops; a guarded answer takes as long as the model's.
const GRACE_SECONDS: u32 = 120;

/// The objects of a server that reads `files`, by file name.
pub(super) fn objects(stack: &Stack, guardrails: &Guardrails, files: &[(String, String)]) -> Vec<(&'static str, Value)> {
    let object_name = server_name(stack, guardrails);
    let workload = Workload { stack, component: labels::GUARDRAILS, name: &guardrails.name, object_name };
    let server = Server { stack, guardrails, workload, files };
    vec![
        ("config-map.yaml", server.config_map()),
        ("deployment.yaml", server.deployment()),
        ("network-policy.yaml", server.network_policy()),
        ("pod-disruption-budget.yaml", server.workload.disruption_budget()),
        ("service-account.yaml", server.workload.service_account()),
        ("service.yaml", server.workload.service(PORT)),
    ]
}

/// Name of the server's Deployment, Service and other objects.
pub(in crate::emit) fn server_name(stack: &Stack, guardrails: &Guardrails) -> String {
    stack.object_name(&format!("{}-guardrails", guardrails.name))
}

struct Server<'a> {
    stack: &'a Stack,
    guardrails: &'a Guardrails,
    workload: Workload<'a>,
    files: &'a [(String, String)],
}

impl Server<'_> {
    /// Named by its content: the server does not notice a change, so a change has to be a new pod.
    fn config_map_name(&self) -> String {
        let content: String = self.files.iter().flat_map(|(name, text)| [name.as_str(), "\0", text, "\0"]).collect();
        format!("{}-{}", self.workload.object_name, &sha256(content.as_bytes())[..10])
    }

    fn config_map(&self) -> Value {
        let data: BTreeMap<String, String> = self.files.iter().map(|(path, text)| (key(path), text.clone())).collect();
        value(&ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.config_map_name()),
                annotations: Some(BTreeMap::from([labels::pruned_last()])),
                ..self.workload.metadata()
            },
            data: Some(data),
            immutable: Some(true),
            ..ConfigMap::default()
        })
    }

    fn deployment(&self) -> Value {
        value(&Deployment {
            metadata: self.workload.metadata(),
            spec: Some(DeploymentSpec {
                replicas: Some(signed(self.guardrails.replicas)),
                revision_history_limit: Some(3),
                progress_deadline_seconds: Some(600),
                strategy: Some(rolling_update(1, 0)),
                selector: self.workload.pods(),
                template: self.workload.template(self.pod()),
                ..DeploymentSpec::default()
            }),
            ..Deployment::default()
        })
    }

    fn pod(&self) -> PodSpec {
        PodSpec {
            security_context: Some(pod::security(USER_ID, USER_ID)),
            init_containers: Some(vec![Container {
                name: "check-configs".into(),
                command: Some(["python3", "-c", CHECK_CONFIGS, CONFIG_PATH].map(literal).into()),
                ..self.container()
            }]),
            containers: vec![Container {
                name: "guardrails".into(),
                command: Some(vec!["nemoguardrails".into()]),
                args: Some(self.arguments().iter().map(|argument| literal(argument)).collect()),
                ports: Some(vec![pod::port(PORT)]),
                startup_probe: Some(probe((2, 60))),
                readiness_probe: Some(probe((5, 3))),
                liveness_probe: Some(probe((10, 6))),
                lifecycle: Some(Lifecycle { pre_stop: Some(pod::pre_stop_sleep(PRE_STOP_SECONDS)), ..Lifecycle::default() }),
                ..self.container()
            }],
            termination_grace_period_seconds: Some((PRE_STOP_SECONDS + GRACE_SECONDS).into()),
            volumes: Some(vec![self.volume()]),
            ..self.workload.pod()
        }
    }

    /// What both containers share: image, keys, limits and the configurations.
    fn container(&self) -> Container {
        Container {
            image: Some(self.guardrails.image.clone()),
            image_pull_policy: Some("IfNotPresent".into()),
            env: Some(self.environment()),
            resources: Some(pod::resources(&self.guardrails.resources, None)),
            security_context: Some(pod::container_security(true)),
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
        if let (Some(only), None) = (routes.next(), routes.next())
            && only.targets_checked_by(&self.guardrails.name).contains(&&only.own_target)
        {
            args.extend(["--default-config-id".into(), only.name.clone()]);
        }
        args
    }

    fn environment(&self) -> Vec<EnvVar> {
        // The library reports its use unless told not to; the root file system is read-only.
        let mut variables = vec![pod::variable("DO_NOT_TRACK", "1"), pod::variable("PYTHONDONTWRITEBYTECODE", "1")];
        let keys: BTreeMap<String, &External> = self.externals().map(|external| (key_variable(external), external)).collect();
        variables.extend(keys.iter().map(|(name, external)| pod::secret_variable(name, &external.token_secret)));
        variables
    }

    /// Everything that the server asks.
    fn answerers(&self) -> impl Iterator<Item = Answerer<'_>> {
        let routes = self.stack.routes_guarded_by(&self.guardrails.name);
        routes.flat_map(|route| route.targets_checked_by(&self.guardrails.name)).filter_map(|target| answerer(self.stack, target))
    }

    fn externals(&self) -> impl Iterator<Item = &External> {
        self.answerers().filter_map(|answerer| match answerer {
            Answerer::External(external) => Some(external),
            Answerer::Model(_) => None,
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
        let callers = self.stack.callers.iter().map(|caller| namespace(caller)).collect();
        let api = tcp(PORT);
        let models: BTreeMap<&str, u16> = self
            .answerers()
            .filter_map(|answerer| match answerer {
                Answerer::Model(model) => Some((model.name.as_str(), engine::of(model.engine).port())),
                Answerer::External(_) => None,
            })
            .collect();
        let to_models = models.into_iter().map(|(name, port)| to_part(self.stack, labels::MODEL, name, port));
        let ports: BTreeSet<u16> = self.externals().map(|external| https_port(&external.base_url)).collect();
        policy(&self.workload, callers, api, to_models.chain(ports.into_iter().map(to_internet)))
    }
}

/// The ConfigMap key of a file: a key cannot hold `/`.
fn key(path: &str) -> String {
    path.replace('/', ".")
}

/// A probe of the server's own health, by its period in seconds and its failures; that its configurations load was proven before it started.
fn probe(rhythm: (u32, u32)) -> Probe {
    pod::probe("/healthz", rhythm, PROBE_TIMEOUT_SECONDS)
}

/// The port of an `https://` address.
fn https_port(url: &str) -> u16 {
    let host = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
    host.split_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(443)
}
