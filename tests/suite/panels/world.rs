//! A stack that runs well, as the scrapes of a cluster would store it.
//!
//! Labels come from the emitted objects, never from the queries: what a PodMonitor does not add,
//! and what a Deployment does not call itself, no series here has.

use std::collections::BTreeMap;
use std::path::Path;

use llmc::engine::{self, Metric, MetricKind, Signal};
use llmc::stack::{Arm, Model, Stack};
use serde_json::{Value, json};

/// Minutes of samples.
pub(super) const MINUTES: u32 = 100;
/// Why vLLM says that requests ended; it exports all five from its start.
const FINISH_REASONS: [&str; 5] = ["stop", "length", "abort", "error", "repetition"];
/// What kube-state-metrics' own scrape adds, with the labels of its objects honoured.
const STATE_METRICS: [(&str, &str); 4] =
    [("job", "kube-state-metrics"), ("instance", "10.0.0.9:8080"), ("endpoint", "http"), ("service", "kps-kube-state-metrics")];
/// Phases of which a pod has one.
const PHASES: [&str; 5] = ["Pending", "Succeeded", "Failed", "Unknown", "Running"];

type Labels = BTreeMap<String, String>;

/// Series in promtool's notation.
pub(super) struct World {
    series: Vec<(String, Labels, String)>,
}

impl World {
    /// All pods ready, requests answered, GPUs measured, and an application that exports its own.
    pub(super) fn of(stack: &Stack, folder: &Path) -> Self {
        let mut world = Self { series: Vec::new() };
        for model in stack.models.values() {
            let objects = folder.join("kubernetes").join(&model.name);
            let (deployment, monitor) = (yaml(&objects.join("deployment.yaml")), yaml(&objects.join("pod-monitor.yaml")));
            world.state_of(&deployment);
            for (number, pod) in pods(&deployment).iter().enumerate() {
                world.engine(model, &scrape_labels(&deployment, &monitor, pod));
                world.gpus(&deployment, pod, number);
            }
        }
        world.guardrails(stack, folder);
        world.application(stack);
        world.experiments(stack, folder);
        world
    }

    /// As `of`, but no pod ever becomes ready and none is scraped.
    pub(super) fn without_pods(stack: &Stack, folder: &Path) -> Self {
        let mut world = Self { series: Vec::new() };
        for model in stack.models.values() {
            world.state_of(&yaml(&folder.join("kubernetes").join(&model.name).join("deployment.yaml")));
        }
        world.guardrails(stack, folder);
        world.series.retain(|(name, ..)| name.starts_with("kube_deployment_"));
        for (name, _, values) in &mut world.series {
            if name.contains("available") {
                *values = format!("0x{MINUTES}");
            }
        }
        world
    }

    /// The series as a unit test takes them.
    pub(super) fn input_series(&self) -> Value {
        let text = |(name, labels, values): &(String, Labels, String)| {
            let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={}", json!(value))).collect();
            json!({ "series": format!("{name}{{{}}}", labels.join(",")), "values": values })
        };
        self.series.iter().map(text).collect()
    }

    fn add(&mut self, name: &str, labels: &Labels, more: &[(&str, &str)], values: String) {
        let more = more.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
        self.series.push((name.to_owned(), labels.clone().into_iter().chain(more).collect(), values));
    }

    fn gauge(&mut self, name: &str, labels: &Labels, more: &[(&str, &str)], value: f64) {
        self.add(name, labels, more, format!("{value}x{MINUTES}"));
    }

    fn counter(&mut self, name: &str, labels: &Labels, more: &[(&str, &str)], each_minute: u32) {
        self.add(name, labels, more, format!("0+{each_minute}x{MINUTES}"));
    }

    /// Sixty observations a minute, none above the third bound: nobody's objective is missed.
    fn histogram(&mut self, name: &str, labels: &Labels, bounds: &[f64]) {
        let count = 60;
        for (index, bound) in bounds.iter().enumerate() {
            let below = count * u32::try_from(index + 1).expect("few bounds").min(3) / 3;
            // As Python prints a float: `1.0`, not `1`.
            self.counter(&format!("{name}_bucket"), labels, &[("le", &format!("{bound:?}"))], below);
        }
        self.counter(&format!("{name}_bucket"), labels, &[("le", "+Inf")], count);
        self.counter(&format!("{name}_count"), labels, &[], count);
        self.counter(&format!("{name}_sum"), labels, &[], 2 * count);
    }

