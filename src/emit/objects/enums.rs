//! Fields that take one of a few words.

use super::node::Node;
use super::set::Set;
use crate::diagnostic::{Diagnostic, Rule, Severity, did_you_mean};

pub(super) static INVALID_ENUM: Rule = Rule {
    code: "LLMC-K109",
    name: "invalid-kubernetes-word",
    severity: Severity::Error,
    docs: "A field that takes one of a few words has another. An API server answers `Unsupported value: …: supported \
           values: …`; the JSON schemas of Kubernetes say only that it is a string.",
};

const PROTOCOL: &[&str] = &["TCP", "UDP", "SCTP"];
const SCHEME: &[&str] = &["HTTP", "HTTPS"];
const OPERATOR: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];
const POLICY: &[&str] = &["Cluster", "Local"];
const ACCESS: &[&str] = &["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];
const NODE_POLICY: &[&str] = &["Honor", "Ignore"];

type Word = (&'static str, &'static [&'static str]);

const IN_OBJECTS: &[(&str, &[Word])] = &[
    (
        "Service",
        &[
            ("spec.type", &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
            ("spec.sessionAffinity", &["None", "ClientIP"]),
            ("spec.internalTrafficPolicy", POLICY),
            ("spec.externalTrafficPolicy", POLICY),
            ("spec.ipFamilyPolicy", &["SingleStack", "PreferDualStack", "RequireDualStack"]),
            ("spec.ipFamilies[]", &["IPv4", "IPv6"]),
            ("spec.trafficDistribution", &["PreferClose", "PreferSameZone", "PreferSameNode"]),
            ("spec.ports[].protocol", PROTOCOL),
        ],
    ),
    ("Deployment", &[("spec.strategy.type", &["Recreate", "RollingUpdate"])]),
    (
        "StatefulSet",
        &[
            ("spec.podManagementPolicy", &["OrderedReady", "Parallel"]),
            ("spec.updateStrategy.type", &["OnDelete", "RollingUpdate"]),
            ("spec.volumeClaimTemplates[].spec.accessModes[]", ACCESS),
        ],
    ),
    ("PersistentVolumeClaim", &[("spec.accessModes[]", ACCESS), ("spec.volumeMode", &["Filesystem", "Block"])]),
    ("PodDisruptionBudget", &[("spec.unhealthyPodEvictionPolicy", &["IfHealthyBudget", "AlwaysAllow"])]),
    (
        "NetworkPolicy",
        &[
            ("spec.policyTypes[]", &["Ingress", "Egress"]),
            ("spec.ingress[].ports[].protocol", PROTOCOL),
            ("spec.egress[].ports[].protocol", PROTOCOL),
        ],
    ),
    ("PodMonitor", &[("spec.podMetricsEndpoints[].scheme", &["http", "https", "HTTP", "HTTPS"])]),
    ("ScaledObject", &[("spec.triggers[].metricType", &["AverageValue", "Value", "Utilization"])]),
    (
        "HTTPRoute",
        &[
            ("spec.rules[].matches[].path.type", &["Exact", "PathPrefix", "RegularExpression"]),
            ("spec.rules[].matches[].headers[].type", &["Exact", "RegularExpression"]),
        ],
    ),
];

const IN_PODS: &[Word] = &[
    // A workload's pods are always started again.
    ("restartPolicy", &["Always"]),
    ("dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ("tolerations[].operator", &["Exists", "Equal"]),
    ("tolerations[].effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ("topologySpreadConstraints[].whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]),
    ("topologySpreadConstraints[].nodeAffinityPolicy", NODE_POLICY),
    ("topologySpreadConstraints[].nodeTaintsPolicy", NODE_POLICY),
    ("volumes[].emptyDir.medium", &["", "Memory", "HugePages"]),
    ("securityContext.seccompProfile.type", &["RuntimeDefault", "Unconfined", "Localhost"]),
    ("securityContext.fsGroupChangePolicy", &["OnRootMismatch", "Always"]),
];

const IN_CONTAINERS: &[Word] = &[
    ("imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    ("restartPolicy", &["Always"]),
    ("terminationMessagePolicy", &["File", "FallbackToLogsOnError"]),
    ("ports[].protocol", PROTOCOL),
    ("securityContext.seccompProfile.type", &["RuntimeDefault", "Unconfined", "Localhost"]),
    ("startupProbe.httpGet.scheme", SCHEME),
    ("livenessProbe.httpGet.scheme", SCHEME),
    ("readinessProbe.httpGet.scheme", SCHEME),
];

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for (kind, words) in IN_OBJECTS {
        set.of_kind(kind).for_each(|object| one_of(&object.root(), words, out));
    }
    for template in &set.templates {
        one_of(&template.spec, IN_PODS, out);
        template.containers().iter().for_each(|container| one_of(container, IN_CONTAINERS, out));
    }
    for object in set.objects {
        object.root().walk(&mut |node| {
            // The expressions of node affinity also take Gt and Lt; no emitter writes one.
            if node.key() == "matchExpressions" {
                node.items().iter().for_each(|expression| one_of(expression, &[("operator", OPERATOR)], out));
            }
        });
    }
}

fn one_of(node: &Node<'_>, words: &[Word], out: &mut Vec<Diagnostic>) {
    for (path, allowed) in words {
        for node in node.each(path) {
            let Some(word) = node.value.as_str().filter(|word| !allowed.contains(word)) else { continue };
            let finding = node.fault(&INVALID_ENUM, format!("is none of `{}`", allowed.join("`, `")));
            out.push(match did_you_mean(word, allowed.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding,
            });
        }
    }
}
