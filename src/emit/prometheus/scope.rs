//! One model as rules see it: its selectors, its labels, its metrics.

use super::rule::{Labels, Recording, Rule};
use crate::emit::promql::{Selector, escape_pattern};
use crate::engine::{self, MetricKind, Metrics, Signal};
use crate::stack::{Model, Stack};

/// Longest prefix of a pod's name that is kept before its five random characters
/// (`maxGeneratedNameLength` of Kubernetes' `names.SimpleNameGenerator`).
const POD_NAME_BASE_CHARACTERS: usize = 58;
/// Longest hash that a Deployment puts behind its name, with the dashes around it.
const HASH_CHARACTERS: usize = 12;

/// The random end of a pod's name, for tests.
pub(super) const POD_NAME_END: &str = "x2k8z";

/// A model of a stack.
pub(super) struct Scope<'a> {
    pub(super) stack: &'a Stack,
    pub(super) model: &'a Model,
    pub(super) metrics: Metrics,
}

impl<'a> Scope<'a> {
    pub(super) fn of(stack: &'a Stack, model: &'a Model) -> Self {
        Self { stack, model, metrics: engine::of(model.engine).metrics(&model.engine_version) }
    }

    /// Labels of every rule about the model.
    pub(super) fn labels(&self) -> Labels {
        let mut labels = stack_labels(self.stack);
        labels.insert("llmc_model".into(), self.model.name.clone());
        labels
    }

    /// Labels of every alert about the model.
    pub(super) fn alert_labels(&self) -> Labels {
        let mut labels = self.labels();
        labels.extend(owner_label(self.stack));
        labels
    }

    /// A recording rule about the model.
    pub(super) fn record(&self, name: &'static str, expr: String) -> Rule {
        Rule::Record(Recording { name, expr, labels: self.labels() })
    }

    /// The model's series of the engine and of recording rules.
    pub(super) fn series(&self) -> Selector {
        Selector::model(self.stack, &self.model.name)
    }

    /// The model's Deployment in kube-state-metrics.
    pub(super) fn deployment(&self) -> Selector {
        Selector::namespace(self.stack).equal("deployment", &self.stack.object_name(&self.model.name))
    }

    /// The model's pods in kube-state-metrics, which knows them by name only.
    pub(super) fn pods(&self) -> Selector {
        pods_of(self.stack, &self.stack.object_name(&self.model.name))
    }

    /// A pod of the model in kube-state-metrics, for tests.
    pub(super) fn pod(&self, metric: &str, more: &[(&str, &str)]) -> String {
        let selector = Selector::namespace(self.stack).equal("pod", &self.pod_name()).equal("uid", "0c7f2d6e");
        let selector = more.iter().fold(selector, |selector, (label, value)| selector.equal(label, value));
        by_state_metrics(selector).of(metric)
    }

    fn pod_name(&self) -> String {
        format!("{}-7d9c5b8f4-{POD_NAME_END}", self.stack.object_name(&self.model.name))
    }

    /// A series of a running pod as the scrape stores it, for tests: with the target's labels and
    /// the engine's own.
    pub(super) fn scraped(&self, series: &str, more: &[(&str, &str)]) -> String {
        let job = format!("{}/{}", self.stack.namespace, self.stack.object_name(&self.model.name));
        let target = [
            ("container", engine::of(self.model.engine).name()),
            ("endpoint", "http"),
            ("instance", "10.1.2.3:8000"),
            ("job", job.as_str()),
            ("pod", &self.pod_name()),
        ];
        let own = self.metrics.by_series(series).map_or(&[][..], |metric| metric.labels);
        let own = own.iter().filter(|label| more.iter().all(|(given, _)| given != *label));
        let own = own.map(|label| (*label, if *label == self.metrics.model_label { self.model.name.as_str() } else { "0" }));
        let selector = target.into_iter().chain(own).fold(self.series(), |selector, (label, value)| selector.equal(label, value));
        more.iter().fold(selector, |selector, (label, value)| selector.equal(label, value)).of(series)
    }

