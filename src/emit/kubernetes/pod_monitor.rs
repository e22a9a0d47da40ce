//! How Prometheus scrapes a model's pods.

use serde_json::{Value, json};

use crate::emit::workload::PORT;
use crate::emit::yaml::value;
use crate::engine;
use crate::stack::{Duration, Model, Stack};

/// Label of every scraped series with the name of the stack.
pub(in crate::emit) const STACK_LABEL: &str = "llmc_stack";
/// Label of every scraped series with the name of the model.
pub(in crate::emit) const MODEL_LABEL: &str = "llmc_model";

/// Longest time of one scrape; Prometheus refuses one above the interval.
const SCRAPE_TIMEOUT: Duration = Duration::from_seconds(10);

pub(super) fn pod_monitor(stack: &Stack, model: &Model) -> Value {
    let workload = super::workload(stack, model);
    let mut metadata = workload.metadata();
    metadata.labels.get_or_insert_default().extend(stack.monitoring.labels.clone());
    let interval = stack.monitoring.scrape_interval;
    value(&json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata,
        "spec": {
            "selector": workload.pods(),
            "namespaceSelector": { "matchNames": [stack.namespace] },
            "podMetricsEndpoints": [{
                "port": PORT,
                "path": engine::of(model.engine).metrics_path(),
                "interval": interval.to_string(),
                "scrapeTimeout": interval.min(SCRAPE_TIMEOUT).to_string(),
                // The scrape's own `namespace` and `pod`, which the operator adds, stand above
                // labels of the same name that an engine might send.
                "honorLabels": false,
                "relabelings": [constant(STACK_LABEL, &stack.name), constant(MODEL_LABEL, &model.name)],
            }],
        },
    }))
}

/// A relabelling that gives every series, `up` among them, one more label.
fn constant(label: &str, text: &str) -> Value {
    // `$` would start a reference to a group of the regular expression.
    json!({ "action": "replace", "targetLabel": label, "replacement": text.replace('$', "$$") })
}
