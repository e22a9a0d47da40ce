//! Volumes and mounts, probes and hooks of pods.

use super::node::Node;
use super::set::{PodTemplate, Set};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static INVALID_MOUNT: Rule = Rule {
    code: "LLMC-K107",
    name: "invalid-volume-mount",
    severity: Severity::Error,
    docs: "A container mounts a volume that its pod does not have, mounts it at no absolute path, or a volume has no \
           source or several. An API server answers `volumeMounts[0].name: Not found`; schemas see two lists of \
           names.",
};

pub(super) static INVALID_PROBE: Rule = Rule {
    code: "LLMC-K110",
    name: "invalid-probe",
    severity: Severity::Error,
    docs: "A probe or hook has no handler or several, numbers out of range, or a path that does not begin with `/`; \
           or a hook sleeps longer than the pod may take to stop. An API server answers `must specify a handler \
           type` or `must be greater than 0 and less than terminationGracePeriodSeconds`; schemas compare no two \
           fields.\n\n\
           A path without `/` is asked differently by different kubelets, so it is refused here although not every \
           server does.",
};

const PROBES: &[&str] = &["startupProbe", "livenessProbe", "readinessProbe"];
const HOOKS: &[&str] = &["lifecycle.postStart", "lifecycle.preStop"];
const HANDLERS: &[&str] = &["exec", "grpc", "httpGet", "sleep", "tcpSocket"];
/// What Kubernetes waits when a pod does not say.
const DEFAULT_GRACE_SECONDS: i64 = 30;

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for template in &set.templates {
        mounts(template, out);
        let grace = template.spec.integer("terminationGracePeriodSeconds").unwrap_or(DEFAULT_GRACE_SECONDS);
        if grace < 0 {
            out.push(template.spec.finding(&INVALID_PROBE, "has a `terminationGracePeriodSeconds` below zero"));
        }
        for container in template.containers() {
            for probe in PROBES.iter().filter_map(|path| container.at(path)) {
                handler(&probe, out);
                numbers(&probe, out);
            }
            for hook in HOOKS.iter().filter_map(|path| container.at(path)) {
                handler(&hook, out);
            }
            if let Some(sleep) = container.at("lifecycle.preStop.sleep.seconds")
                && sleep.value.as_i64().is_some_and(|seconds| seconds < 1 || seconds > grace)
            {
                out.push(sleep.fault(&INVALID_PROBE, format!("must be from 1 to the pod's time to stop, {grace} s")));
            }
        }
    }
}

fn mounts(template: &PodTemplate<'_>, out: &mut Vec<Diagnostic>) {
    let mut volumes: Vec<&str> = template.spec.each("volumes[].name").iter().filter_map(|name| name.value.as_str()).collect();
    let claims = template.owner.root().each("spec.volumeClaimTemplates[].metadata.name");
    volumes.extend(claims.iter().filter_map(|name| name.value.as_str()));
    for volume in template.spec.each("volumes[]") {
        let sources = volume.entries().iter().filter(|(key, node)| *key != "name" && !node.value.is_null()).count();
        if sources != 1 {
            out.push(volume.finding(&INVALID_MOUNT, format!("has {sources} sources, and must have one")));
        }
    }
    for mount in template.containers().iter().flat_map(|container| container.each("volumeMounts[]")) {
        if let Some(name) = mount.get("name")
            && name.value.as_str().is_some_and(|text| !volumes.contains(&text))
        {
            out.push(name.fault(&INVALID_MOUNT, "is no volume of this pod"));
        }
        match mount.get("mountPath") {
            Some(path) if path.value.as_str().is_some_and(|text| !text.starts_with('/') || text.contains(':')) => {
                out.push(path.fault(&INVALID_MOUNT, "must begin with `/` and have no `:`"));
            }
            _ => {}
        }
        if let Some(path) = mount.get("subPath")
            && path.value.as_str().is_some_and(|text| text.starts_with('/') || text.split('/').any(|part| part == ".."))
        {
            out.push(path.fault(&INVALID_MOUNT, "must be relative, without `..`"));
        }
    }
}

fn handler(node: &Node<'_>, out: &mut Vec<Diagnostic>) {
    let handlers = HANDLERS.iter().filter(|key| node.get(key).is_some()).count();
    if handlers != 1 {
        out.push(node.finding(&INVALID_PROBE, format!("has {handlers} handlers, and must have one")));
    }
    let Some(request) = node.get("httpGet") else { return };
    match request.get("path") {
        Some(path) if path.value.as_str().is_some_and(|text| !text.starts_with('/')) => {
            out.push(path.fault(&INVALID_PROBE, "must begin with `/`"));
        }
        _ => {}
    }
    if request.get("port").is_none() {
        out.push(request.finding(&INVALID_PROBE, "has no port"));
    }
}

fn numbers(probe: &Node<'_>, out: &mut Vec<Diagnostic>) {
    let bounds =
        [("initialDelaySeconds", 0), ("periodSeconds", 1), ("timeoutSeconds", 1), ("failureThreshold", 1), ("successThreshold", 1)];
    for (key, least) in bounds {
        if let Some(node) = probe.get(key)
            && node.value.as_i64().is_some_and(|number| number < least)
        {
            out.push(node.fault(&INVALID_PROBE, format!("must be at least {least}")));
        }
    }
    if let Some(successes) = probe.get("successThreshold")
        && probe.key() != "readinessProbe"
        && successes.value.as_i64().is_some_and(|number| number > 1)
    {
        out.push(successes.fault(&INVALID_PROBE, "must be 1 for this probe"));
    }
}
