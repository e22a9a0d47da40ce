//! Selectors: their form, what they select, and those that fight over pods.

use super::node::Node;
use super::set::{Labels, Object, PodTemplate, Set, labels};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};

pub(super) static INVALID_SELECTOR: Rule = Rule {
    code: "LLMC-K108",
    name: "invalid-selector",
    severity: Severity::Error,
    docs: "A workload's selector is empty, does not match the labels of its own pods, or holds a label that changes \
           with a release. An API server answers `selector does not match template labels`; schemas compare no two \
           fields.\n\n\
           A workload's selector can never be changed afterwards: with a version or a digest in it, the next release \
           is refused with `field is immutable` until somebody deletes the workload.",
};

pub(super) static SELECTS_NOTHING: Rule = Rule {
    code: "LLMC-K115",
    name: "selects-no-pod",
    severity: Severity::Error,
    docs: "A Service, PodDisruptionBudget, NetworkPolicy or PodMonitor selects no pod of the stack.\n\n\
           An API server accepts it, and nothing reports that the Service has no endpoints, the budget guards \
           nobody, the policy closes no door, or the metrics are missing.",
};

pub(super) static OVERLAPPING_SELECTORS: Rule = Rule {
    code: "LLMC-K118",
    name: "overlapping-selectors",
    severity: Severity::Error,
    docs: "Two workloads, two disruption budgets or two scalers claim the same pods.\n\n\
           An API server accepts each alone. Workloads then fight over pods, two budgets make every eviction fail \
           (`more than one PodDisruptionBudget`), and KEDA refuses the second scaler of a workload.",
};

/// Kinds that select pods of their own namespace, and where.
const SELECTING: &[(&str, &str)] =
    &[("Service", "spec.selector"), ("PodDisruptionBudget", "spec.selector"), ("NetworkPolicy", "spec.podSelector")];

/// Last words of label keys whose values change with a release.
const CHANGING: &[&str] = &["chart", "digest", "hash", "revision", "sha256", "version"];

/// The pods in `namespace` that `selector` matches: a plain map, or a map with `matchLabels`
/// and `matchExpressions`.
pub(super) fn selected<'s>(set: &'s Set<'_>, namespace: &str, selector: &Node<'_>) -> Vec<&'s PodTemplate<'s>> {
    let is_meant = matcher(selector);
    let candidates = set.candidates(&wanted(selector)).into_iter();
    candidates.filter(|pod| pod.owner.namespace == namespace && is_meant(&pod.labels)).collect()
}

/// The pods that a PodMonitor collects from, in the namespaces that it looks at.
pub(super) fn monitored<'s>(set: &'s Set<'_>, monitor: &Object<'_>, selector: &Node<'_>) -> Vec<&'s PodTemplate<'s>> {
    let root = monitor.root();
    let named = root.each("spec.namespaceSelector.matchNames[]");
    let any = root.is_true("spec.namespaceSelector.any");
    let looks_at = |namespace: &str| {
        any || if named.is_empty() { namespace == monitor.namespace } else { named.iter().any(|n| n.value.as_str() == Some(namespace)) }
    };
    let is_meant = matcher(selector);
    let candidates = set.candidates(&wanted(selector)).into_iter();
    candidates.filter(|pod| looks_at(pod.owner.namespace) && is_meant(&pod.labels)).collect()
}

fn is_plain(selector: &Node<'_>) -> bool {
    selector.get("matchLabels").is_none() && selector.get("matchExpressions").is_none()
}

/// The labels that `selector` wants one by one.
fn wanted<'n>(selector: &Node<'n>) -> Labels<'n> {
    let wanted = if is_plain(selector) { Some(selector.clone()) } else { selector.get("matchLabels") };
    wanted.map(|map| labels(&map)).unwrap_or_default()
}

/// Whether a pod's labels match `selector`.
fn matcher<'n>(selector: &Node<'n>) -> impl Fn(&Labels<'_>) -> bool + use<'n> {
    let wanted = wanted(selector);
    let expressions: Vec<Expression<'_>> = selector.each("matchExpressions[]").iter().map(Expression::of).collect();
    move |pod| wanted.iter().all(|(key, value)| pod.get(key) == Some(value)) && expressions.iter().all(|expression| expression.matches(pod))
}

/// One of `matchExpressions`, read once for all pods.
struct Expression<'n> {
    key: &'n str,
    operator: &'n str,
    values: Vec<&'n str>,
}

impl<'n> Expression<'n> {
    /// What is missing is read as empty; schemas require the key and the operator.
    fn of(node: &Node<'n>) -> Self {
        let values = node.each("values[]").iter().filter_map(|value| value.value.as_str()).collect();
        Self { key: node.text("key").unwrap_or_default(), operator: node.text("operator").unwrap_or_default(), values }
    }

