//! The design for people and for programs.

use serde_json::{Map, Value, json};

use super::{Design, FEWEST_SAMPLES, Fault, MetricDesign, power_after};
use crate::diagnostic::{Style, printable, thousands};
use crate::spec::Metric;
use crate::stack::Experiment;

/// Cells of a bar.
const CELLS: usize = 30;
/// Most weeks that the table of powers has.
const MOST_WEEKS: u64 = 12;

/// `design` of `experiment` of the stack `stack` as one JSON value.
///
/// # Errors
///
/// As [`super::design`].
pub fn json(stack: &str, experiment: &Experiment, design: &Design) -> Result<Value, Fault> {
    let traffic = design.traffic.as_ref();
    let steps = |traffic: &super::Traffic| -> Vec<Value> {
        let step = |step: &super::Step| json!({"percent": step.percent, "users_per_day": step.users_per_day, "days": step.days});
        traffic.steps.iter().map(step).collect()
    };
    let mut by_days = Vec::new();
    for days in weeks(design) {
        by_days.push(json!({"days": days, "power": power_after(experiment, days)?}));
    }
    let metric = |(name, metric): (&String, &MetricDesign)| {
        let value = json!({
            "kind": if metric.is_share { "share" } else { "mean" },
            "effect": metric.effect,
            "control": metric.size.first,
            "smallest_arm": metric.size.second,
            "power": metric.at_end.map(|seen| seen.power),
            "smallest_effect": metric.at_end.and_then(|seen| seen.smallest_effect),
        });
        (name.clone(), value)
    };
    Ok(json!({
        "format_version": "1.0",
        "stack": stack,
        "experiment": experiment.name,
        "control": experiment.control,
        "per_arm": design.per_arm,
        "total": design.total,
        "days": traffic.map(|traffic| traffic.days),
        "exact_days": traffic.map(|traffic| traffic.exact_days),
        "power": traffic.map(|traffic| traffic.power),
        "wanted_power": experiment.power,
        "alpha": experiment.alpha,
        "comparisons": design.comparisons,
        "alpha_of_each": design.alpha,
        "planned_days": design.planned_days,
        "at_end": traffic.map(|traffic| &traffic.at_end),
        "users_per_day": traffic.map(|traffic| traffic.users_per_day),
        "cost_of_ratio": design.cost_of_ratio,
        "metrics": design.metrics.iter().map(metric).collect::<Map<String, Value>>(),
        "steps": traffic.map(steps),
        "power_by_days": by_days,
    }))
}

/// Whole weeks up to that in which all is decided, or the planned end, if it comes later.
fn weeks(design: &Design) -> Vec<u64> {
    let Some(traffic) = &design.traffic else { return Vec::new() };
    // An experiment of a century shows nothing more.
    let last = traffic.days.max(design.planned_days).div_ceil(7).min(5_218);
    let stride = last.div_ceil(MOST_WEEKS).max(1);
    (1..=last).filter(|week| week.is_multiple_of(stride) || *week == last).map(|week| week * 7).collect()
}

