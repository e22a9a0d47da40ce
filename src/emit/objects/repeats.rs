//! Names that may stand only once.

use std::collections::BTreeMap;

use super::node::{Node, shorten};
use super::set::Set;
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};

pub(super) static REPEATED_NAME: Rule = Rule {
    code: "LLMC-K105",
    name: "repeated-name-in-object",
    severity: Severity::Error,
    docs: "A list of an object has two items of one name: environment variables, containers, volumes, ports, \
           mount paths or rule groups.\n\n\
           Kubernetes merges such lists by that name. Server-side apply refuses the repeat (`duplicate entries for \
           key`), and client-side apply keeps one of the two and loses the other. Schemas see a list.\n\n\
           An argument or variable of the spec may repeat one that the compiler sets itself: drop it.",
};

pub(super) static REPEATED_OBJECT: Rule = Rule {
    code: "LLMC-K114",
    name: "repeated-object",
    severity: Severity::Error,
    docs: "Two files hold an object of one kind, namespace and name. kustomize refuses such a set (`may not add \
           resource with an already registered id`); applied one by one, the second overwrites the first.\n\n\
           Two blocks of the stack, such as a model and guardrails, lead to one name: rename one of them.",
};

/// Lists of any object, and the field that must differ in each.
const IN_OBJECTS: &[(&str, &str, &str)] = &[
    ("Service", "spec.ports[]", "name"),
    ("PrometheusRule", "spec.groups[]", "name"),
    ("ScaledObject", "spec.triggers[]", "name"),
    ("HTTPRoute", "spec.rules[]", "name"),
];

/// Lists of a container.
const IN_CONTAINERS: &[(&str, &str)] = &[("env[]", "name"), ("ports[]", "name"), ("volumeMounts[]", "mountPath")];

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    objects(set, out);
    for (kind, list, field) in IN_OBJECTS {
        set.of_kind(kind).for_each(|object| fields(object.root().each(list), field, out));
    }
    for service in set.of_kind("Service") {
        numbers(service.root().each("spec.ports[]"), "port", out);
    }
    for template in &set.templates {
        fields(template.containers(), "name", out);
        fields(template.spec.each("volumes[]"), "name", out);
        for container in template.containers() {
            IN_CONTAINERS.iter().for_each(|(list, field)| fields(container.each(list), field, out));
            numbers(container.each("ports[]"), "containerPort", out);
        }
    }
}

fn objects(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    let mut seen = BTreeMap::new();
    for object in set.objects {
        if let Some(first) = seen.insert((object.kind, object.namespace, object.name), object.file) {
            let place = Place::File(object.file.to_owned());
            out.push(
                Diagnostic::new(&REPEATED_OBJECT, place, format!("{object} is made twice"))
                    .related(Place::File(first.to_owned()), "made here too"),
            );
        }
    }
}

/// Refuses two `items` of the same text in `field`.
fn fields(items: Vec<Node<'_>>, field: &str, out: &mut Vec<Diagnostic>) {
    let key = |item: &Node<'_>| item.text(field).map(|text| format!("the {field} `{}`", shorten(text)));
    // Texts are compared whole, and only shown short.
    repeated(&items, |item| item.text(field).map(str::to_owned), key, out);
}

/// Refuses two ports of the same number and protocol.
fn numbers(items: Vec<Node<'_>>, field: &str, out: &mut Vec<Diagnostic>) {
    let key = |item: &Node<'_>| Some(format!("the {field} {} of {}", item.integer(field)?, item.text("protocol").unwrap_or("TCP")));
    repeated(&items, key, key, out);
}

fn repeated(
    items: &[Node<'_>],
    key: impl Fn(&Node<'_>) -> Option<String>,
    shown: impl Fn(&Node<'_>) -> Option<String>,
    out: &mut Vec<Diagnostic>,
) {
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        if key(item).is_some_and(|key| !seen.insert(key)) {
            out.push(item.finding(&REPEATED_NAME, format!("repeats {}", shown(item).unwrap_or_default())));
        }
    }
}
