//! Alerts that every model has, whatever its objectives.

use super::rule::{Alert, Cases, Description, Firing, Input, Rule, Severity};
use super::scope::{Scope, by_state_metrics};
use crate::emit::promql::Selector;
use crate::engine::{self, Signal};
use crate::stack::ScaleMetric;

const MINUTE: u64 = 60;
/// Seconds without a ready pod before somebody is woken: a rollout has a gap at times.
pub(super) const NOTHING_READY_SECONDS: u64 = 5 * MINUTE;
/// Used share of the KV cache above which new requests are put off or running ones put back.
const KV_CACHE_FULL: f64 = 0.9;
/// Preemptions for each finished request above which work is thrown away.
const PREEMPTIONS_PER_REQUEST: f64 = 0.05;
/// Share of failed requests above which something is broken, without any objective.
const FAILED_SHARE: f64 = 0.05;
/// Requests in ten minutes below which a share says nothing.
const LEAST_REQUESTS: u32 = 10;

/// The alerts of a model, for the signals that its engine version has.
pub(super) fn alerts(scope: &Scope<'_>) -> Vec<Rule> {
    let alerts = [
        Some(no_ready_replicas(scope)),
        metrics_absent(scope),
        Some(model_load_failing(scope)),
        queue_growing(scope),
        kv_cache_saturated(scope),
        preemption_storm(scope),
        engine_errors(scope),
    ];
    alerts.into_iter().flatten().map(|alert| Rule::Alert(Box::new(alert))).collect()
}

/// An alert about the model; what every one of them shares.
fn about(
    scope: &Scope<'_>,
    name: &str,
    (severity, for_seconds): (Severity, u64),
    expr: String,
    text: (String, Description),
    cases: Cases,
) -> Alert {
    Alert { name: name.into(), expr, for_seconds, severity, labels: scope.alert_labels(), summary: text.0, description: text.1, cases }
}

fn no_ready_replicas(scope: &Scope<'_>) -> Alert {
    let (expr, cases) = nothing_ready(&scope.deployment());
    about(
        scope,
        "NoReadyReplicas",
        (Severity::Page, NOTHING_READY_SECONDS),
        expr,
        (
            format!("{} has no ready copy", scope.model.name),
            Description::plain(format!(
                "No copy of {} in {} is ready, so every request fails. Look at the pods' events and logs first.",
                scope.model.name, scope.stack.namespace
            )),
        ),
        cases,
    )
}

/// That a Deployment which should have pods has none that is ready, with its tests.
pub(super) fn nothing_ready(deployment: &Selector) -> (String, Cases) {
    let (available, wanted) = ("kube_deployment_status_replicas_available", "kube_deployment_spec_replicas");
    let state = |now: &str, want: &str| {
        let series = |metric: &str, copies: &str| (by_state_metrics(deployment.clone()).of(metric), format!("{copies}x20"));
        Input::after(15, [series(available, now), series(wanted, want)])
    };
    let cases = Cases {
        fires: Firing { input: state("0", "2"), value: String::new() },
        good: state("1", "2"),
        idle: state("0", "0"),
        also_silent: Vec::new(),
    };
    let (available, wanted) = (deployment.of(available), deployment.of(wanted));
    // Scaled to zero on purpose is no fault; a Deployment without a status is.
    (format!("(max({available}) or vector(0)) == 0 and on () (max({wanted}) > 0)"), cases)
}

fn metrics_absent(scope: &Scope<'_>) -> Option<Alert> {
    let running = scope.name(Signal::Running)?;
    let available = scope.deployment().of("kube_deployment_status_replicas_available");
    let ready = |copies: &str| {
        let series = by_state_metrics(scope.deployment()).of("kube_deployment_status_replicas_available");
        (series, format!("{copies}x30"))
    };
    let scraped = (scope.scraped(running, &[]), "0x30".to_owned());
    Some(about(
        scope,
        "MetricsAbsent",
        (Severity::Ticket, 10 * MINUTE),
        format!("absent({}) and on () (max({available}) > 0)", scope.series().of(running)),
        (
            format!("{} is not measured", scope.model.name),
            Description::plain(format!(
                "Copies of {} are ready, but Prometheus has no metrics of them: every other alert about them is blind, and so is \
                 autoscaling. Look at the scrape targets, the PodMonitor's labels and the NetworkPolicy.",
                scope.model.name
            )),
        ),
        Cases {
            fires: Firing { input: Input::after(20, [ready("2")]), value: String::new() },
            good: Input::after(20, [ready("2"), scraped]),
            idle: Input::after(20, [ready("0")]),
            also_silent: Vec::new(),
        },
    ))
}

