//! Objects that name other objects.

use super::node::Node;
use super::routes;
use super::set::{Object, PodTemplate, Set};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static MISSING_OBJECT: Rule = Rule {
    code: "LLMC-K117",
    name: "missing-object",
    severity: Severity::Error,
    docs: "An object names a ServiceAccount, PersistentVolumeClaim, ConfigMap or key of one, Service or workload that \
           the stack does not make.\n\n\
           An API server accepts it, since the other object may come later. It never does: the pod then waits in \
           `ContainerCreating`, the route answers 500, or nothing scales.\n\n\
           Secrets are made by others, so that nothing can be said about them.",
};

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for template in &set.templates {
        pod(set, template, out);
    }
    for scaler in set.of_kind("ScaledObject") {
        if let Some(target) = scaler.root().at("spec.scaleTargetRef") {
            let kind = target.text("kind").unwrap_or("Deployment");
            target.get("name").iter().for_each(|name| needs(set, scaler, kind, name, out));
        }
    }
    for workload in set.of_kind("StatefulSet") {
        workload.root().at("spec.serviceName").iter().for_each(|name| needs(set, workload, "Service", name, out));
    }
    for route in set.of_kind("HTTPRoute") {
        route.root().each("spec.rules[].backendRefs[]").iter().for_each(|backend| service(set, route, backend, out));
    }
}

/// Reports the name at `node` unless an object of `kind` in the owner's namespace has it.
fn needs(set: &Set<'_>, owner: &Object<'_>, kind: &str, node: &Node<'_>, out: &mut Vec<Diagnostic>) {
    if let Some(name) = node.value.as_str()
        && set.find(kind, owner.namespace, name).is_none()
    {
        out.push(node.fault(&MISSING_OBJECT, format!("is no {kind} of this stack")));
    }
}

fn pod(set: &Set<'_>, template: &PodTemplate<'_>, out: &mut Vec<Diagnostic>) {
    let (spec, owner) = (&template.spec, template.owner);
    // Every namespace has the account `default`.
    if let Some(account) = spec.get("serviceAccountName").filter(|node| node.value.as_str() != Some("default")) {
        needs(set, owner, "ServiceAccount", &account, out);
    }
    for claim in spec.each("volumes[].persistentVolumeClaim.claimName") {
        needs(set, owner, "PersistentVolumeClaim", &claim, out);
    }
    for volume in [spec.each("volumes[].configMap"), spec.each("volumes[].projected.sources[].configMap")].concat() {
        config_map(set, owner, &volume, &volume.each("items[].key"), out);
    }
    for container in template.containers() {
        for reference in container.each("envFrom[].configMapRef") {
            config_map(set, owner, &reference, &[], out);
        }
        for reference in container.each("env[].valueFrom.configMapKeyRef") {
            config_map(set, owner, &reference, &reference.each("key"), out);
        }
        for mount in container.each("volumeMounts[]") {
            sub_path(set, template, &mount, out);
        }
    }
}

/// Reports a ConfigMap that is not there, or that lacks one of `keys`.
fn config_map(set: &Set<'_>, owner: &Object<'_>, reference: &Node<'_>, keys: &[Node<'_>], out: &mut Vec<Diagnostic>) {
    let Some(name) = reference.get("name").filter(|_| !reference.is_true("optional")) else { return };
    needs(set, owner, "ConfigMap", &name, out);
    let Some(found) = name.value.as_str().and_then(|name| set.find("ConfigMap", owner.namespace, name)) else { return };
    for key in keys {
        if key.value.as_str().is_some_and(|text| !has_key(found, text)) {
            out.push(key.fault(&MISSING_OBJECT, format!("is no key of {found}")));
        }
    }
}

fn has_key(config_map: &Object<'_>, key: &str) -> bool {
    ["data", "binaryData"].iter().any(|map| config_map.root().get(map).is_some_and(|map| map.get(key).is_some()))
}

/// A mount of one file of a ConfigMap: a missing file would be mounted as an empty folder.
fn sub_path(set: &Set<'_>, template: &PodTemplate<'_>, mount: &Node<'_>, out: &mut Vec<Diagnostic>) {
    let Some((path, file)) = mount.get("subPath").and_then(|node| Some((node.clone(), node.value.as_str()?))) else { return };
    let volumes = template.spec.each("volumes[]");
    let Some(volume) = volumes.iter().find(|v| v.text("name").is_some_and(|name| mount.text("name") == Some(name))) else { return };
    let Some(source) = volume.get("configMap") else { return };
    let Some(found) = source.text("name").and_then(|name| set.find("ConfigMap", template.owner.namespace, name)) else { return };
    let items = source.each("items[].path");
    let there = if items.is_empty() { has_key(found, file) } else { items.iter().any(|item| item.value.as_str() == Some(file)) };
    if !there {
        out.push(path.fault(&MISSING_OBJECT, format!("is no file of {found}")));
    }
}

/// A backend must be a Service of the stack with that port; other namespaces are others' matter.
fn service(set: &Set<'_>, route: &Object<'_>, backend: &Node<'_>, out: &mut Vec<Diagnostic>) {
    let elsewhere = backend.text("namespace").is_some_and(|namespace| namespace != route.namespace);
    if elsewhere || !routes::is_service(backend) {
        return;
    }
    let Some(name) = backend.get("name") else { return };
    needs(set, route, "Service", &name, out);
    let Some(found) = name.value.as_str().and_then(|name| set.find("Service", route.namespace, name)) else { return };
    let Some(port) = backend.get("port").filter(|port| port.value.as_u64().is_some_and(|n| (1..=65535).contains(&n))) else { return };
    if !found.root().each("spec.ports[].port").iter().any(|p| p.value == port.value) {
        out.push(port.fault(&MISSING_OBJECT, format!("is no port of {found}")));
    }
}