    /// Every metric of the engine version, with exactly the labels that it has.
    fn engine(&mut self, model: &Model, scraped: &Labels) {
        let metrics = engine::of(model.engine).metrics(&model.engine_version);
        for (signal, Metric { name, kind, labels }) in &metrics.signals {
            let mut known = scraped.clone();
            for label in labels.iter().filter(|label| **label != metrics.finish_reason_label) {
                let value = if *label == metrics.model_label { &model.name } else { "0" };
                known.insert((*label).to_owned(), value.to_owned());
            }
            match kind {
                MetricKind::Histogram(bounds) => self.histogram(name, &known, bounds),
                MetricKind::Counter if labels.contains(&metrics.finish_reason_label) => {
                    for (reason, each_minute) in FINISH_REASONS.into_iter().zip([50, 5, 2, 0, 0]) {
                        self.counter(name, &known, &[(metrics.finish_reason_label, reason)], each_minute);
                    }
                }
                MetricKind::Counter if *signal == Signal::Preemptions => self.counter(name, &known, &[], 1),
                MetricKind::Counter => self.counter(name, &known, &[], 600),
                MetricKind::Gauge => self.gauge(name, &known, &[], 0.5),
            }
        }
        self.gauge("up", scraped, &[], 1.0);
    }

    fn guardrails(&mut self, stack: &Stack, folder: &Path) {
        for name in stack.guardrails.keys() {
            self.state_of(&yaml(&folder.join("guardrails").join(name).join("deployment.yaml")));
        }
    }

    /// The Deployment and its pods in kube-state-metrics.
    fn state_of(&mut self, deployment: &Value) {
        let replicas = f64::from(u32::try_from(pods(deployment).len()).expect("few pods"));
        let exporter = [("pod", "kps-kube-state-metrics-5c7d8f9b6-p4v2t"), ("container", "kube-state-metrics")];
        let labels = owned(&STATE_METRICS)
            .into_iter()
            .chain(owned(&exporter))
            .chain(owned(&[("namespace", text(deployment, "/metadata/namespace")), ("deployment", text(deployment, "/metadata/name"))]));
        let labels: Labels = labels.collect();
        for metric in ["kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"] {
            self.gauge(metric, &labels, &[], replicas);
        }
        let gpus = deployment.pointer("/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu").and_then(Value::as_str);
        for pod in pods(deployment) {
            let mut labels: Labels = owned(&STATE_METRICS);
            labels.extend(owned(&[("namespace", text(deployment, "/metadata/namespace")), ("pod", &pod), ("uid", "0c7f2d6e")]));
            for phase in PHASES {
                self.gauge("kube_pod_status_phase", &labels, &[("phase", phase)], f64::from(u8::from(phase == "Running")));
            }
            labels.insert("container".into(), text(deployment, "/spec/template/spec/containers/0/name").to_owned());
            self.gauge("kube_pod_container_status_restarts_total", &labels, &[], 0.0);
            for (resource, unit, value) in [("cpu", "core", 1.0), ("memory", "byte", 1_073_741_824.0)] {
                let resource = [("node", "gpu-1"), ("resource", resource), ("unit", unit)];
                self.gauge("kube_pod_container_resource_requests", &labels, &resource, value);
            }
            if let Some(gpus) = gpus {
                let resource = [("node", "gpu-1"), ("resource", "nvidia_com_gpu"), ("unit", "integer")];
                self.gauge("kube_pod_container_resource_requests", &labels, &resource, gpus.parse().expect("a number"));
            }
        }
    }

