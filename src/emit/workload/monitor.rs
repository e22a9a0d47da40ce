//! How Prometheus scrapes the pods of a workload.

use serde_json::{Value, json};

use super::Workload;
use crate::emit::yaml::value;
use crate::stack::Duration;

/// Label of every scraped series with the name of the stack.
pub(in crate::emit) const STACK_LABEL: &str = "llmc_stack";

/// Longest time of one scrape; Prometheus refuses one above the interval.
const SCRAPE_TIMEOUT: Duration = Duration::from_seconds(10);

/// The PodMonitor of `workload`, whose pods tell their metrics at `path` of the port `port`. Every series gets
/// the stack's name, and `labels` with their values; `renames` are relabellings of what the pods tell.
pub(in crate::emit) fn pod_monitor(
    workload: &Workload<'_>,
    (port, path): (&str, &str),
    labels: &[(&str, &str)],
    renames: &[Value],
) -> Value {
    let stack = workload.stack;
    let mut metadata = workload.metadata();
    metadata.labels.get_or_insert_default().extend(stack.monitoring.labels.clone());
    let interval = stack.monitoring.scrape_interval;
    let relabelings: Vec<Value> =
        std::iter::once(&(STACK_LABEL, stack.name.as_str())).chain(labels).map(|(label, text)| constant(label, text)).collect();
    let mut endpoint = json!({
        "port": port,
        "path": path,
        "interval": interval.to_string(),
        "scrapeTimeout": interval.min(SCRAPE_TIMEOUT).to_string(),
        // The scrape's own `namespace` and `pod`, which the operator adds, stand above
        // labels of the same name that a server might send.
        "honorLabels": false,
        "relabelings": relabelings,
    });
    if !renames.is_empty() {
        endpoint["metricRelabelings"] = renames.into();
    }
    value(&json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata,
        "spec": {
            "selector": workload.pods(),
            "namespaceSelector": { "matchNames": [stack.namespace] },
            "podMetricsEndpoints": [endpoint],
        },
    }))
}

/// A relabelling that writes the metric `name` with underscores where it has dots.
pub(in crate::emit) fn metric_without_dots(name: &str) -> Value {
    json!({
        "action": "replace",
        "sourceLabels": ["__name__"],
        "regex": name.replace('.', r"\."),
        "targetLabel": "__name__",
        "replacement": name.replace('.', "_"),
    })
}

/// A relabelling that gives the label `name` again with underscores where it has dots.
pub(in crate::emit) fn label_without_dots(name: &str) -> Value {
    json!({ "action": "labelmap", "regex": name.replace('.', r"\."), "replacement": name.replace('.', "_") })
}

/// A relabelling that gives every series, `up` among them, one more label.
fn constant(label: &str, text: &str) -> Value {
    // `$` would start a reference to a group of the regular expression.
    json!({ "action": "replace", "targetLabel": label, "replacement": text.replace('$', "$$") })
}
