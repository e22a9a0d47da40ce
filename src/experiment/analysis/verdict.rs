//! What follows from what was found.
//!
//! In this order: an arm that surely hurts a guard is not deployed, however early that is seen; too few
//! samples, too few days, or a look before the end are not enough; an arm that is worse in a metric is not
//! deployed; one that is better in a metric is, where every guard is surely held.

use super::figures::{figure, percent, probability, range, signed, signed_percent, size_word};
use super::{Comparison, GuardState, Guarded, LEAST_SAMPLES, Question, Report, Verdict, Word};
use crate::diagnostic::thousands;

/// What is known of an arm.
enum Standing<'a> {
    /// Better in these metrics, worse in none, every guard held.
    Better(Vec<&'a Comparison>),
    /// Better, but these guards are not surely held.
    Unguarded(Vec<&'a Guarded>),
    /// Worse in these metrics.
    Worse(Vec<&'a Comparison>),
    /// No metric differs beyond chance.
    Same,
}

/// The verdict on a report whose metrics and guards are filled in.
pub(super) fn of(question: &Question<'_>, report: &Report) -> Verdict {
    let verdict = |word, reasons| Verdict { word, arm: None, prompt_version: None, reasons };
    let has_samples = |guarded: &&Guarded| {
        let count = |statistics: &Option<super::Statistics>| statistics.map_or(0, |statistics| statistics.n);
        count(&guarded.control).min(count(&guarded.treatment)) >= LEAST_SAMPLES
    };
    let hurt: Vec<&Guarded> = report.guards.iter().filter(|g| g.state == GuardState::Exceeded).filter(has_samples).collect();
    let is_hurt = |arm: &str| hurt.iter().any(|guarded| guarded.arm == arm);
    let mut reasons: Vec<String> = hurt.iter().map(|guarded| hurts(report, guarded)).collect();
    let arms: Vec<&str> = question.experiment.treatments().filter(|(_, arm)| arm.active_parts > 0).map(|(name, _)| name.as_str()).collect();
    if !arms.is_empty() && arms.iter().all(|arm| is_hurt(arm)) {
        reasons.extend(peeking(report).map(|peeking| format!("{peeking}; a guard that is hurt is reason enough to stop")));
        return verdict(Word::Keep, reasons);
    }
    let missing = not_enough(question, report);
    if !missing.is_empty() {
        return verdict(Word::NotEnough, reasons.into_iter().chain(missing).collect());
    }
    let standings: Vec<(&str, Standing<'_>)> = arms.iter().filter(|arm| !is_hurt(arm)).map(|arm| (*arm, standing(report, arm))).collect();
    let gain = |standing: &Standing<'_>| match standing {
        Standing::Better(metrics) => metrics.iter().map(|metric| metric.d.unwrap_or_default().abs()).fold(0.0, f64::max),
        _ => 0.0,
    };
    let better = standings.iter().filter(|(_, standing)| matches!(standing, Standing::Better(_)));
    let best = better.max_by(|(_, a), (_, b)| gain(a).total_cmp(&gain(b))).map(|(arm, _)| *arm);
    let is_unguarded = standings.iter().any(|(_, standing)| matches!(standing, Standing::Unguarded(_)));
    // The best first.
    let sorted = standings.iter().filter(|(arm, _)| Some(*arm) == best).chain(standings.iter().filter(|(arm, _)| Some(*arm) != best));
    for (arm, standing) in sorted {
        reasons.push(reason(report, arm, standing));
    }
    let word = match best {
        Some(_) => Word::Deploy,
        None if is_unguarded => Word::NotEnough,
        None => Word::Keep,
    };
    let prompt_version = best.and_then(|arm| question.experiment.arms.get(arm)).map(|arm| arm.version.clone());
    Verdict { word, arm: best.map(str::to_owned), prompt_version, reasons }
}

/// What is missing, in sentences.
fn not_enough(question: &Question<'_>, report: &Report) -> Vec<String> {
    let (experiment, unit) = (question.experiment, report.unit.plural());
    let mut missing = Vec::new();
    if experiment.treatments().all(|(_, arm)| arm.active_parts == 0) {
        return vec![format!("nobody gets another arm than `{}` at step {} of the ramp", experiment.control, experiment.step)];
    }
    for (name, arm) in experiment.arms.iter().filter(|(_, arm)| arm.active_parts > 0) {
        // What decides counts: a metric that few give a value of has few samples.
        let of_arm = |comparison: &&Comparison| *name == experiment.control || comparison.arm == *name;
        let count = |c: &Comparison| (if *name == experiment.control { c.control.n } else { c.treatment.n }, c.metric.clone());
        let samples = report.arms.iter().find(|arm| arm.name == *name).map_or(0, |arm| arm.samples);
        let least = report.metrics.iter().filter(of_arm).map(count).min();
        let (n, of) = least.map_or((samples, String::new()), |(n, metric)| (n, format!(" with a value of `{metric}`")));
        if n < LEAST_SAMPLES {
            let (n, least) = (thousands(n), thousands(LEAST_SAMPLES));
            missing.push(format!("`{name}` (prompt {}) has {n} {unit}{of}, and an arm takes at least {least}", arm.version));
        }
    }
    let at_least = report.days.at_least;
    match report.days.ran {
        None => missing.push("how long it ran is not known; say it with --days, or state `starts` in the spec".to_owned()),
        Some(ran) if (ran as f64) < at_least => {
            let days = if ran == 1 { "day" } else { "days" };
            missing.push(format!("it ran {ran} {days}, and takes at least {}, so that every day of the week counts", figure(at_least)));
        }
        Some(_) => missing.extend(peeking(report)),
    }
    missing
}

/// Whether this is a look before the end at figures that hold only then.
fn peeking(report: &Report) -> Option<String> {
    let (ran, planned) = (report.days.ran?, report.days.planned?);
    let is_early = !report.is_sequential && ran < planned;
    is_early.then(|| {
        format!(
            "this is peeking, on day {ran} of {planned}: p-values hold only at the end; --sequential gives such that hold at every look"
        )
    })
}

fn standing<'a>(report: &'a Report, arm: &str) -> Standing<'a> {
    let significant = || report.metrics.iter().filter(|metric| metric.arm == arm && metric.is_significant);
    let (better, worse): (Vec<&Comparison>, Vec<&Comparison>) = significant().partition(|metric| metric.gain() > 0.0);
    let open: Vec<&Guarded> = report.guards.iter().filter(|guard| guard.arm == arm && guard.state != GuardState::Held).collect();
    match () {
        () if !worse.is_empty() => Standing::Worse(worse),
        () if better.is_empty() => Standing::Same,
        () if !open.is_empty() => Standing::Unguarded(open),
        () => Standing::Better(better),
    }
}

