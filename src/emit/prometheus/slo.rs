//! Objectives: the share of bad requests over several windows, and alerts when it burns the error
//! budget too fast (Google's SRE workbook, chapter 5, "multiwindow, multi-burn-rate alerts").

use rust_decimal::Decimal;

use super::rule::{Alert, Cases, Description, Firing, Input, Recording, Rule, Severity};
use super::scope::Scope;
use crate::emit::promql::le_pattern;
use crate::engine::Signal;
use crate::stack::{Indicator, Objective};

const HOUR: u64 = 3600;
/// The recorded windows, shortest first: seconds, how PromQL writes it, and the series.
const WINDOWS: &[(u64, &str, &str)] = &[
    (300, "5m", "llmc:slo_bad_requests:ratio_rate5m"),
    (1800, "30m", "llmc:slo_bad_requests:ratio_rate30m"),
    (HOUR, "1h", "llmc:slo_bad_requests:ratio_rate1h"),
    (2 * HOUR, "2h", "llmc:slo_bad_requests:ratio_rate2h"),
    (6 * HOUR, "6h", "llmc:slo_bad_requests:ratio_rate6h"),
    (24 * HOUR, "1d", "llmc:slo_bad_requests:ratio_rate1d"),
];
/// Windows from this length on are read less often, as each reading costs as many samples.
const SLOW_FROM_SECONDS: u64 = 6 * HOUR;

/// A burn that is alerted on.
struct Burn {
    name: &'static str,
    severity: Severity,
    /// Percents of the budget that are gone when it fires.
    budget_percent: i64,
    /// Seconds that the burn is measured over, and over which it must still go on.
    long_seconds: u64,
    short_seconds: u64,
}

/// The workbook's table. Its last row, 10 % in three days, is left to the slow burn's ticket.
const BURNS: &[Burn] = &[
    Burn { name: "ErrorBudgetBurnFast", severity: Severity::Page, budget_percent: 2, long_seconds: HOUR, short_seconds: 300 },
    Burn { name: "ErrorBudgetBurnMedium", severity: Severity::Page, budget_percent: 5, long_seconds: 6 * HOUR, short_seconds: 1800 },
    Burn { name: "ErrorBudgetBurnSlow", severity: Severity::Ticket, budget_percent: 10, long_seconds: 24 * HOUR, short_seconds: 2 * HOUR },
];

/// Rules of all objectives of a model.
#[derive(Default)]
pub(super) struct Slo {
    /// Windows that are cheap to read, and the alerts.
    pub(super) rules: Vec<Rule>,
    /// Long windows.
    pub(super) slow: Vec<Rule>,
}

/// The rules of the objectives that the model's engine version can measure. A check reports the
/// others.
pub(super) fn objectives(scope: &Scope<'_>) -> Slo {
    let mut slo = Slo::default();
    let mut alerts = Vec::new();
    for (indicator, objective) in &scope.model.objectives {
        let Some(requests) = Requests::of(scope, *indicator, objective) else { continue };
        let labels = || {
            let mut labels = scope.labels();
            labels.insert("llmc_objective".into(), indicator.name().into());
            labels
        };
        for (seconds, window, name) in WINDOWS {
            let rule = Rule::Record(Recording { name, expr: requests.bad_share(window), labels: labels() });
            let rules = if *seconds >= SLOW_FROM_SECONDS { &mut slo.slow } else { &mut slo.rules };
            rules.push(rule);
        }
        let target = format!("vector({})", objective.target);
        slo.rules.push(Rule::Record(Recording { name: "llmc:slo_target:constant", expr: target, labels: labels() }));
        alerts.extend(BURNS.iter().filter_map(|burn| alert(scope, *indicator, objective, burn, &requests)));
    }
    slo.rules.extend(alerts.into_iter().map(|alert| Rule::Alert(Box::new(alert))));
    slo
}

/// How good and bad requests are told apart.
struct Requests {
    kind: Kind,
    /// What a bad request is, for people.
    bad: String,
}

