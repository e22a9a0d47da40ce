//! What an API server refuses to change in place.
//!
//! The rules are those of Kubernetes 1.33: `ValidateImmutableField` and the "forbidden" updates of
//! `pkg/apis/{core,apps,batch,rbac}/validation` and of the registries' strategies (a Deployment's
//! selector: `pkg/registry/apps/deployment/strategy.go`), as the API reference documents them.

use serde_json::Value;

use super::objects::Object;
use crate::syntax::Quantity;

/// A rule of one kind.
enum Rule {
    /// This field cannot change.
    Fixed(&'static str),
    /// Below the first, only these can change.
    AllBut(&'static str, &'static [&'static str]),
    /// This quantity cannot shrink.
    Grows(&'static str),
    /// This field cannot change once it is set.
    OnceSet(&'static str),
    /// These cannot change while `immutable` is true, nor can that be taken back.
    Sealed(&'static [&'static str]),
}

use Rule::{AllBut, Fixed, Grows, OnceSet, Sealed};

/// Rules by group and kind. Custom resources that are compiled (PodMonitor, PrometheusRule,
/// ScaledObject) and NetworkPolicy, ServiceAccount and PodDisruptionBudget have none.
const TABLE: &[(&str, &str, &[Rule])] = &[
    ("apps", "Deployment", &[Fixed("/spec/selector")]),
    ("apps", "ReplicaSet", &[Fixed("/spec/selector")]),
    ("apps", "DaemonSet", &[Fixed("/spec/selector")]),
    (
        "apps",
        "StatefulSet",
        &[AllBut(
            "/spec",
            &[
                "/replicas",
                "/ordinals",
                "/template",
                "/updateStrategy",
                "/revisionHistoryLimit",
                "/persistentVolumeClaimRetentionPolicy",
                "/minReadySeconds",
            ],
        )],
    ),
    (
        "batch",
        "Job",
        &[
            Fixed("/spec/selector"),
            Fixed("/spec/template"),
            Fixed("/spec/completions"),
            Fixed("/spec/completionMode"),
            Fixed("/spec/podFailurePolicy"),
            Fixed("/spec/successPolicy"),
            Fixed("/spec/backoffLimitPerIndex"),
            Fixed("/spec/managedBy"),
        ],
    ),
    (
        "",
        "PersistentVolumeClaim",
        &[AllBut("/spec", &["/resources/requests", "/volumeAttributesClassName"]), Grows("/spec/resources/requests/storage")],
    ),
    ("", "ConfigMap", &[Sealed(&["/data", "/binaryData"])]),
    ("", "Secret", &[Fixed("/type"), Sealed(&["/data", "/stringData"])]),
    ("", "Service", &[OnceSet("/spec/clusterIP"), OnceSet("/spec/clusterIPs")]),
    ("rbac.authorization.k8s.io", "RoleBinding", &[Fixed("/roleRef")]),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", &[Fixed("/roleRef")]),
];

/// The first field of `old` that has to change for `new` and cannot, so that the object has to be
/// deleted and created anew: a path such as `spec.selector`.
pub(super) fn field(old: &Object, new: &Object) -> Option<String> {
    if old.name != new.name {
        return Some("metadata.name".into());
    }
    if old.namespace != new.namespace {
        return Some("metadata.namespace".into());
    }
    let rules = TABLE.iter().find(|(group, kind, _)| *group == new.group() && *kind == new.kind).map_or(&[][..], |(_, _, rules)| rules);
    let pointer = rules.iter().find_map(|rule| rule.broken(&old.value, &new.value))?;
    Some(pointer.trim_start_matches('/').replace('/', "."))
}

impl Rule {
    /// Pointer of the field that breaks the rule.
    fn broken(&self, old: &Value, new: &Value) -> Option<String> {
        let differs = |pointer: &str| old.pointer(pointer) != new.pointer(pointer);
        match self {
            Fixed(pointer) => differs(pointer).then(|| (*pointer).to_owned()),
            AllBut(base, allowed) => {
                let rest = |value: &Value| {
                    let mut rest = value.pointer(base).cloned().unwrap_or_default();
                    allowed.iter().for_each(|pointer| remove(&mut rest, pointer));
                    rest
                };
                let (old, new) = (rest(old), rest(new));
                let keys = [&old, &new].into_iter().filter_map(Value::as_object).flat_map(|map| map.keys());
                let key = keys.into_iter().find(|key| old.get(key.as_str()) != new.get(key.as_str()));
                (old != new).then(|| format!("{base}{}", key.map(|key| format!("/{key}")).unwrap_or_default()))
            }
            Grows(pointer) => {
                let size = |value: &Value| Quantity::parse(value.pointer(pointer)?.as_str()?).ok();
                let shrinks = matches!((size(old), size(new)), (Some(old), Some(new)) if new < old);
                shrinks.then(|| (*pointer).to_owned())
            }
            OnceSet(pointer) => {
                (old.pointer(pointer).is_some() && new.pointer(pointer).is_some() && differs(pointer)).then(|| (*pointer).to_owned())
            }
            Sealed(pointers) => {
                let is_sealed = |value: &Value| value.pointer("/immutable") == Some(&Value::Bool(true));
                let field = pointers.iter().find(|pointer| differs(pointer)).or((!is_sealed(new)).then_some(&"/immutable"))?;
                is_sealed(old).then(|| (*field).to_owned())
            }
        }
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let mut emptied = false;
    if let Some(Value::Object(map)) = value.pointer_mut(parent) {
        map.shift_remove(key);
        emptied = map.is_empty();
    }
    // `resources: {}` says what no `resources` says.
    if emptied && !parent.is_empty() {
        remove(value, parent);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::field;
    use crate::plan::objects::Object;

    fn object(api_version: &str, kind: &str, rest: &Value) -> Object {
        let mut value = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "x", "namespace": "n" } });
        if let (Some(map), Some(rest)) = (value.as_object_mut(), rest.as_object()) {
            map.extend(rest.clone());
        }
        Object::of("x.yaml", value).expect("an object")
    }

    #[test]
    fn each_rule_names_its_field_and_lets_the_rest_through() {
        let claim = |size: &str, class: &str| json!({ "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": { "requests": { "storage": size } } } });
        let sealed = |text: &str, immutable: bool| json!({ "data": { "a": text }, "immutable": immutable });
        let cases = [
            (
                "apps/v1",
                "Deployment",
                json!({ "spec": { "selector": 1, "replicas": 1 } }),
                json!({ "spec": { "selector": 2 } }),
                Some("spec.selector"),
            ),
            ("apps/v1", "Deployment", json!({ "spec": { "selector": 1, "replicas": 1 } }), json!({ "spec": { "selector": 1 } }), None),
            ("v1", "PersistentVolumeClaim", claim("10Gi", "a"), claim("9Gi", "a"), Some("spec.resources.requests.storage")),
            ("v1", "PersistentVolumeClaim", claim("10Gi", "a"), claim("10240Mi", "a"), None),
            ("v1", "PersistentVolumeClaim", claim("10Gi", "a"), claim("1Ti", "a"), None),
            ("v1", "PersistentVolumeClaim", claim("10Gi", "a"), claim("10Gi", "b"), Some("spec.storageClassName")),
            ("v1", "ConfigMap", sealed("1", true), sealed("2", true), Some("data")),
            ("v1", "ConfigMap", sealed("1", true), sealed("1", false), Some("immutable")),
            ("v1", "ConfigMap", sealed("1", false), sealed("2", true), None),
            ("v1", "Secret", json!({ "type": "a" }), json!({ "type": "b" }), Some("type")),
            (
                "v1",
                "Service",
                json!({ "spec": { "clusterIP": "10.0.0.1" } }),
                json!({ "spec": { "clusterIP": "None" } }),
                Some("spec.clusterIP"),
            ),
            ("v1", "Service", json!({ "spec": { "clusterIP": "10.0.0.1" } }), json!({ "spec": { "type": "ClusterIP" } }), None),
            (
                "apps/v1",
                "StatefulSet",
                json!({ "spec": { "serviceName": "a" } }),
                json!({ "spec": { "serviceName": "b" } }),
                Some("spec.serviceName"),
            ),
            ("apps/v1", "StatefulSet", json!({ "spec": { "replicas": 1 } }), json!({ "spec": { "replicas": 2 } }), None),
            ("batch/v1", "Job", json!({ "spec": { "template": 1 } }), json!({ "spec": { "template": 2 } }), Some("spec.template")),
            ("policy/v1", "PodDisruptionBudget", json!({ "spec": { "selector": 1 } }), json!({ "spec": { "selector": 2 } }), None),
            ("example.org/v1", "Deployment", json!({ "spec": { "selector": 1 } }), json!({ "spec": { "selector": 2 } }), None),
        ];
        for (api_version, kind, old, new, expected) in cases {
            let (old, new) = (object(api_version, kind, &old), object(api_version, kind, &new));
            assert_eq!(field(&old, &new).as_deref(), expected, "{kind} {}", new.value);
            assert_eq!(field(&old, &old), None, "{kind}");
        }
    }

    #[test]
    fn nothing_changes_its_name_or_place() {
        let of = |namespace: &str, name: &str| {
            Object::of("x.yaml", json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace } }))
                .expect("an object")
        };
        assert_eq!(field(&of("n", "a"), &of("n", "b")).as_deref(), Some("metadata.name"));
        assert_eq!(field(&of("n", "a"), &of("m", "a")).as_deref(), Some("metadata.namespace"));
    }
}
