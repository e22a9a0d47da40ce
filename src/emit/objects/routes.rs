//! HTTP routes.

use super::node::Node;
use super::set::Set;
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static INVALID_HTTP_ROUTE: Rule = Rule {
    code: "LLMC-K111",
    name: "invalid-http-route",
    severity: Severity::Error,
    docs: "An HTTPRoute has a backend without a port, a path that does not begin with `/`, a weight out of range, or \
           more parts than the Gateway API allows. An API server answers `Must have port for Service reference` or \
           `value must be an absolute path and start with '/'`: expressions beside the schema, which a JSON schema \
           cannot hold.",
};

/// Greatest weight of a backend.
const MOST_WEIGHT: i64 = 1_000_000;
/// Most rules of a route, and most backends of a rule.
const MOST_ITEMS: usize = 16;

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for route in set.of_kind("HTTPRoute") {
        let root = route.root();
        at_most(&root, "spec.rules", out);
        for rule in root.each("spec.rules[]") {
            at_most(&rule, "backendRefs", out);
            rule.each("backendRefs[]").iter().for_each(|backend| self::backend(backend, out));
            rule.each("matches[].path").iter().for_each(|path| self::path(path, out));
        }
    }
}

fn at_most(node: &Node<'_>, path: &str, out: &mut Vec<Diagnostic>) {
    if let Some(list) = node.at(path).filter(|list| list.items().len() > MOST_ITEMS) {
        out.push(list.finding(&INVALID_HTTP_ROUTE, format!("has {} items, and may have {MOST_ITEMS}", list.items().len())));
    }
}

/// Whether a backend is a Service, which is what one without a kind is.
pub(super) fn is_service(backend: &Node<'_>) -> bool {
    backend.text("kind").unwrap_or("Service") == "Service" && backend.text("group").unwrap_or_default().is_empty()
}

fn backend(backend: &Node<'_>, out: &mut Vec<Diagnostic>) {
    if is_service(backend) && backend.get("port").is_none() {
        out.push(backend.finding(&INVALID_HTTP_ROUTE, "is a Service without a port"));
    }
    if let Some(weight) = backend.get("weight")
        && weight.value.as_i64().is_some_and(|number| !(0..=MOST_WEIGHT).contains(&number))
    {
        out.push(weight.fault(&INVALID_HTTP_ROUTE, format!("must be from 0 to {MOST_WEIGHT}")));
    }
}

fn path(path: &Node<'_>, out: &mut Vec<Diagnostic>) {
    if path.text("type") == Some("RegularExpression") {
        return;
    }
    let Some((node, text)) = path.get("value").and_then(|node| Some((node.clone(), node.value.as_str()?))) else { return };
    if !text.starts_with('/') {
        out.push(node.fault(&INVALID_HTTP_ROUTE, "must begin with `/`"));
    } else if ["//", "/./", "/../", "%2f", "%2F", "#"].iter().any(|part| text.contains(part))
        || text.ends_with("/..")
        || text.ends_with("/.")
    {
        out.push(node.fault(&INVALID_HTTP_ROUTE, "may not have `//`, `/.`, `/..`, `%2f` or `#`"));
    }
}