enum Kind {
    /// Selectors of the good requests and of all.
    Latency { good: String, all: String, good_test: String, all_test: String },
    /// Selectors of the bad requests and of all.
    Availability { bad: String, all: String, good_test: String, bad_test: String },
}

impl Requests {
    fn of(scope: &Scope<'_>, indicator: Indicator, objective: &Objective) -> Option<Self> {
        let (signal, what) = match indicator {
            Indicator::Ttft => (Signal::TimeToFirstToken, "waited longer for the first token than"),
            Indicator::Tpot => (Signal::TimePerOutputToken, "took longer for each token than"),
            Indicator::E2e => (Signal::RequestLatency, "took longer than"),
            Indicator::Availability => return Self::availability(scope),
        };
        let below = objective.below?;
        let (metric, bounds) = scope.histogram(signal)?;
        let seconds = below.seconds();
        if !bounds.contains(&seconds) {
            return None;
        }
        let (bucket, count) = (format!("{metric}_bucket"), format!("{metric}_count"));
        // The client library of the engine writes whole numbers with a decimal point.
        let le = format!("{seconds:?}");
        let kind = Kind::Latency {
            good: scope.series().matches("le", &le_pattern(seconds)).of(&bucket),
            all: scope.series().of(&count),
            good_test: scope.scraped(&bucket, &[("le", &le)]),
            all_test: scope.scraped(&count, &[]),
        };
        Some(Self { kind, bad: format!("{what} {below}") })
    }

    fn availability(scope: &Scope<'_>) -> Option<Self> {
        let finished = scope.name(Signal::Finished)?;
        let reason = scope.metrics.finish_reason_label;
        let failure = scope.metrics.failure_reasons.first()?;
        let kind = Kind::Availability {
            bad: scope.failed(finished),
            all: scope.judged(finished),
            good_test: scope.scraped(finished, &[(reason, "stop")]),
            bad_test: scope.scraped(finished, &[(reason, failure)]),
        };
        Some(Self { kind, bad: "failed".into() })
    }

    /// The share of bad requests over `window`; nothing without requests.
    fn bad_share(&self, window: &str) -> String {
        match &self.kind {
            Kind::Latency { good, all, .. } => format!("1 - sum(rate({good}[{window}])) / (sum(rate({all}[{window}])) > 0)"),
            Kind::Availability { bad, all, .. } => {
                // A reason that never happened may have no series.
                format!("(sum(rate({bad}[{window}])) or vector(0)) / (sum(rate({all}[{window}])) > 0)")
            }
        }
    }

    /// Series with `bad` bad requests among [`EACH_MINUTE`], then `after` among as many.
    fn input(&self, minutes: u32, bad: &[(u32, u32)]) -> Input {
        let steps = |each_minute: &dyn Fn(u32) -> u32| {
            let mut total = 0;
            let mut values = Vec::new();
            for (length, bad) in bad {
                let step = each_minute(*bad);
                values.push(format!("{total}+{step}x{}", length - 1));
                total += step * length;
            }
            values.join(" ")
        };
        let good = steps(&|bad| EACH_MINUTE - bad);
        match &self.kind {
            Kind::Latency { good_test, all_test, .. } => {
                Input::after(minutes, [(good_test.clone(), good), (all_test.clone(), steps(&|_| EACH_MINUTE))])
            }
            Kind::Availability { good_test, bad_test, .. } => {
                Input::after(minutes, [(good_test.clone(), good), (bad_test.clone(), steps(&|bad| bad))])
            }
        }
    }

    /// Series that stand still.
    fn idle(&self, minutes: u32) -> Input {
        let (first, second) = match &self.kind {
            Kind::Latency { good_test, all_test, .. } => (good_test, all_test),
            Kind::Availability { good_test, bad_test, .. } => (good_test, bad_test),
        };
        Input::after(minutes, [(first.clone(), format!("50x{minutes}")), (second.clone(), format!("100x{minutes}"))])
    }
}

