//! Parts of pods and containers.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction, LifecycleHandler, PodSecurityContext, Probe, ResourceRequirements,
    SeccompProfile, SecretKeySelector, SecurityContext, SleepAction,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{PORT, signed};
use crate::stack::{Resources, SecretKey};

/// A word that Kubernetes hands over as it is: it would put a variable's value, such as a token's,
/// in place of `$(NAME)`.
pub(in crate::emit) fn literal(word: &str) -> String {
    word.replace('$', "$$")
}

/// A pod that runs as this user, and never as root.
pub(in crate::emit) fn security(user: i64, group: i64) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user),
        run_as_group: Some(group),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
        ..PodSecurityContext::default()
    }
}

/// A container that gains no right.
pub(in crate::emit) fn container_security(read_only_root: bool) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
        read_only_root_filesystem: Some(read_only_root),
        ..SecurityContext::default()
    }
}

/// Memory and `devices` are the pod's alone, so requests are limits. CPU is requested only: a limit
/// would pause the API server, and every stream with it, whenever its threads have used it up.
pub(in crate::emit) fn resources(resources: &Resources, devices: Option<(&str, u32)>) -> ResourceRequirements {
    let mut limits = BTreeMap::from([("memory".to_owned(), Quantity(resources.memory.clone()))]);
    limits.extend(devices.map(|(name, number)| (name.to_owned(), Quantity(number.to_string()))));
    let mut requests = limits.clone();
    requests.insert("cpu".into(), Quantity(resources.cpu.clone()));
    ResourceRequirements { limits: Some(limits), requests: Some(requests), ..ResourceRequirements::default() }
}

/// An environment variable.
pub(in crate::emit) fn variable(name: &str, text: &str) -> EnvVar {
    EnvVar { name: name.into(), value: Some(text.into()), ..EnvVar::default() }
}

/// An environment variable whose value stands in a Secret.
pub(in crate::emit) fn secret_variable(name: &str, secret: &SecretKey) -> EnvVar {
    EnvVar {
        name: name.into(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector { name: secret.name.clone(), key: secret.key.clone(), ..SecretKeySelector::default() }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// The port that the Service and the probes call by name.
pub(in crate::emit) fn port(number: u16) -> ContainerPort {
    named_port(PORT, number)
}

/// One of several ports.
pub(in crate::emit) fn named_port(name: &str, number: u16) -> ContainerPort {
    ContainerPort { name: Some(name.into()), container_port: number.into(), protocol: Some("TCP".into()), ..ContainerPort::default() }
}

/// A question over HTTP, asked every `period_seconds` and answered within `timeout_seconds`.
pub(in crate::emit) fn probe(path: &str, rhythm: (u32, u32), timeout_seconds: u32) -> Probe {
    probe_at(PORT, path, rhythm, timeout_seconds)
}

/// As [`probe`], at the port `name` of several.
pub(in crate::emit) fn probe_at(name: &str, path: &str, (period_seconds, failures): (u32, u32), timeout_seconds: u32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction { path: Some(path.into()), port: IntOrString::String(name.into()), ..HTTPGetAction::default() }),
        period_seconds: Some(signed(period_seconds)),
        failure_threshold: Some(signed(failures)),
        timeout_seconds: Some(signed(timeout_seconds)),
        ..Probe::default()
    }
}

/// Keeps a stopping pod serving for a while, until every proxy knows that it is going. The native
/// sleep needs no shell in the image; Kubernetes has it since 1.30.
pub(in crate::emit) fn pre_stop_sleep(seconds: u32) -> LifecycleHandler {
    LifecycleHandler { sleep: Some(SleepAction { seconds: seconds.into() }), ..LifecycleHandler::default() }
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn no_argument_refers_to_a_variable() {
        assert_eq!(literal("--chat-template=$(HF_TOKEN)$x$$"), "--chat-template=$$(HF_TOKEN)$$x$$$$");
    }
}
