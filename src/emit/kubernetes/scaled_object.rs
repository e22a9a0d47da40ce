//! What KEDA scales a model's Deployment by.

use serde_json::{Value, json};

use super::pod_monitor::{MODEL_LABEL, STACK_LABEL};
use crate::emit::yaml::value;
use crate::engine::{self, Metric, Signal};
use crate::stack::{Duration, Model, Scale, ScaleMetric, Stack};

/// Scrapes that a reading is averaged over: the gauges are snapshots of one engine step, and read
/// anything between nothing and the truth.
const SCRAPES: u64 = 4;
/// Shortest window of the average, in milliseconds.
const LEAST_WINDOW_MILLISECONDS: u64 = 60_000;
/// Seconds between two looks of KEDA at the metric.
const POLLING_SECONDS: u32 = 15;
/// Seconds before KEDA would go to zero copies, which `minReplicaCount` rules out.
const COOLDOWN_SECONDS: u32 = 300;
/// Seconds that more copies must have been wanted for.
const SCALE_UP_SECONDS: u32 = 60;
/// Shortest and longest time that fewer copies must have been wanted for, in seconds; an
/// autoscaler accepts no more than an hour.
const SCALE_DOWN_SECONDS: (u32, u32) = (300, 3600);

/// The gauge that decides the number of copies; `None` for a fixed number.
///
/// The Deployment leaves its `replicas` out exactly when this is `Some`, so that one of the two
/// always decides.
pub(super) fn gauge(model: &Model) -> Option<(&Scale, Metric)> {
    let scale = model.replicas.scale.as_ref()?;
    let signal = match scale.metric {
        ScaleMetric::Queue => Signal::Waiting,
        ScaleMetric::Running => Signal::Running,
    };
    let metric = engine::of(model.engine).metrics(&model.engine_version).get(signal)?;
    Some((scale, metric))
}

/// The ScaledObject, or `None` for a fixed number of copies.
pub(super) fn scaled_object(stack: &Stack, model: &Model) -> Option<Value> {
    let (scale, metric) = gauge(model)?;
    let workload = super::workload(stack, model);
    Some(value(&json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": workload.metadata(),
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": workload.object_name },
            "minReplicaCount": model.replicas.min,
            "maxReplicaCount": model.replicas.max,
            "pollingInterval": POLLING_SECONDS,
            "cooldownPeriod": COOLDOWN_SECONDS,
            "advanced": {
                "restoreToOriginalReplicaCount": false,
                "horizontalPodAutoscalerConfig": { "behavior": behavior(model) },
            },
            "triggers": [{
                "type": "prometheus",
                "metricType": "AverageValue",
                "metadata": {
                    "serverAddress": stack.monitoring.prometheus,
                    "query": query(stack, model, metric),
                    "threshold": scale.target.to_string(),
                    // No series is an error, which leaves the number of copies as it is: lost
                    // scrapes must not look like an idle model. So no `or vector(0)` either.
                    "ignoreNullValues": "false",
                },
            }],
        },
    })))
}

/// Doubling at most each minute on the way up, one copy at a time on the way down, and down only
/// when the want has lasted as long as the copy would need to come back.
fn behavior(model: &Model) -> Value {
    let (least, most) = SCALE_DOWN_SECONDS;
    json!({
        "scaleUp": {
            "stabilizationWindowSeconds": SCALE_UP_SECONDS,
            "selectPolicy": "Max",
            "policies": [{ "type": "Percent", "value": 100, "periodSeconds": 60 }],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": model.startup_seconds.clamp(least, most),
            "selectPolicy": "Max",
            "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 60 }],
        },
    })
}

/// The sum over the pods; KEDA divides it by the threshold to get the number of copies.
fn query(stack: &Stack, model: &Model, metric: Metric) -> String {
    let labels = [("namespace", &stack.namespace), (STACK_LABEL, &stack.name), (MODEL_LABEL, &model.name)];
    // A JSON string is a PromQL string, escapes included.
    let matchers = labels.map(|(label, text)| format!("{label}={}", Value::from(text.as_str()))).join(",");
    format!("sum(avg_over_time({}{{{matchers}}}[{}]))", metric.name, window(stack.monitoring.scrape_interval))
}

/// A few scrapes, and never under a minute, in whole seconds.
fn window(scrape_interval: Duration) -> Duration {
    let milliseconds = scrape_interval.milliseconds().saturating_mul(SCRAPES).max(LEAST_WINDOW_MILLISECONDS);
    Duration::from_seconds(milliseconds.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::window;
    use crate::stack::Duration;

    #[test]
    fn the_window_holds_four_scrapes_and_a_minute() {
        for (interval, shown) in [("1s", "1m"), ("15s", "1m"), ("30s", "2m"), ("20.5s", "82s"), ("5m", "20m")] {
            let interval = Duration::parse(interval).expect("a duration");
            assert_eq!(window(interval).to_string(), shown);
        }
    }
}