fn model_load_failing(scope: &Scope<'_>) -> Alert {
    let restarts = scope.pods().of("kube_pod_container_status_restarts_total");
    let waiting = scope.pods().matches("reason", "CrashLoopBackOff|ErrImagePull|ImagePullBackOff");
    let waiting = waiting.of("kube_pod_container_status_waiting_reason");
    let waits =
        |reason: &str| Input::after(15, [(scope.pod("kube_pod_container_status_waiting_reason", &[("reason", reason)]), "1x30".into())]);
    let restarted = |values: &str| {
        (scope.pod("kube_pod_container_status_restarts_total", &[("container", engine::of(scope.model.engine).name())]), values.to_owned())
    };
    about(
        scope,
        "ModelLoadFailing",
        (Severity::Ticket, 5 * MINUTE),
        format!("(sum({waiting}) or vector(0)) + (sum(increase({restarts}[30m])) > bool 2 or vector(0)) > 0"),
        (
            format!("{} does not start", scope.model.name),
            Description::plain(format!(
                "Pods of {} cannot pull their image or keep restarting. The last lines of the previous container's log say why: \
                 most often memory, the model hub's token, or a flag that this engine version does not have.",
                scope.model.name
            )),
        ),
        Cases {
            fires: Firing { input: waits("CrashLoopBackOff"), value: String::new() },
            good: waits("ContainerCreating"),
            idle: Input::after(15, []),
            also_silent: vec![("one restart", Input::after(20, [restarted("0x10 1x30")]))],
        },
    )
}

fn queue_growing(scope: &Scope<'_>) -> Option<Alert> {
    let waiting = scope.name(Signal::Waiting)?;
    let model = scope.model;
    // Autoscaling holds the queue at its target, so a longer one that grows has outrun it.
    let target = model.replicas.scale.as_ref().filter(|scale| scale.metric == ScaleMetric::Queue).map(|scale| scale.target);
    let limit = target.unwrap_or(model.serve.max_num_seqs).max(1);
    let queue = |values: String| Input::after(35, [(scope.scraped(waiting, &[]), values)]);
    let high = u64::from(limit) + 1;
    let why = match target {
        Some(_) => "the queue that autoscaling holds",
        None => "a whole batch",
    };
    Some(about(
        scope,
        "QueueGrowing",
        (Severity::Ticket, 10 * MINUTE),
        format!(
            "avg(avg_over_time({}[5m])) > {limit} and on () (deriv({}[30m]) > 0)",
            scope.series().of(waiting),
            scope.series().of("llmc:requests_waiting:sum")
        ),
        (
            format!("requests for {} queue up", model.name),
            Description::number(
                format!("Each copy of {} has ", model.name),
                format!(
                    " waiting requests, more than {limit} ({why}), and their number grows. Users wait longer for the first token; \
                     add copies or shed load."
                ),
            ),
        ),
        Cases {
            // Flat, then a step: the mean of the last five minutes is then the same for any
            // reading of the range's ends, while the trend of thirty is up.
            fires: Firing { input: queue(format!("{high}x19 {}x30", high + 100)), value: humanized((high + 100) as f64) },
            good: queue(format!("{limit}x60")),
            idle: queue("0x60".into()),
            also_silent: vec![("a shrinking queue", queue(format!("{}-1x60", high + 100)))],
        },
    ))
}

