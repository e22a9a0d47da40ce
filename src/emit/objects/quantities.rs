//! Quantities, requests and limits.

use std::collections::BTreeMap;

use serde_json::Value;

use super::node::{Node, shorten};
use super::set::Set;
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::syntax::Quantity;

pub(super) static INVALID_QUANTITY: Rule = Rule {
    code: "LLMC-K103",
    name: "unreadable-quantity",
    severity: Severity::Error,
    docs: "An amount of a resource cannot be read, is below zero, or is a fraction of a byte. An API server answers \
           `quantities must match the regular expression …`; schemas see a string.\n\n\
           Write a number and a suffix: `500m` of CPU, `16Gi` of memory. `16GB` and `16gi` are none, and `500m` of \
           memory is half a byte.",
};

pub(super) static INVALID_RESOURCES: Rule = Rule {
    code: "LLMC-K106",
    name: "invalid-resources",
    severity: Severity::Error,
    docs: "A container requests more than its limit, or its GPUs are not a whole number that is requested and \
           limited alike. An API server answers `must be less than or equal to … limit`; schemas compare no two \
           fields.\n\n\
           Kubernetes shares CPU and memory out, but never a GPU: an extended resource such as `nvidia.com/gpu` \
           needs a limit, and a request, where there is one, must equal it.",
};

/// Resources that Kubernetes itself counts; others carry the domain of who counts them.
const NATIVE: &[&str] = &["cpu", "memory", "ephemeral-storage"];

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for template in &set.templates {
        for container in template.containers() {
            if let Some(resources) = container.get("resources") {
                compare(&resources, out);
            }
        }
        for limit in template.spec.each("volumes[].emptyDir.sizeLimit") {
            read(&limit, out);
        }
    }
    for claim in set.of_kind("PersistentVolumeClaim") {
        storage(&claim.root(), "spec.resources.requests", out);
    }
    for claim in set.of_kind("StatefulSet").flat_map(|set| set.root().each("spec.volumeClaimTemplates[]")) {
        storage(&claim, "spec.resources.requests", out);
    }
}

fn storage(claim: &Node<'_>, requests: &str, out: &mut Vec<Diagnostic>) {
    match claim.at(requests).and_then(|requests| requests.get("storage")) {
        None => out.push(claim.finding(&INVALID_RESOURCES, format!("has no `{requests}.storage`"))),
        Some(size) if read(&size, out) == Some(Quantity::ZERO) => out.push(size.fault(&INVALID_QUANTITY, "must be above zero")),
        Some(_) => {}
    }
}

/// The quantity at `node`; one that is none is reported.
fn read(node: &Node<'_>, out: &mut Vec<Diagnostic>) -> Option<Quantity> {
    let parsed = match node.value {
        Value::String(text) => Quantity::parse(text),
        Value::Number(number) => Quantity::parse(&number.to_string()),
        _ => Err("is no quantity: it must be a text or a number".into()),
    };
    match parsed {
        Ok(quantity) if quantity.is_negative() => out.push(node.fault(&INVALID_QUANTITY, "may not be below zero")),
        Ok(quantity) => return Some(quantity),
        Err(reason) => out.push(node.fault(&INVALID_QUANTITY, reason)),
    }
    None
}

/// Reads each amount of `map`, by the name of its resource.
fn amounts<'a>(map: Option<&Node<'a>>, out: &mut Vec<Diagnostic>) -> BTreeMap<&'a str, (Node<'a>, Option<Quantity>)> {
    let entries = map.map(Node::entries).unwrap_or_default();
    entries
        .into_iter()
        .map(|(name, node)| {
            let quantity = read(&node, out);
            if !NATIVE.contains(&name) && !is_huge_pages(name) && !name.contains('/') {
                let reason = "is no resource of Kubernetes: another's resource begins with its domain, as in `nvidia.com/gpu`";
                out.push(node.finding(&INVALID_RESOURCES, format!("{reason} (`{}`)", shorten(name))));
            } else if name == "memory" && quantity.is_some_and(|q| !q.is_whole()) {
                out.push(node.fault(&INVALID_QUANTITY, "is a fraction of a byte"));
            }
            (name, (node, quantity))
        })
        .collect()
}

fn compare(resources: &Node<'_>, out: &mut Vec<Diagnostic>) {
    let limits = amounts(resources.get("limits").as_ref(), out);
    let requests = amounts(resources.get("requests").as_ref(), out);
    for (name, (node, quantity)) in limits.iter().chain(&requests) {
        if is_extended(name) && quantity.is_some_and(|q| !q.is_whole()) {
            out.push(node.fault(&INVALID_RESOURCES, "must be a whole number"));
        }
    }
    for (name, (node, request)) in &requests {
        let Some(request) = request else { continue };
        let shared = !is_extended(name) && !is_huge_pages(name);
        match limits.get(name) {
            None if !shared => out.push(node.fault(&INVALID_RESOURCES, "has no limit, and this resource is never shared out")),
            Some((_, Some(limit))) if !shared && request != limit => {
                out.push(node.fault(&INVALID_RESOURCES, "is unlike its limit, and this resource is never shared out"));
            }
            Some((_, Some(limit))) if request > limit => out.push(node.fault(&INVALID_RESOURCES, "is above its limit")),
            _ => {}
        }
    }
}

/// Whether somebody else than Kubernetes counts the resource.
fn is_extended(name: &str) -> bool {
    name.split_once('/').is_some_and(|(domain, _)| domain != "kubernetes.io" && !domain.ends_with(".kubernetes.io"))
}

fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-")
}