/// Requests of a minute in tests: so many that the smallest share is more than one of them.
const EACH_MINUTE: u32 = 10_000_000;

/// The alert on `burn`, unless no share of bad requests could make it fire.
fn alert(scope: &Scope<'_>, indicator: Indicator, objective: &Objective, burn: &Burn, requests: &Requests) -> Option<Alert> {
    let window_seconds = objective.window.milliseconds() / 1000;
    let factor = Decimal::new(burn.budget_percent, 2).checked_mul(window_seconds.into())?.checked_div(burn.long_seconds.into())?;
    // A slower burn lasts out the window, so short windows are alerted on at the allowed rate.
    let factor = factor.max(Decimal::ONE);
    // From the text, so that 0.99 leaves exactly 0.01.
    let target = Decimal::from_str_exact(&objective.target.to_string()).ok()?;
    let threshold = factor.checked_mul(Decimal::ONE - target)?.round_dp(9).normalize();
    if threshold >= Decimal::ONE || threshold <= Decimal::ZERO {
        return None;
    }
    let series = |seconds: u64| {
        let name = WINDOWS.iter().find(|(length, ..)| *length == seconds).map(|(_, _, name)| *name)?;
        Some(scope.series().equal("llmc_objective", indicator.name()).of(name))
    };
    let (long, short) = (series(burn.long_seconds)?, series(burn.short_seconds)?);
    let mut labels = scope.alert_labels();
    labels.insert("llmc_objective".into(), indicator.name().into());
    let target_percent = (target * Decimal::ONE_HUNDRED).normalize();
    let before = format!("Over the last {} ", crate::stack::Duration::from_seconds(burn.long_seconds));
    let after = format!(
        " of the requests to {} {}. The objective, {target_percent} % good over {}, allows {} %; this alert fires above {} times that.",
        scope.model.name,
        requests.bad,
        objective.window,
        (Decimal::ONE_HUNDRED - target_percent).normalize(),
        factor.round_dp(2).normalize(),
    );
    Some(Alert {
        name: burn.name.into(),
        expr: format!("{long} > {threshold} and {short} > {threshold}"),
        for_seconds: 120,
        severity: burn.severity,
        labels,
        summary: format!("{} burns its error budget for {}", scope.model.name, indicator.name()),
        description: Description::percentage(before, after),
        cases: cases(requests, burn, threshold)?,
    })
}

/// Just above the threshold it fires and just below it does not, and each window can keep it silent.
fn cases(requests: &Requests, burn: &Burn, threshold: Decimal) -> Option<Cases> {
    let each_minute = Decimal::from(EACH_MINUTE);
    let room = Decimal::ONE - threshold;
    let above = threshold + room.min(threshold) / Decimal::from(5);
    // As many digits as are printed, so that no last bit decides how the value is rounded.
    let above = above.round_sf(4).filter(|above| *above > threshold).unwrap_or(Decimal::ONE);
    let bad = u32::try_from((above * each_minute).ceil()).ok()?;
    let tolerable = u32::try_from((threshold * each_minute * Decimal::new(8, 1)).floor()).ok()?;
    let value = Decimal::from(bad) / each_minute * Decimal::ONE_HUNDRED;
    let value = super::four_digits(f64::try_from(value).ok()?);
    let short_minutes = u32::try_from(burn.short_seconds / 60).ok()?;
    // Long enough to fill the short window and one evaluation more.
    let phase = short_minutes.max(25) + 5;
    let then = |first: u32, second: u32| requests.input(2 * phase, &[(phase, first), (phase + 1, second)]);
    Some(Cases {
        fires: Firing { input: requests.input(15, &[(16, bad)]), value: format!("{value}%") },
        good: requests.input(15, &[(16, tolerable)]),
        idle: requests.idle(15),
        also_silent: vec![
            // Only the short window is in order, then only the long one.
            ("a burst that is over", then(EACH_MINUTE, tolerable)),
            ("a blip", then(0, bad)),
        ],
    })
}
