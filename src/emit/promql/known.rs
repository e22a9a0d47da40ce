//! Which series exist, and how each may be read.

use std::collections::BTreeMap;

use super::recorded;
use crate::engine::{self, MetricKind, Metrics, Signal};
use crate::stack::Stack;

/// Labels that the scrape gives every series of a model's pods.
const SCRAPE_LABELS: &[&str] = &["namespace", "pod", "container", "instance", "job", "endpoint", "llmc_stack", "llmc_model"];

/// How a series may be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// As it is.
    Gauge,
    /// Through `rate` or `increase`.
    Counter,
    /// Through `rate` or `increase`; `le` takes these bounds.
    Buckets(&'static [f64]),
    /// As it is; `le` takes these bounds.
    BucketRates(&'static [f64]),
}

/// A series that exists.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) reading: Reading,
    pub(super) labels: Vec<&'static str>,
    /// Labels that a selector must narrow, so that it reads this stack only. Each group asks for
    /// one of its labels.
    pub(super) scope: &'static [&'static [&'static str]],
    /// Whether it comes from a scrape, and so needs a range of several scrapes.
    pub(super) is_scraped: bool,
}

/// The series that queries of a stack may read.
pub(in crate::emit) struct Known {
    /// Metrics of each model's engine version, by the model's name.
    models: BTreeMap<String, Metrics>,
    /// Milliseconds between two scrapes.
    pub(super) scrape_milliseconds: u64,
}

impl Known {
    /// What is known of `stack`.
    pub(in crate::emit) fn of(stack: &Stack) -> Self {
        let metrics = |m: &crate::stack::Model| engine::of(m.engine).metrics(&m.engine_version);
        Self {
            models: stack.models.values().map(|m| (m.name.clone(), metrics(m))).collect(),
            scrape_milliseconds: stack.monitoring.scrape_interval.milliseconds(),
        }
    }

    /// Whether the stack has the model `name`.
    pub(super) fn has_model(&self, name: &str) -> bool {
        self.models.contains_key(name)
    }

    /// The series `name`, of the model `model` or of any.
    pub(super) fn series(&self, name: &str, model: Option<&str>) -> Option<Series> {
        let others = || cluster_series(name).or_else(|| application_series(name));
        self.engine_series(name, model).or_else(|| self.recorded_series(name, model)).or_else(others)
    }

    fn metrics<'a>(&'a self, model: Option<&'a str>) -> impl Iterator<Item = &'a Metrics> {
        self.models.iter().filter(move |(name, _)| model.is_none_or(|m| m == *name)).map(|(_, metrics)| metrics)
    }

    fn engine_series(&self, name: &str, model: Option<&str>) -> Option<Series> {
        let metric = self.metrics(model).find_map(|metrics| metrics.by_series(name))?;
        let mut labels = [SCRAPE_LABELS, metric.labels].concat();
        let reading = match metric.kind {
            MetricKind::Gauge => Reading::Gauge,
            MetricKind::Histogram(bounds) if name.ends_with("_bucket") => {
                labels.push("le");
                Reading::Buckets(bounds)
            }
            MetricKind::Counter | MetricKind::Histogram(_) => Reading::Counter,
        };
        Some(Series { reading, labels, scope: &[&["namespace"], &["llmc_stack"], &["llmc_model"]], is_scraped: true })
    }

    fn recorded_series(&self, name: &str, model: Option<&str>) -> Option<Series> {
        let series = recorded(name)?;
        let reading = match series.buckets_of {
            None => Reading::Gauge,
            Some(signal) => Reading::BucketRates(self.bounds(signal, model)?),
        };
        let labels = [&["namespace", "llmc_stack"], series.labels].concat();
        Some(Series { reading, labels, scope: &[&["namespace"], &["llmc_stack"]], is_scraped: false })
    }

    fn bounds(&self, signal: Signal, model: Option<&str>) -> Option<&'static [f64]> {
        self.metrics(model).find_map(|metrics| match metrics.get(signal)?.kind {
            MetricKind::Histogram(bounds) => Some(bounds),
            _ => None,
        })
    }
}

const POD: &[&str] = &["namespace", "pod", "uid"];
const CONTAINER: &[&str] = &["namespace", "pod", "uid", "container"];
const DEPLOYMENT: &[&str] = &["namespace", "deployment"];
/// A GPU's labels; Prometheus prefixes those of the pod that uses it unless it honours labels.
const GPU: &[&str] = &[
    "gpu",
    "UUID",
    "device",
    "modelName",
    "Hostname",
    "pci_bus_id",
    "namespace",
    "pod",
    "container",
    "exported_namespace",
    "exported_pod",
    "exported_container",
];