fn kv_cache_saturated(scope: &Scope<'_>) -> Option<Alert> {
    let (usage, waiting) = (scope.name(Signal::KvCacheUsage)?, scope.name(Signal::Waiting)?);
    let series = scope.series();
    let state = |share: f64, queue: u32| {
        Input::after(25, [(scope.scraped(usage, &[]), format!("{share}x30")), (scope.scraped(waiting, &[]), format!("{queue}x30"))])
    };
    Some(about(
        scope,
        "KVCacheSaturated",
        (Severity::Ticket, 10 * MINUTE),
        // A full cache alone is a well-used GPU.
        format!(
            "avg_over_time({}[5m]) > {KV_CACHE_FULL} and on () ({} > 0 or {} > 0)",
            series.of("llmc:kv_cache_usage:avg"),
            series.of("llmc:requests_waiting:sum"),
            series.of("llmc:preemptions:rate5m"),
        ),
        (
            format!("the KV cache of {} is full", scope.model.name),
            Description::percentage(
                format!("The KV cache of {} is ", scope.model.name),
                " full while requests wait or are put back. Add copies, or lower max-model-len or max-num-seqs.",
            ),
        ),
        Cases {
            fires: Firing { input: state(0.95, 3), value: "95%".into() },
            good: state(0.85, 3),
            idle: state(0.0, 0),
            also_silent: vec![("a full cache that nobody waits for", state(0.95, 0))],
        },
    ))
}

fn preemption_storm(scope: &Scope<'_>) -> Option<Alert> {
    let (preemptions, finished) = (scope.name(Signal::Preemptions)?, scope.name(Signal::Finished)?);
    let series = scope.series();
    let reason = scope.metrics.finish_reason_label;
    let state = |preempted: u32, done: u32| {
        let finished = (scope.scraped(finished, &[(reason, "stop")]), format!("0+{done}x40"));
        Input::after(30, [(scope.scraped(preemptions, &[]), format!("0+{preempted}x40")), finished])
    };
    Some(about(
        scope,
        "PreemptionStorm",
        (Severity::Ticket, 10 * MINUTE),
        format!("sum(rate({}[10m])) / (sum(rate({}[10m])) > 0) > {PREEMPTIONS_PER_REQUEST}", series.of(preemptions), series.of(finished)),
        (
            format!("{} keeps putting requests back", scope.model.name),
            Description::percentage(
                "There are ",
                format!(
                    " as many preemptions as finished requests of {}: the prompts of the first are computed again. Add copies, or \
                     lower max-num-seqs.",
                    scope.model.name
                ),
            ),
        ),
        Cases {
            fires: Firing { input: state(6, 100), value: "6%".into() },
            good: state(4, 100),
            idle: state(0, 0),
            also_silent: Vec::new(),
        },
    ))
}

fn engine_errors(scope: &Scope<'_>) -> Option<Alert> {
    let finished = scope.name(Signal::Finished)?;
    let reason = scope.metrics.finish_reason_label;
    let failure = scope.metrics.failure_reasons.first()?;
    let state = |failed: u32, done: u32| {
        let series = |why: &str, each_minute: u32| (scope.scraped(finished, &[(reason, why)]), format!("0+{each_minute}x40"));
        Input::after(25, [series(failure, failed), series("stop", done)])
    };
    let few = {
        let series = |why: &str, values: &str| (scope.scraped(finished, &[(reason, why)]), values.to_owned());
        Input::after(25, [series(failure, "0x8 1x5 2x5 3x20"), series("stop", "0x40")])
    };
    Some(about(
        scope,
        "EngineErrors",
        (Severity::Ticket, 5 * MINUTE),
        format!(
            "{} > {FAILED_SHARE} and on () (sum(increase({}[10m])) > {LEAST_REQUESTS})",
            scope.series().of("llmc:requests_failed:ratio5m"),
            scope.judged(finished)
        ),
        (
            format!("requests to {} fail", scope.model.name),
            Description::percentage(
                "",
                format!(" of the requests that {} took up ended with an error. Its log says why.", scope.model.name),
            ),
        ),
        Cases {
            fires: Firing { input: state(6, 94), value: "6%".into() },
            good: state(4, 96),
            idle: state(0, 0),
            also_silent: vec![("a few requests that all fail", few)],
        },
    ))
}

/// A number as `humanize` of Prometheus' templates prints it: four significant digits and a prefix.
pub(super) fn humanized(value: f64) -> String {
    let (scaled, prefix) = [(1e6, "M"), (1e3, "k"), (1.0, "")]
        .into_iter()
        .find(|(unit, _)| value >= *unit)
        .map_or((value, ""), |(unit, prefix)| (value / unit, prefix));
    format!("{}{prefix}", super::four_digits(scaled))
}
