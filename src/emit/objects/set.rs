//! All objects of a stack, and the pods that its workloads make.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::node::{Node, shorten};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};

pub(super) static UNKNOWN_KIND: Rule = Rule {
    code: "LLMC-K119",
    name: "unknown-kubernetes-kind",
    severity: Severity::Error,
    docs: "An object has no `apiVersion`, `kind`, `metadata.name` or `metadata.namespace`, or is of a kind \
           that these checks do not know.\n\n\
           An object of an unknown kind would pass every check unseen, so it is refused instead. Only the \
           compiler itself can cause this; please report it.",
};

/// Kinds that the checks know, with their `apiVersion`.
const KINDS: &[(&str, &str)] = &[
    ("ConfigMap", "v1"),
    ("Deployment", "apps/v1"),
    ("HTTPRoute", "gateway.networking.k8s.io/v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("PersistentVolumeClaim", "v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("PodMonitor", "monitoring.coreos.com/v1"),
    ("PrometheusRule", "monitoring.coreos.com/v1"),
    ("ScaledObject", "keda.sh/v1alpha1"),
    ("Service", "v1"),
    ("ServiceAccount", "v1"),
    ("StatefulSet", "apps/v1"),
];

/// Kinds that make pods from `spec.template` and own those that `spec.selector` matches.
const WORKLOADS: &[&str] = &["Deployment", "StatefulSet"];

/// One object with what names it.
pub(super) struct Object<'a> {
    /// Path of the file that it becomes.
    pub(super) file: &'a str,
    /// The whole object.
    pub(super) value: &'a Value,
    /// Its kind.
    pub(super) kind: &'a str,
    /// Its name.
    pub(super) name: &'a str,
    /// Its namespace.
    pub(super) namespace: &'a str,
}

impl<'a> Object<'a> {
    /// Reads one object; what it is otherwise, in words, when it is none that the checks know.
    fn of(file: &'a str, value: &'a Value) -> Result<Self, String> {
        let text = |pointer: &str| {
            let text = value.pointer(pointer).and_then(Value::as_str);
            text.ok_or_else(|| format!("an object has no text at `{}`", pointer.trim_start_matches('/').replace('/', ".")))
        };
        let (kind, version) = (text("/kind")?, text("/apiVersion")?);
        if !KINDS.contains(&(kind, version)) {
            return Err(format!("the checks do not know the kind `{}` of `{}`", shorten(kind), shorten(version)));
        }
        Ok(Self { file, value, kind, name: text("/metadata/name")?, namespace: text("/metadata/namespace")? })
    }

    /// The object as a place.
    pub(super) fn root(&'a self) -> Node<'a> {
        Node::root(self)
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, shorten(self.name))
    }
}

/// Labels of an object.
pub(super) type Labels<'a> = BTreeMap<&'a str, &'a str>;

/// Reads the objects; one that is none is reported and left out.
pub(super) fn read<'a>(objects: &'a [(String, Value)], out: &mut Vec<Diagnostic>) -> Vec<Object<'a>> {
    let mut read = Vec::with_capacity(objects.len());
    for (file, value) in objects {
        match Object::of(file, value) {
            Ok(object) => read.push(object),
            Err(message) => out.push(Diagnostic::new(&UNKNOWN_KIND, Place::File(file.clone()), message)),
        }
    }
    read
}

/// The objects of a stack.
pub(super) struct Set<'a> {
    /// In the order given.
    pub(super) objects: &'a [Object<'a>],
    /// The pods of every workload.
    pub(super) templates: Vec<PodTemplate<'a>>,
    /// Places in `templates` by each label, so that many selectors over many pods stay quick.
    by_label: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// By kind, namespace and name.
    index: BTreeMap<(&'a str, &'a str, &'a str), &'a Object<'a>>,
}

impl<'a> Set<'a> {
    /// The set of `objects`.
    pub(super) fn of(objects: &'a [Object<'a>]) -> Self {
        let templates: Vec<PodTemplate<'a>> = objects.iter().filter(|o| WORKLOADS.contains(&o.kind)).filter_map(PodTemplate::of).collect();
        let mut by_label: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, template) in templates.iter().enumerate() {
            template.labels.iter().for_each(|(key, value)| by_label.entry((*key, *value)).or_default().push(place));
        }
        Self { objects, templates, by_label, index: objects.iter().map(|o| ((o.kind, o.namespace, o.name), o)).collect() }
    }

    /// The pods with the rarest of `labels`: no others can have them all.
    pub(super) fn candidates(&self, labels: &Labels<'_>) -> Vec<&PodTemplate<'a>> {
        let places = labels.iter().map(|(key, value)| self.by_label.get(&(*key, *value)).map(Vec::as_slice).unwrap_or_default());
        match places.min_by_key(|places| places.len()) {
            Some(places) => places.iter().filter_map(|place| self.templates.get(*place)).collect(),
            None => self.templates.iter().collect(),
        }
    }

    /// Objects of one kind.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &'a Object<'a>> {
        self.objects.iter().filter(move |object| object.kind == kind)
    }

    /// The object `name` of a kind in a namespace.
    pub(super) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&'a Object<'a>> {
        self.index.get(&(kind, namespace, name)).copied()
    }
}

/// The pods that a workload makes.
pub(super) struct PodTemplate<'s> {
    /// The workload.
    pub(super) owner: &'s Object<'s>,
    /// Labels of its pods.
    pub(super) labels: Labels<'s>,
    /// `spec.template.spec`.
    pub(super) spec: Node<'s>,
}

impl<'s> PodTemplate<'s> {
    fn of(owner: &'s Object<'s>) -> Option<Self> {
        let root = owner.root();
        let labels = root.at("spec.template.metadata.labels").map(|node| labels(&node)).unwrap_or_default();
        Some(Self { owner, labels, spec: root.at("spec.template.spec")? })
    }

    /// Containers, those that run before the others first.
    pub(super) fn containers(&self) -> Vec<Node<'s>> {
        [self.spec.each("initContainers[]"), self.spec.each("containers[]")].concat()
    }

    /// Whether a container has a port `name` of `protocol`.
    pub(super) fn has_port(&self, name: &str, protocol: &str) -> bool {
        let ports = self.containers().into_iter().flat_map(|container| container.each("ports[]"));
        ports.into_iter().any(|port| port.text("name") == Some(name) && port.text("protocol").unwrap_or("TCP") == protocol)
    }
}

/// The texts of a map.
pub(super) fn labels<'a>(node: &Node<'a>) -> Labels<'a> {
    node.entries().into_iter().filter_map(|(key, value)| Some((key, value.value.as_str()?))).collect()
}
