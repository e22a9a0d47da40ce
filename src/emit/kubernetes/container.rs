//! The container that runs the engine.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, Probe,
    ResourceRequirements, SecretKeySelector, SecurityContext, SleepAction,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{pod, signed, timing};
use crate::engine;
use crate::stack::Model;

/// Seconds after which a probe counts as failed: a busy API server answers late.
const PROBE_TIMEOUT_SECONDS: u32 = 5;
/// Seconds between readiness probes, and failures until the pod gets no more requests.
const READINESS: (u32, u32) = (5, 3);
/// Seconds between liveness probes, and failures until a restart: a minute, so that a long step of
/// the GPU does not cost a start of many minutes.
const LIVENESS: (u32, u32) = (10, 6);

pub(super) fn container(model: &Model) -> Container {
    let engine = engine::of(model.engine);
    Container {
        name: engine.name().into(),
        image: Some(model.image.clone()),
        image_pull_policy: Some("IfNotPresent".into()),
        command: Some(engine.command().iter().map(|word| literal(word)).collect()),
        args: Some(engine.arguments(model).iter().map(|argument| literal(argument)).collect()),
        env: Some(environment(model)),
        ports: Some(vec![ContainerPort {
            name: Some(super::PORT.into()),
            container_port: engine.port().into(),
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        resources: Some(resources(model)),
        security_context: Some(security()),
        volume_mounts: Some(pod::mounts(model)),
        startup_probe: Some(probe(model, (timing::STARTUP_PERIOD_SECONDS, timing::startup_failures(model.startup_seconds)))),
        readiness_probe: Some(probe(model, READINESS)),
        liveness_probe: Some(probe(model, LIVENESS)),
        lifecycle: Some(Lifecycle { pre_stop: Some(pre_stop(model)), ..Lifecycle::default() }),
        ..Container::default()
    }
}

/// A word that Kubernetes hands over as it is: it would put a variable's value, such as a token's,
/// in place of `$(NAME)`.
fn literal(word: &str) -> String {
    word.replace('$', "$$")
}

fn environment(model: &Model) -> Vec<EnvVar> {
    let engine = engine::of(model.engine);
    let plain = |(name, text): (&str, &str)| EnvVar { name: name.into(), value: Some(text.into()), ..EnvVar::default() };
    let mut variables: Vec<EnvVar> = engine.environment().into_iter().map(plain).collect();
    variables.extend(model.token_secret.iter().map(|secret| EnvVar {
        name: engine.hub_token_variable().into(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector { name: secret.name.clone(), key: secret.key.clone(), ..SecretKeySelector::default() }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }));
    variables
}

/// Memory and GPUs are the pod's alone, so requests are limits; the memory has the shared memory
/// in it. CPU is requested only: a limit would pause the API server, and every stream with it,
/// whenever the engine's threads have used it up.
fn resources(model: &Model) -> ResourceRequirements {
    let limits = BTreeMap::from([
        ("memory".into(), Quantity(model.resources.memory.clone())),
        ("nvidia.com/gpu".into(), Quantity(model.tensor_parallel.to_string())),
    ]);
    let mut requests = limits.clone();
    requests.insert("cpu".into(), Quantity(model.resources.cpu.clone()));
    ResourceRequirements { limits: Some(limits), requests: Some(requests), ..ResourceRequirements::default() }
}

fn security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
        // NVIDIA's container hook writes into it and fails otherwise (kserve#5711).
        read_only_root_filesystem: Some(false),
        ..SecurityContext::default()
    }
}

fn probe(model: &Model, (period_seconds, failures): (u32, u32)) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(engine::of(model.engine).health_path().into()),
            port: IntOrString::String(super::PORT.into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(signed(period_seconds)),
        failure_threshold: Some(signed(failures)),
        timeout_seconds: Some(signed(PROBE_TIMEOUT_SECONDS)),
        ..Probe::default()
    }
}

/// Waits until proxies know that the pod is leaving, and for the running answers where the engine
/// itself does not. The native sleep needs no shell in the image; Kubernetes has it since 1.30.
fn pre_stop(model: &Model) -> LifecycleHandler {
    match engine::of(model.engine).drain_command(model, timing::PRE_STOP_SECONDS) {
        Some(command) => LifecycleHandler { exec: Some(ExecAction { command: Some(command) }), ..LifecycleHandler::default() },
        None => {
            let sleep = SleepAction { seconds: timing::PRE_STOP_SECONDS.into() };
            LifecycleHandler { sleep: Some(sleep), ..LifecycleHandler::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LIVENESS, literal};

    #[test]
    fn no_argument_refers_to_a_variable() {
        assert_eq!(literal("--chat-template=$(HF_TOKEN)$x$$"), "--chat-template=$$(HF_TOKEN)$$x$$$$");
    }

    #[test]
    fn a_stall_of_a_minute_restarts_nothing() {
        assert!(LIVENESS.0 * LIVENESS.1 >= 60);
    }
}