    /// A GPU of a pod in the DCGM exporter, once with its own labels kept and once renamed.
    fn gpus(&mut self, deployment: &Value, pod: &str, number: usize) {
        let gpu = owned(&[
            ("gpu", "0"),
            ("UUID", &format!("GPU-{number}")),
            ("device", "nvidia0"),
            ("modelName", "NVIDIA A100-SXM4-80GB"),
            ("Hostname", "gpu-1"),
            ("pci_bus_id", "00000000:07:00.0"),
            ("job", "dcgm-exporter"),
        ]);
        let used_by = [
            ("namespace", text(deployment, "/metadata/namespace")),
            ("pod", pod),
            ("container", text(deployment, "/spec/template/spec/containers/0/name")),
        ];
        let exporter = [("namespace", "gpu-operator"), ("pod", "nvidia-dcgm-exporter-x9k2p"), ("container", "nvidia-dcgm-exporter")];
        let kept: Labels = gpu.clone().into_iter().chain(owned(&used_by)).collect();
        let renamed = used_by.map(|(label, value)| (format!("exported_{label}"), value.to_owned()));
        let renamed: Labels = gpu.into_iter().chain(owned(&exporter)).chain(renamed).collect();
        for labels in [kept, renamed] {
            for (metric, value) in [
                ("DCGM_FI_DEV_GPU_UTIL", 80.0),
                ("DCGM_FI_DEV_FB_USED", 70_000.0),
                ("DCGM_FI_DEV_FB_FREE", 10_000.0),
                ("DCGM_FI_DEV_POWER_USAGE", 300.0),
                ("DCGM_FI_DEV_GPU_TEMP", 60.0),
            ] {
                self.gauge(metric, &labels, &[], value);
            }
        }
    }

    /// What one pod of flagd counts, under the names that it gives a scraper that takes dots and its monitor
    /// changes, and what applications report of the arms.
    fn experiments(&mut self, stack: &Stack, folder: &Path) {
        if stack.experiments.is_empty() {
            return;
        }
        let object = |name: &str| yaml(&folder.join("flagd").join(name));
        let (deployment, monitor) = (object("deployment.yaml"), object("pod-monitor.yaml"));
        let flagd = scrape_labels(&deployment, &monitor, &pods(&deployment)[0]);
        let mut counted = |metric: &str, labels: &[(&str, &str)], each_minute: u32| {
            let own = owned(labels).into_iter().chain(owned(&[("feature_flag.provider.name", "flagd")]));
            let (metric, labels) = renamed(&monitor, metric, flagd.clone().into_iter().chain(own).collect());
            self.counter(&metric, &labels, &[], each_minute);
        };
        let (impressions, reasons) = ("feature_flag.flagd.impression_total", "feature_flag.flagd.result.reason_total");
        for experiment in stack.experiments.values() {
            let flag = ("feature_flag.key", experiment.name.as_str());
            let dealt = |variant| [flag, ("feature_flag.reason", "TARGETING_MATCH"), ("feature_flag.result.variant", variant)];
            for (arm, Arm { active_parts, .. }) in &experiment.arms {
                counted(impressions, &dealt(arm), *active_parts);
            }
            counted(impressions, &dealt("off"), 500);
            counted(reasons, &[flag, ("feature_flag.reason", "TARGETING_MATCH")], 1_000);
        }
        counted(reasons, &[("ExceptionTypeKeyName", "FLAG_NOT_FOUND"), ("feature_flag.reason", "ERROR")], 0);
        for experiment in stack.experiments.values() {
            for arm in experiment.arms.keys() {
                let labels = owned(&[
                    ("namespace", stack.callers.first().expect("a caller")),
                    ("pod", "shop-6f7b8c9d5-h8m3n"),
                    ("stack", &stack.name),
                    ("experiment", &experiment.name),
                    ("variant", arm),
                ]);
                for metric in experiment.metrics.keys().chain(experiment.guards.keys()) {
                    let labels: Labels = labels.clone().into_iter().chain(owned(&[("metric", metric)])).collect();
                    self.histogram("llmc_experiment_value", &labels, &[1.0, 2.0, 4.0]);
                }
            }
        }
    }