    fn matches(&self, pod: &Labels<'_>) -> bool {
        let value = pod.get(self.key);
        let is_listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

fn is_empty(selector: &Node<'_>) -> bool {
    let mut maps = if is_plain(selector) { vec![selector.clone()] } else { selector.each("matchLabels") };
    maps.extend(selector.each("matchExpressions[]"));
    maps.iter().all(|map| map.entries().is_empty())
}

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for pod in &set.templates {
        own_pods(pod, out);
    }
    for object in set.objects {
        object.root().walk(&mut |node| expressions(node, out));
    }
    for (kind, path) in SELECTING {
        for object in set.of_kind(kind) {
            // An empty selector of a policy or a budget takes every pod of the namespace, whoever
            // made it.
            if let Some(selector) = object.root().at(path).filter(|selector| !is_empty(selector))
                && selected(set, object.namespace, &selector).is_empty()
            {
                out.push(selector.finding(&SELECTS_NOTHING, "matches no pod of this stack"));
            }
        }
    }
    for service in set.of_kind("Service") {
        let root = service.root();
        let selects = root.at("spec.selector").is_some_and(|selector| !is_empty(&selector));
        // Endpoints made by hand are no part of any stack.
        if !selects && root.text("spec.type") != Some("ExternalName") {
            out.push(root.finding(&SELECTS_NOTHING, "has no selector"));
        }
    }
    for monitor in set.of_kind("PodMonitor") {
        if let Some(selector) = monitor.root().at("spec.selector")
            && monitored(set, monitor, &selector).is_empty()
        {
            out.push(selector.finding(&SELECTS_NOTHING, "matches no pod of this stack"));
        }
    }
    overlaps(set, out);
}

/// A workload must select the pods that it makes, for ever.
fn own_pods(pod: &PodTemplate<'_>, out: &mut Vec<Diagnostic>) {
    let root = pod.owner.root();
    let Some(selector) = root.at("spec.selector").filter(|selector| !is_empty(selector)) else {
        out.push(root.finding(&INVALID_SELECTOR, "has no selector"));
        return;
    };
    if !matcher(&selector)(&pod.labels) {
        out.push(selector.finding(&INVALID_SELECTOR, "does not match the labels of the workload's own pods"));
    }
    for (key, node) in selector.each("matchLabels").iter().flat_map(Node::entries) {
        if key.rsplit(['.', '/', '-', '_']).next().is_some_and(|word| CHANGING.contains(&word)) {
            out.push(node.finding(&INVALID_SELECTOR, "changes with a release, and a selector cannot be changed"));
        }
    }
}

/// The form of `matchExpressions`, wherever they stand.
fn expressions(node: &Node<'_>, out: &mut Vec<Diagnostic>) {
    if node.key() != "matchExpressions" {
        return;
    }
    for expression in node.items() {
        let values = expression.each("values[]").len();
        match expression.text("operator") {
            Some("In" | "NotIn") if values == 0 => out.push(expression.finding(&INVALID_SELECTOR, "has no values")),
            Some("Exists" | "DoesNotExist") if values > 0 => {
                out.push(expression.finding(&INVALID_SELECTOR, "has values, which its operator does not take"));
            }
            _ => {}
        }
    }
}

/// Objects that claim pods which another claims too.
fn overlaps(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    let claim = |object: &Object<'_>| -> Vec<String> {
        let selector = object.root().at("spec.selector").filter(|selector| !is_empty(selector));
        let pods = selector.map(|selector| selected(set, object.namespace, &selector)).unwrap_or_default();
        pods.iter().map(|pod| pod.owner.name.to_owned()).collect()
    };
    for pod in &set.templates {
        let others = claim(pod.owner).into_iter().filter(|name| name != pod.owner.name);
        for other in others {
            let message = format!("also matches the pods of `{other}`");
            out.extend(pod.owner.root().at("spec.selector").map(|node| node.finding(&OVERLAPPING_SELECTORS, message)));
        }
    }
    let budgets: Vec<_> = set.of_kind("PodDisruptionBudget").map(|budget| (budget, claim(budget))).collect();
    twice(&budgets, "guards", out);
    let target = |scaler: &Object<'_>| scaler.root().text("spec.scaleTargetRef.name").map(str::to_owned);
    let scalers: Vec<_> = set.of_kind("ScaledObject").map(|scaler| (scaler, target(scaler).into_iter().collect())).collect();
    twice(&scalers, "scales", out);
}

/// Reports every object that claims what one before it in the same namespace claimed.
fn twice(claims: &[(&Object<'_>, Vec<String>)], does: &str, out: &mut Vec<Diagnostic>) {
    let mut first = std::collections::BTreeMap::new();
    for (object, workloads) in claims {
        for workload in workloads {
            match first.get(&(object.namespace, workload)) {
                None => drop(first.insert((object.namespace, workload), *object)),
                Some(other) => out.push(
                    object
                        .root()
                        .finding(&OVERLAPPING_SELECTORS, format!("{does} the pods of `{workload}`, as {other} does"))
                        .related(Place::File(other.file.to_owned()), format!("{does} them too")),
                ),
            }
        }
    }
}
