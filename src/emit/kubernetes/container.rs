//! The container that runs the engine.

use k8s_openapi::api::core::v1::{Container, EnvVar, ExecAction, Lifecycle, LifecycleHandler, Probe};

use super::{pod, timing};
use crate::emit::workload::pod as parts;
use crate::emit::workload::pod::literal;
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
        ports: Some(vec![parts::port(engine.port())]),
        // The memory has the shared memory in it.
        resources: Some(parts::resources(&model.resources, Some(("nvidia.com/gpu", model.tensor_parallel)))),
        // NVIDIA's container hook writes into the root and fails otherwise (kserve#5711).
        security_context: Some(parts::container_security(false)),
        volume_mounts: Some(pod::mounts(model)),
        startup_probe: Some(probe(model, (timing::STARTUP_PERIOD_SECONDS, timing::startup_failures(model.startup_seconds)))),
        readiness_probe: Some(probe(model, READINESS)),
        liveness_probe: Some(probe(model, LIVENESS)),
        lifecycle: Some(Lifecycle { pre_stop: Some(pre_stop(model)), ..Lifecycle::default() }),
        ..Container::default()
    }
}

fn environment(model: &Model) -> Vec<EnvVar> {
    let engine = engine::of(model.engine);
    let mut variables: Vec<EnvVar> = engine.environment().into_iter().map(|(name, text)| parts::variable(name, text)).collect();
    variables.extend(model.token_secret.iter().map(|secret| parts::secret_variable(engine.hub_token_variable(), secret)));
    variables
}

fn probe(model: &Model, rhythm: (u32, u32)) -> Probe {
    parts::probe(engine::of(model.engine).health_path(), rhythm, PROBE_TIMEOUT_SECONDS)
}

/// Waits until proxies know that the pod is leaving, and for the running answers where the engine
/// itself does not.
fn pre_stop(model: &Model) -> LifecycleHandler {
    match engine::of(model.engine).drain_command(model, timing::PRE_STOP_SECONDS) {
        Some(command) => LifecycleHandler { exec: Some(ExecAction { command: Some(command) }), ..LifecycleHandler::default() },
        None => parts::pre_stop_sleep(timing::PRE_STOP_SECONDS),
    }
}

#[cfg(test)]
mod tests {
    use super::LIVENESS;

    #[test]
    fn a_stall_of_a_minute_restarts_nothing() {
        assert!(LIVENESS.0 * LIVENESS.1 >= 60);
    }
}