/// Why an arm stands as it does, in a sentence.
fn reason(report: &Report, arm: &str, standing: &Standing<'_>) -> String {
    match standing {
        Standing::Better(metrics) => {
            let guards = if report.guards.is_empty() { "" } else { "; every guard is held" };
            let metrics: Vec<String> = metrics.iter().map(|metric| found(metric)).collect();
            let days = report.days.ran.unwrap_or_default();
            format!(
                "`{arm}` is better: {}{guards}; at least {} {} an arm, {days} days",
                metrics.join("; "),
                thousands(LEAST_SAMPLES),
                report.unit.plural()
            )
        }
        Standing::Worse(metrics) => {
            let metrics: Vec<String> = metrics.iter().map(|metric| found(metric)).collect();
            format!("`{arm}` is worse: {}", metrics.join("; "))
        }
        Standing::Unguarded(guards) => {
            let guards = guards.iter().map(|guarded| match (guarded.state, guarded.loss_high) {
                (GuardState::NotMeasured, _) => format!("`{}` was not measured", guarded.guard),
                (_, Some(high)) => {
                    let (high, most) = (signed_percent(high), percent(guarded.worse_by));
                    format!("`{}` may have got worse by up to {high}, and {most} is let pass", guarded.guard)
                }
                _ => format!("whether `{}` got worse is not known", guarded.guard),
            });
            format!("`{arm}` is better in a metric, but {}", guards.collect::<Vec<_>>().join("; "))
        }
        Standing::Same => {
            let of_arm = || report.metrics.iter().filter(|metric| metric.arm == arm);
            let least = of_arm().map(|metric| metric.p_holm).fold(1.0, f64::min);
            let best_case = |metric: &Comparison| if metric.gain() == metric.difference { metric.high } else { -metric.low };
            let open: Vec<String> = of_arm().filter(|m| best_case(m) >= m.minimum_effect).map(|m| format!("`{}`", m.metric)).collect();
            let rest = match open.is_empty() {
                true => "an improvement that matters is ruled out".to_owned(),
                false => format!("an improvement that matters is not ruled out for {}", open.join(", ")),
            };
            format!("`{arm}` differs in no metric beyond chance (least p {} after Holm); {rest}", probability(least))
        }
    }
}

/// A significant difference in words.
fn found(metric: &Comparison) -> String {
    let d = metric.d.map_or(String::new(), |d| format!(", d {} ({})", signed(d), size_word(d)));
    let small = if metric.difference.abs() < metric.minimum_effect {
        format!(", less than the {} that matters by the spec", figure(metric.minimum_effect))
    } else {
        String::new()
    };
    let (interval, p) = (range(metric.low, metric.high), probability(metric.p_holm));
    format!("`{}` {} {interval}, p {p} after Holm{d}{small}", metric.metric, signed(metric.difference))
}

/// A guard that was hurt, in a sentence.
fn hurts(report: &Report, guarded: &Guarded) -> String {
    let (loss, least) = (guarded.loss.map_or("?".to_owned(), signed_percent), guarded.loss_low.map_or("?".to_owned(), signed_percent));
    let confidence = percent(1.0 - report.alpha);
    let (arm, guard, most) = (&guarded.arm, &guarded.guard, percent(guarded.worse_by));
    format!(
        "`{arm}` hurts the guard `{guard}`: it is worse by {loss}, with {confidence} confidence by more than {least}, and {most} is let pass"
    )
}
