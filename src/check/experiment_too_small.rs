//! Experiments that end before they can show anything.

use super::support::experiments::{at_field, designed, running, waiver};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity, thousands};
use crate::experiment::design::{Design, FEWEST_SAMPLES, Traffic};
use crate::stack::Experiment;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

/// Name under which it is waived.
pub(super) const WAIVER: &str = "experiment_too_small";

static RULE: Rule = Rule {
    code: "LLMC-A002",
    name: "experiment-too-small",
    severity: Severity::Error,
    docs: "By its end an experiment has fewer than 1,000 samples in a variant, or fewer than it takes to see the \
           smallest effect of interest with the power that it asks for, at the stated `users-per-day`.\n\n\
           A test that ends too early finds nothing where there is something, or takes the luck of a few users for \
           an effect: the smaller the experiment, the greater the effects that it reports. The end is `ends`, or \
           else the shortest run, `at-least`.\n\n\
           ```kdl\nusers-per-day 100\nstarts \"2026-11-30\"\nends \"2026-12-13\"   // 14 days: 420 users in a variant of 30 %\n```\n\n\
           Let it run longer, give the smaller variant more weight, or look for a greater effect; \
           `llmc experiment size NAME` shows what each takes. Who has to decide with less says so:\n\n\
           ```kdl\nwaive \"experiment_too_small\" {\n    owner \"team-support\"\n    reason \"only a sign of direction is wanted\"\n    until \"2027-01-31\"\n}\n```",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, _) in running(cx) {
        // Numbers that cannot be planned for, and traffic that nobody states, are findings of their own.
        let Ok(design) = designed(experiment) else { continue };
        let Some(traffic) = &design.traffic else { continue };
        let Some(message) = shortage(experiment, &design, traffic) else { continue };
        let field = if design.has_dates { "ends" } else { "at-least" };
        let finding = at_field(&RULE, cx, &experiment.name, field, message).label(format!("ends after {} days", design.planned_days));
        let last = experiment.starts.filter(|_| design.has_dates).and_then(|day| day.plus(i64::try_from(traffic.days).ok()? - 1));
        let longer = match last {
            Some(day) => format!("{} days are enough: `ends \"{day}\"`", thousands(traffic.days)),
            None => format!("{} days are enough: `at-least \"{}d\"`, or `starts` and `ends`", thousands(traffic.days), traffic.days),
        };
        // Of centuries nobody wants to know the last day.
        let longer = if traffic.days > 3_650 { format!("it would take {} days", thousands(traffic.days)) } else { longer };
        let more = format!("`llmc experiment size {}` shows what more users, other weights or a greater effect change", experiment.name);
        out.push(finding.help(longer).help(more).help(waiver(WAIVER)));
    }
}

/// What `experiment` lacks by its end.
fn shortage(experiment: &Experiment, design: &Design, traffic: &Traffic) -> Option<String> {
    let (name, days) = (&experiment.name, design.planned_days);
    let (arm, samples) = traffic.at_end.iter().min_by_key(|(_, samples)| **samples)?;
    let few = (*samples < FEWEST_SAMPLES).then(|| {
        let samples = thousands(samples);
        format!("`{name}` has {samples} samples in `{arm}` after {days} days, and none is decided with fewer than 1,000")
    });
    if traffic.power >= experiment.power {
        return few;
    }
    let (metric, seen) = design
        .metrics
        .iter()
        .filter_map(|(metric, design)| Some((metric, design.at_end?)))
        .min_by(|(_, a), (_, b)| a.power.total_cmp(&b.power))?;
    let effect = experiment.metrics.get(metric)?.minimum_effect;
    let weak = format!(
        "after {days} days it sees a difference of {effect} in `{metric}` with a power of {:.0} %, and {} % are asked for",
        (seen.power * 100.0).floor(),
        (experiment.power * 1e4).round() / 100.0
    );
    Some(match few {
        Some(few) => format!("{few}; {weak}"),
        None => format!("`{name}` is too small: {weak}"),
    })
}