/// Metrics of the cluster: name, whether it is a counter, labels. From kube-state-metrics 2.18's
/// `docs/metrics`, dcgm-exporter's `etc/default-counters.csv` (those on by default) and KEDA's
/// `pkg/metricscollector/prommetrics.go`.
const CLUSTER: &[(&str, bool, &[&str])] = &[
    ("DCGM_FI_DEV_FB_FREE", false, GPU),
    ("DCGM_FI_DEV_FB_USED", false, GPU),
    ("DCGM_FI_DEV_GPU_TEMP", false, GPU),
    ("DCGM_FI_DEV_GPU_UTIL", false, GPU),
    ("DCGM_FI_DEV_POWER_USAGE", false, GPU),
    ("DCGM_FI_DEV_ROW_REMAP_FAILURE", false, GPU),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", true, GPU),
    ("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", true, GPU),
    ("DCGM_FI_DEV_XID_ERRORS", false, GPU),
    ("DCGM_FI_PROF_DRAM_ACTIVE", false, GPU),
    ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", false, GPU),
    ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", false, GPU),
    ("keda_scaled_object_errors_total", true, &["namespace", "exported_namespace", "scaledObject"]),
    ("keda_scaled_object_paused", false, &["namespace", "exported_namespace", "scaledObject"]),
    ("keda_scaler_active", false, &["namespace", "exported_namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type"]),
    ("keda_scaler_metrics_value", false, &["namespace", "exported_namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type"]),
    ("kube_deployment_spec_replicas", false, DEPLOYMENT),
    ("kube_deployment_status_observed_generation", false, DEPLOYMENT),
    ("kube_deployment_status_replicas", false, DEPLOYMENT),
    ("kube_deployment_status_replicas_available", false, DEPLOYMENT),
    ("kube_deployment_status_replicas_ready", false, DEPLOYMENT),
    ("kube_deployment_status_replicas_unavailable", false, DEPLOYMENT),
    ("kube_deployment_status_replicas_updated", false, DEPLOYMENT),
    ("kube_pod_container_resource_requests", false, &["namespace", "pod", "uid", "container", "node", "resource", "unit"]),
    ("kube_pod_container_status_restarts_total", true, CONTAINER),
    ("kube_pod_container_status_waiting_reason", false, &["namespace", "pod", "uid", "container", "reason"]),
    ("kube_pod_status_phase", false, &["namespace", "pod", "uid", "phase"]),
    ("kube_pod_status_ready", false, &["namespace", "pod", "uid", "condition"]),
    ("kube_pod_start_time", false, POD),
];

/// Counters of flagd 0.16.1, from `core/pkg/telemetry/metrics.go` of github.com/open-feature/flagd at the tag
/// `core/v0.16.1`, as Prometheus writes OpenTelemetry's names: dots become underscores, and a counter ends in
/// `_total`. Its exporter (`go.opentelemetry.io/otel/exporters/prometheus` 0.64.0) leaves the dots to a scraper
/// that takes any UTF-8, as Prometheus 3 does; the scrape of flagd puts underscores in their place.
/// Both count evaluations, of which a user causes many. A failed one has no flag's key.
const FLAGD: &[(&str, &[&str])] = &[
    (
        "feature_flag_flagd_impression_total",
        &["feature_flag_key", "feature_flag_result_variant", "feature_flag_reason", "feature_flag_provider_name"],
    ),
    (
        "feature_flag_flagd_result_reason_total",
        &["feature_flag_key", "feature_flag_reason", "feature_flag_provider_name", "ExceptionTypeKeyName"],
    ),
];

fn cluster_series(name: &str) -> Option<Series> {
    // Prometheus' own two: one for each scraped pod, one for each alert.
    let stack_scope: &[&[&str]] = &[&["namespace"], &["llmc_stack"]];
    match name {
        "up" => return Some(Series { reading: Reading::Gauge, labels: SCRAPE_LABELS.to_vec(), scope: stack_scope, is_scraped: true }),
        "ALERTS" => {
            let labels = vec![
                "alertname",
                "alertstate",
                "severity",
                "team",
                "namespace",
                "llmc_stack",
                "llmc_model",
                "llmc_objective",
                "llmc_experiment",
            ];
            return Some(Series { reading: Reading::Gauge, labels, scope: stack_scope, is_scraped: false });
        }
        _ => {}
    }
    if let Some((_, labels)) = FLAGD.iter().find(|(known, _)| *known == name) {
        let labels = [SCRAPE_LABELS, labels].concat();
        return Some(Series { reading: Reading::Counter, labels, scope: stack_scope, is_scraped: true });
    }
    let (_, is_counter, labels) = CLUSTER.iter().find(|(known, _, _)| *known == name)?;
    let reading = if *is_counter { Reading::Counter } else { Reading::Gauge };
    Some(Series { reading, labels: labels.to_vec(), scope: &[&["namespace", "exported_namespace"]], is_scraped: true })
}

/// What an application may export about its answers; the dashboard describes each to users.
/// Scores go from 0 to 1, in tenths.
const APPLICATION: &[(&str, Reading, &str)] = &[
    ("llm_guardrail_violations_total", Reading::Counter, "violation_type"),
    ("llm_quality_score_bucket", Reading::Buckets(&[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]), "evaluator"),
    ("llm_user_feedback_total", Reading::Counter, "rating"),
];

/// What an application exports about the outcomes of an experiment: a histogram, of which only the mean is read.
const OUTCOMES: &[&str] = &["llmc_experiment_value_count", "llmc_experiment_value_sum"];

/// An application runs in any namespace, so the stack alone tells whose series these are.
fn application_series(name: &str) -> Option<Series> {
    if OUTCOMES.contains(&name) {
        let labels = vec!["namespace", "pod", "stack", "experiment", "variant", "metric"];
        return Some(Series { reading: Reading::Counter, labels, scope: &[&["stack"], &["experiment"]], is_scraped: true });
    }
    let (_, reading, label) = APPLICATION.iter().find(|(known, _, _)| *known == name)?;
    let mut labels = vec!["namespace", "pod", "llmc_stack", "route", *label];
    if matches!(reading, Reading::Buckets(_)) {
        labels.push("le");
    }
    Some(Series { reading: *reading, labels, scope: &[&["llmc_stack"]], is_scraped: true })
}