    /// What the descriptions of the panels ask an application to export.
    fn application(&mut self, stack: &Stack) {
        for route in stack.routes.keys() {
            let caller = stack.callers.first().expect("a caller");
            let labels = owned(&[
                ("namespace", caller),
                ("pod", "shop-6f7b8c9d5-h8m3n"),
                ("job", "shop"),
                ("llmc_stack", &stack.name),
                ("route", route),
            ]);
            let mut judged = labels.clone();
            judged.insert("evaluator".into(), "judge".into());
            self.histogram("llm_quality_score", &judged, &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]);
            self.counter("llm_guardrail_violations_total", &labels, &[("violation_type", "pii")], 2);
            for (rating, each_minute) in [("up", 9), ("down", 1)] {
                self.counter("llm_user_feedback_total", &labels, &[("rating", rating)], each_minute);
            }
        }
    }
}

/// What Prometheus knows of a pod that it found through the PodMonitor, as the operator configures
/// it, and then what the monitor's own relabelings make of that.
fn scrape_labels(deployment: &Value, monitor: &Value, pod: &str) -> Labels {
    let template = deployment.pointer("/spec/template/metadata/labels").and_then(Value::as_object).expect("labels");
    let wanted = monitor.pointer("/spec/selector/matchLabels").and_then(Value::as_object).expect("a selector");
    assert!(wanted.iter().all(|(label, value)| template.get(label) == Some(value)), "the monitor chooses other pods");
    let namespace = text(deployment, "/metadata/namespace");
    let endpoint = monitor.pointer("/spec/podMetricsEndpoints/0").expect("an endpoint");
    let container = deployment.pointer("/spec/template/spec/containers/0").expect("a container");
    let port = text(endpoint, "/port");
    let ports = container["ports"].as_array().expect("ports");
    assert!(ports.iter().any(|other| other["name"] == port), "the monitor reads another port");
    let mut labels = owned(&[
        ("namespace", namespace),
        ("pod", pod),
        ("container", text(container, "/name")),
        ("endpoint", port),
        ("instance", "10.1.2.3:8000"),
        ("job", &format!("{namespace}/{}", text(monitor, "/metadata/name"))),
    ]);
    for rule in endpoint["relabelings"].as_array().expect("relabelings") {
        assert_eq!((text(rule, "/action"), rule.get("sourceLabels")), ("replace", None), "{rule}");
        labels.insert(text(rule, "/targetLabel").into(), text(rule, "/replacement").into());
    }
    labels
}

/// A series after the monitor's relabelings of metrics, without the labels that still have dots: their values
/// stand under other names too, and promtool reads no such name.
fn renamed(monitor: &Value, metric: &str, mut labels: Labels) -> (String, Labels) {
    labels.insert("__name__".into(), metric.into());
    let rules = monitor.pointer("/spec/podMetricsEndpoints/0/metricRelabelings").and_then(Value::as_array);
    for rule in rules.into_iter().flatten() {
        let pattern = regex::Regex::new(&format!("^(?:{})$", text(rule, "/regex"))).expect("a pattern");
        let replacement = text(rule, "/replacement");
        match text(rule, "/action") {
            "labelmap" => {
                let found: Vec<String> =
                    labels.iter().filter(|(label, _)| pattern.is_match(label)).map(|(_, value)| value.clone()).collect();
                labels.extend(found.into_iter().map(|value| (replacement.to_owned(), value)));
            }
            "replace" => {
                if pattern.is_match(&labels[text(rule, "/sourceLabels/0")]) {
                    labels.insert(text(rule, "/targetLabel").into(), replacement.into());
                }
            }
            other => panic!("{other} is not known here"),
        }
    }
    labels.retain(|label, _| !label.contains('.'));
    let metric = labels.remove("__name__").expect("a name");
    // A name that is still dotted is no series that a query here could read.
    (metric.replace('.', ":"), labels)
}

/// Names of a Deployment's pods, as a ReplicaSet makes them; two where an autoscaler decides.
fn pods(deployment: &Value) -> Vec<String> {
    let count = deployment.pointer("/spec/replicas").map_or(2, |replicas| replicas.as_u64().expect("a number"));
    (0..count).map(|number| format!("{}-7d9c5b8f4-x2k{number}z", text(deployment, "/metadata/name"))).collect()
}

fn owned(labels: &[(&str, &str)]) -> Labels {
    labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// A file of one YAML document.
pub(super) fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    serde_saphyr::from_str(&text).expect("YAML")
}