    /// Name of the metric of a signal that is no histogram.
    pub(super) fn name(&self, signal: Signal) -> Option<&'static str> {
        self.metrics.get(signal).map(|metric| metric.name)
    }

    /// Name and bucket boundaries of the histogram of a signal.
    pub(super) fn histogram(&self, signal: Signal) -> Option<(&'static str, &'static [f64])> {
        let metric = self.metrics.get(signal)?;
        match metric.kind {
            MetricKind::Histogram(bounds) => Some((metric.name, bounds)),
            _ => None,
        }
    }

    /// Pattern of the finish reasons that are failures.
    fn failures(&self) -> String {
        alternatives(self.metrics.failure_reasons)
    }

    /// Pattern of the finish reasons that are nobody's fault.
    fn neutral(&self) -> String {
        alternatives(self.metrics.neutral_reasons)
    }

    /// Finished requests that count as good or bad: all but the neutral ones.
    pub(super) fn judged(&self, finished: &str) -> String {
        self.series().unlike(self.metrics.finish_reason_label, &self.neutral()).of(finished)
    }

    /// Finished requests that failed.
    pub(super) fn failed(&self, finished: &str) -> String {
        self.series().matches(self.metrics.finish_reason_label, &self.failures()).of(finished)
    }
}

/// A series as kube-state-metrics' own scrape stores it, for tests.
pub(super) fn by_state_metrics(selector: Selector) -> Selector {
    selector.equal("endpoint", "http").equal("instance", "10.0.0.9:8080").equal("job", "kube-state-metrics")
}

/// The pods of the Deployment `deployment` in kube-state-metrics.
pub(super) fn pods_of(stack: &Stack, deployment: &str) -> Selector {
    Selector::namespace(stack).matches("pod", &pod_pattern(deployment))
}

/// Labels of every rule about a stack.
pub(super) fn stack_labels(stack: &Stack) -> Labels {
    Labels::from([("llmc_stack".into(), stack.name.clone()), ("namespace".into(), stack.namespace.clone())])
}

/// The team that an alert is for.
pub(super) fn owner_label(stack: &Stack) -> Option<(String, String)> {
    stack.owner.clone().map(|owner| ("team".into(), owner))
}

fn alternatives(values: &[&str]) -> String {
    values.iter().map(|value| escape_pattern(value)).collect::<Vec<_>>().join("|")
}

/// Pattern of the names of a Deployment's pods. It fits no pod of a Deployment whose name only
/// begins alike, such as `chat-large` for `chat`.
fn pod_pattern(deployment: &str) -> String {
    if deployment.len() + HASH_CHARACTERS <= POD_NAME_BASE_CHARACTERS {
        return format!("{}-[a-z0-9]{{1,10}}-[a-z0-9]{{5}}", escape_pattern(deployment));
    }
    // The hash is cut at an unknown place, so the dash behind it may be gone.
    let kept: String = deployment.chars().take(POD_NAME_BASE_CHARACTERS).collect();
    format!("{}[a-z0-9-]{{5,17}}", escape_pattern(&kept))
}

#[cfg(test)]
mod tests {
    use super::pod_pattern;

    #[test]
    fn pods_are_told_from_those_of_longer_names() {
        let fits =
            |deployment: &str, pod: &str| regex::Regex::new(&format!("^(?:{})$", pod_pattern(deployment))).expect("a regex").is_match(pod);
        assert!(fits("s-chat", "s-chat-7d9c5b8f4-x2k8z"));
        assert!(!fits("s-chat", "s-chat-large-7d9c5b8f4-x2k8z"));
        assert!(!fits("s.chat", "s-chat-7d9c5b8f4-x2k8z"));
        let long = "a".repeat(55);
        assert!(fits(&long, &format!("{long}-7dx2k8z")));
    }
}