/// `design` of `experiment` of the stack `stack` for a terminal; with `colour`, ANSI styles are used.
///
/// # Errors
///
/// As [`super::design`].
pub fn text(stack: &str, experiment: &Experiment, design: &Design, colour: bool) -> Result<String, Fault> {
    let style = Style::new(colour);
    let title = style.paint(Style::BOLD, &format!("{} / {}", printable(stack), printable(&experiment.name)));
    let mut lines = vec![format!("{title}: {}", verdict(design, style))];
    let width = experiment.arms.keys().map(|name| printable(name).chars().count()).max().unwrap_or_default().max(5);
    let end = design.traffic.as_ref().map(|traffic| &traffic.at_end);
    lines.push(format!("  {:<width$}  {:>7}  {:>12}  {:>14}", "arm", "weight", "needs", "by planned end").trim_end().to_owned());
    for (name, arm) in &experiment.arms {
        let weight = format!("{} %", f64::from(arm.slot_parts) / 100.0);
        let at_end = end.and_then(|end| end.get(name)).map_or_else(|| "not known".to_owned(), thousands);
        let needs = design.per_arm.get(name).map(thousands).unwrap_or_default();
        lines.push(format!("  {:<width$}  {weight:>7}  {needs:>12}  {at_end:>14}", printable(name)));
    }
    let all = end.map_or_else(|| "not known".to_owned(), |end| thousands(end.values().sum::<u64>()));
    lines.push(format!("  {:<width$}  {:>7}  {:>12}  {all:>14}", "total", "", thousands(design.total)));
    lines.push(String::new());
    for (name, metric) in &design.metrics {
        lines.extend(experiment.metrics.get(name).map(|spec| metric_line(name, spec, metric, experiment.power)));
    }
    if design.comparisons > 1 {
        lines.push(format!(
            "  {} comparisons: alpha {} / {} = {} of each, with which Holm's correction begins",
            design.comparisons,
            experiment.alpha,
            design.comparisons,
            rounded(design.alpha)
        ));
    }
    if design.cost_of_ratio > 1.005 {
        let share = rounded((design.cost_of_ratio - 1.0) * 100.0);
        lines.push(format!("  the ratio of the arms costs {share} % more users than an equal split"));
    }
    if let Some(traffic) = &design.traffic {
        lines.push(String::new());
        for (step, at) in traffic.steps.iter().zip(1..) {
            let now = if at == experiment.step { ", now" } else { "" };
            let users = thousands(step.users_per_day.round());
            lines.push(format!(
                "  step {at} ({} %{now}): {users} users a day in all arms together, {} days if it stays",
                step.percent, step.days
            ));
        }
        lines.push(String::new());
        for days in weeks(design) {
            let power = power_after(experiment, days)?;
            let cells = ((power * CELLS as f64).round() as usize).min(CELLS);
            let bar = "#".repeat(cells) + &".".repeat(CELLS - cells);
            let colour = if power >= experiment.power { Style::GREEN } else { Style::YELLOW };
            lines.push(format!("  {days:>4} days  {}  {}", style.paint(colour, &bar), percent(power)));
        }
        lines.push("  supposing the last step of the ramp from the first day, and new users every day".to_owned());
    }
    Ok(lines.into_iter().map(|line| line.trim_end().to_owned() + "\n").collect())
}

/// What it comes down to.
fn verdict(design: &Design, style: Style) -> String {
    let Some(traffic) = &design.traffic else {
        let words = style.paint(Style::YELLOW, "how long it takes is not known");
        return format!("{words}: state `users-per-day`; it takes {} users", thousands(design.total));
    };
    let plan = if design.has_dates { "the planned run" } else { "the shortest run" };
    let is_enough = traffic.exact_days <= design.planned_days;
    let colour = if is_enough { Style::GREEN } else { Style::RED };
    let smallest = traffic.at_end.values().min().copied().unwrap_or_default();
    let few = if smallest < FEWEST_SAMPLES { format!(", with {} samples in an arm", thousands(smallest)) } else { String::new() };
    let days = style.paint(colour, &format!("{} days", thousands(traffic.days)));
    format!("{days} are needed; {plan} of {} days has a power of {}{few}", design.planned_days, percent(traffic.power))
}

fn metric_line(name: &str, spec: &Metric, metric: &MetricDesign, power: f64) -> String {
    let of = if metric.is_share { format!("h {}", rounded(metric.effect)) } else { format!("d {}", rounded(metric.effect)) };
    let seen = match metric.at_end {
        None => String::new(),
        Some(seen) => match seen.smallest_effect {
            Some(effect) => format!("; by the planned end {} is seen with a power of {}", rounded(effect), percent(power)),
            None => "; by the planned end no effect is seen".to_owned(),
        },
    };
    format!("  {}: a difference of {} ({of}){seen}", printable(name), spec.minimum_effect)
}

/// A probability; none reads as 100 %.
fn percent(probability: f64) -> String {
    if probability > 0.9994 { "> 99.9 %".to_owned() } else { format!("{:.1} %", probability * 100.0) }
}

/// Four digits that say something.
fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 15);
    let text = format!("{value:.*}", digits as usize);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    if text == "0" { format!("{value:.2e}") } else { thousands(text) }
}
