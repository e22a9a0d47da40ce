//! Numbers and names of ports, and the ports that Services and monitors ask of pods.

use serde_json::Value;

use super::node::Node;
use super::selectors::{monitored, selected};
use super::set::{PodTemplate, Set};
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::syntax::{is_dns_label, is_port_name};

pub(super) static INVALID_PORT: Rule = Rule {
    code: "LLMC-K104",
    name: "invalid-port",
    severity: Severity::Error,
    docs: "A port is not a number from 1 to 65535, its name breaks the rules, or one of several ports of a Service \
           has no name. An API server answers `must be between 1 and 65535, inclusive`; schemas see an integer.\n\n\
           A container port's name has at most 15 lower-case letters, digits and `-`, with a letter among them. A \
           Service may leave its port unnamed only if it has one.",
};

pub(super) static MISSING_PORT: Rule = Rule {
    code: "LLMC-K116",
    name: "missing-pod-port",
    severity: Severity::Error,
    docs: "A Service, probe, NetworkPolicy or PodMonitor names a port that the pods do not have.\n\n\
           An API server accepts it. The Service then has no endpoints, the probe fails, the policy lets nobody in \
           or the metrics never arrive, and nothing says why.",
};

/// Where numbers of ports stand, by kind; a text in their place is a port's name.
const IN_OBJECTS: &[(&str, &str)] = &[
    ("Service", "spec.ports[].port"),
    ("Service", "spec.ports[].targetPort"),
    ("Service", "spec.ports[].nodePort"),
    ("NetworkPolicy", "spec.ingress[].ports[].port"),
    ("NetworkPolicy", "spec.ingress[].ports[].endPort"),
    ("NetworkPolicy", "spec.egress[].ports[].port"),
    ("NetworkPolicy", "spec.egress[].ports[].endPort"),
    ("HTTPRoute", "spec.parentRefs[].port"),
    ("HTTPRoute", "spec.rules[].backendRefs[].port"),
    ("PodMonitor", "spec.podMetricsEndpoints[].portNumber"),
    ("PodMonitor", "spec.podMetricsEndpoints[].port"),
];

/// Where probes and hooks of a container name or number a port.
const HANDLERS: &[&str] = &[
    "startupProbe.httpGet.port",
    "startupProbe.tcpSocket.port",
    "livenessProbe.httpGet.port",
    "livenessProbe.tcpSocket.port",
    "readinessProbe.httpGet.port",
    "readinessProbe.tcpSocket.port",
    "lifecycle.preStop.httpGet.port",
    "lifecycle.postStart.httpGet.port",
];

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for (kind, path) in IN_OBJECTS {
        set.of_kind(kind).flat_map(|object| object.root().each(path)).for_each(|port| port_syntax(&port, out));
    }
    containers(set, out);
    services(set, out);
    monitors(set, out);
    policies(set, out);
}

/// Reports a number that is no port's, or a text that is no port's name.
fn port_syntax(port: &Node<'_>, out: &mut Vec<Diagnostic>) {
    match port.value {
        Value::Number(number) if !number.as_u64().is_some_and(|n| (1..=65535).contains(&n)) => {
            out.push(port.fault(&INVALID_PORT, "is no port: it must be a number from 1 to 65535"));
        }
        Value::String(name) => out.extend(is_port_name(name).err().map(|reason| port.fault(&INVALID_PORT, reason))),
        _ => {}
    }
}

fn containers(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for template in &set.templates {
        for container in template.containers() {
            for port in ["ports[].containerPort", "ports[].hostPort", "ports[].name"].iter().flat_map(|path| container.each(path)) {
                port_syntax(&port, out);
            }
            let names: Vec<&str> = container.each("ports[]").iter().filter_map(|port| port.text("name")).collect();
            for port in HANDLERS.iter().filter_map(|path| container.at(path)) {
                port_syntax(&port, out);
                if let Some(name) = port.value.as_str()
                    && is_port_name(name).is_ok()
                    && !names.contains(&name)
                {
                    out.push(port.fault(&MISSING_PORT, "is no port of this container"));
                }
            }
        }
    }
}

fn services(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for service in set.of_kind("Service") {
        let root = service.root();
        let ports = root.each("spec.ports[]");
        if ports.is_empty() && root.text("spec.type") != Some("ExternalName") && root.text("spec.clusterIP") != Some("None") {
            out.push(root.finding(&INVALID_PORT, "has no port"));
        }
        let pods = root.at("spec.selector").map(|selector| selected(set, service.namespace, &selector)).unwrap_or_default();
        for port in &ports {
            match port.text("name") {
                None if ports.len() > 1 => out.push(port.finding(&INVALID_PORT, "has no name, and is one of several")),
                Some(name) => out.extend(is_dns_label(name).err().map(|why| port.fault(&INVALID_PORT, format!("has a name that {why}")))),
                None => {}
            }
            let Some(target) = port.get("targetPort") else { continue };
            let protocol = port.text("protocol").unwrap_or("TCP");
            needs_port(&target, &pods, protocol, out);
        }
    }
}

fn monitors(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for monitor in set.of_kind("PodMonitor") {
        let root = monitor.root();
        let pods = root.at("spec.selector").map(|selector| monitored(set, monitor, &selector)).unwrap_or_default();
        for port in root.each("spec.podMetricsEndpoints[].port") {
            needs_port(&port, &pods, "TCP", out);
        }
    }
}

fn policies(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for policy in set.of_kind("NetworkPolicy") {
        let root = policy.root();
        let pods = root.at("spec.podSelector").map(|selector| selected(set, policy.namespace, &selector)).unwrap_or_default();
        for port in root.each("spec.ingress[].ports[]") {
            if let Some(name) = port.get("port") {
                needs_port(&name, &pods, port.text("protocol").unwrap_or("TCP"), out);
            }
        }
        for port in [root.each("spec.ingress[].ports[]"), root.each("spec.egress[].ports[]")].concat() {
            if let Some(end) = port.get("endPort")
                && port.integer("port").is_none_or(|first| end.value.as_i64().is_some_and(|last| last < first))
            {
                out.push(end.fault(&INVALID_PORT, "ends a range of ports that begins above it or with no number"));
            }
        }
    }
}

/// Reports a port's name that some of `pods` lack; a number needs no port declared.
fn needs_port(port: &Node<'_>, pods: &[&PodTemplate<'_>], protocol: &str, out: &mut Vec<Diagnostic>) {
    let Some(name) = port.value.as_str().filter(|name| is_port_name(name).is_ok()) else { return };
    if let Some(pod) = pods.iter().find(|pod| !pod.has_port(name, protocol)) {
        out.push(port.fault(&MISSING_PORT, format!("is no {protocol} port of the pods of {}", pod.owner)));
    }
}
