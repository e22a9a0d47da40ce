//! Names, labels and annotations.

use serde_json::Value;

use super::node::{Node, shorten};
use super::set::Set;
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::syntax::{
    is_config_key, is_dns_1035_label, is_dns_label, is_dns_subdomain, is_environment_name, is_label_value, label_key_fault,
};

pub(super) static INVALID_NAME: Rule = Rule {
    code: "LLMC-K101",
    name: "invalid-kubernetes-name",
    severity: Severity::Error,
    docs: "A name in an object is none for its kind. An API server answers `a lowercase RFC 1123 subdomain must \
           consist of …`; schemas only say that a name is a string.\n\n\
           Most objects take a DNS subdomain of 253 characters, namespaces, containers and volumes a DNS label of \
           63, and a Service a label that begins with a letter, which Kubernetes 1.36 is the first to relax.\n\n\
           Names of objects are made of the stack's name and the block's: shorten or rename one of them.",
};

pub(super) static INVALID_LABEL: Rule = Rule {
    code: "LLMC-K102",
    name: "invalid-kubernetes-label",
    severity: Severity::Error,
    docs: "A label, annotation, selector or node selector has a key or value that an API server refuses: `a \
           qualified name must consist of …`. Schemas see a map of strings.\n\n\
           A key is an optional DNS subdomain and `/`, then up to 63 letters, digits, `-`, `_` and `.`, beginning \
           and ending with a letter or digit. A label's value follows the same rule or is empty; an annotation's \
           value may be any text.",
};

type Syntax = fn(&str) -> Result<(), String>;

/// Names in a pod's `spec` and what they must be. Secrets are made by others, so that their
/// syntax is all that can be known of them.
const POD_NAMES: &[(&str, Syntax)] = &[
    ("serviceAccountName", is_dns_subdomain),
    ("imagePullSecrets[].name", is_dns_subdomain),
    ("volumes[].name", is_dns_label),
    ("volumes[].persistentVolumeClaim.claimName", is_dns_subdomain),
    ("volumes[].configMap.name", is_dns_subdomain),
    ("volumes[].configMap.items[].key", is_config_key),
    ("volumes[].secret.secretName", is_dns_subdomain),
    ("volumes[].secret.items[].key", is_config_key),
];

/// The same for each container.
const CONTAINER_NAMES: &[(&str, Syntax)] = &[
    ("name", is_dns_label),
    ("env[].name", is_environment_name),
    ("env[].valueFrom.secretKeyRef.name", is_dns_subdomain),
    ("env[].valueFrom.secretKeyRef.key", is_config_key),
    ("env[].valueFrom.configMapKeyRef.name", is_dns_subdomain),
    ("env[].valueFrom.configMapKeyRef.key", is_config_key),
    ("envFrom[].secretRef.name", is_dns_subdomain),
    ("envFrom[].configMapRef.name", is_dns_subdomain),
];

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for object in set.objects {
        let root = object.root();
        let syntax: Syntax = if object.kind == "Service" { is_dns_1035_label } else { is_dns_subdomain };
        named(&root, "metadata.name", syntax, out);
        named(&root, "metadata.namespace", is_dns_label, out);
        if object.kind == "ConfigMap" {
            config_keys(&root, out);
        }
        if object.kind == "Service" {
            root.at("spec.selector").iter().for_each(|selector| label_map(selector, out));
        }
        root.walk(&mut |node| labels_at(node, out));
    }
    for template in &set.templates {
        POD_NAMES.iter().for_each(|(path, syntax)| named(&template.spec, path, *syntax, out));
        for container in template.containers() {
            CONTAINER_NAMES.iter().for_each(|(path, syntax)| named(&container, path, *syntax, out));
        }
        template.spec.at("nodeSelector").iter().for_each(|selector| label_map(selector, out));
        for toleration in template.spec.each("tolerations[]") {
            keyed(&toleration, "key", out);
        }
        for constraint in template.spec.each("topologySpreadConstraints[]") {
            keyed(&constraint, "topologyKey", out);
        }
    }
}

fn named(node: &Node<'_>, path: &str, syntax: Syntax, out: &mut Vec<Diagnostic>) {
    for name in node.each(path) {
        if let Some(Err(reason)) = name.value.as_str().map(syntax) {
            out.push(name.fault(&INVALID_NAME, reason));
        }
    }
}

fn config_keys(config_map: &Node<'_>, out: &mut Vec<Diagnostic>) {
    for map in ["data", "binaryData"].into_iter().filter_map(|key| config_map.get(key)) {
        for (key, _) in map.entries() {
            if let Err(reason) = is_config_key(key) {
                out.push(map.finding(&INVALID_NAME, format!("has the key `{}`, which {reason}", shorten(key))));
            }
        }
    }
}

/// Labels and annotations of metadata and selectors, wherever they stand.
fn labels_at(node: &Node<'_>, out: &mut Vec<Diagnostic>) {
    match node.key() {
        "metadata" => {
            node.get("labels").iter().for_each(|labels| label_map(labels, out));
            node.get("annotations").iter().for_each(|annotations| keys(annotations, out));
        }
        "matchLabels" => label_map(node, out),
        "matchExpressions" => node.items().iter().for_each(|expression| {
            keyed(expression, "key", out);
            expression.each("values[]").iter().for_each(|value| label_value(value, out));
        }),
        _ => {}
    }
}

fn label_map(map: &Node<'_>, out: &mut Vec<Diagnostic>) {
    keys(map, out);
    map.entries().iter().for_each(|(_, value)| label_value(value, out));
}

fn keys(map: &Node<'_>, out: &mut Vec<Diagnostic>) {
    for (key, _) in map.entries() {
        if let Some(reason) = label_key_fault(key) {
            out.push(map.finding(&INVALID_LABEL, format!("has the key `{}`, which {reason}", shorten(key))));
        }
    }
}

fn keyed(node: &Node<'_>, path: &str, out: &mut Vec<Diagnostic>) {
    if let Some((node, Value::String(key))) = node.at(path).map(|n| (n.clone(), n.value)) {
        out.extend(label_key_fault(key).map(|reason| node.fault(&INVALID_LABEL, reason)));
    }
}

fn label_value(node: &Node<'_>, out: &mut Vec<Diagnostic>) {
    if let Some(Err(reason)) = node.value.as_str().map(is_label_value) {
        out.push(node.fault(&INVALID_LABEL, reason));
    }
}
