//! Versions that nobody has seen, for many users at once.

use super::support::experiments::{MOST_FIRST_PERCENT, at_field, good_ramp, percent, running};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::stack::{Experiment, PARTS};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A008",
    name: "unproven-first-step",
    severity: Severity::Error,
    docs: "The first step of an experiment gives more than 10 percent of the users a version that was never live: it \
           is neither live nor the rollback of its prompt, and `llmc.lock` does not pin it.\n\n\
           What was never live may fail in ways that no evaluation has seen. The first step is for seeing that it \
           works at all, so it should reach few.\n\n\
           ```kdl\nvariant \"treatment\" weight=30 prompt=\"v2\"   // new\nramp 20 30\n```\n\n\
           Begin with at most 10 percent: `ramp 10 25 30`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, _) in running(cx) {
        let control = experiment.arms.get(&experiment.control).map_or(0, |arm| arm.slot_parts);
        let others = PARTS.saturating_sub(control);
        let new: Vec<(&String, u32)> = experiment
            .treatments()
            .filter(|(_, arm)| !was_live(cx, experiment, &arm.version))
            .map(|(name, arm)| (name, arm.slot_parts))
            .collect();
        let Some(first) = experiment.ramp.first().filter(|_| others > 0) else { continue };
        let share = first * f64::from(new.iter().map(|(_, parts)| parts).sum::<u32>()) / f64::from(others);
        if share <= MOST_FIRST_PERCENT + 1e-6 {
            continue;
        }
        let names: Vec<&str> = new.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!(
            "the first step of `{}` gives {} % of the users `{}`, which was never live; at most 10 % are let pass",
            experiment.name,
            percent(share),
            names.join("` or `")
        );
        let finding = at_field(&RULE, cx, &experiment.name, "ramp", message);
        let last = f64::from(others) * 100.0 / f64::from(PARTS);
        out.push(finding.label("too many at once").help(format!("begin with fewer: `{}`", good_ramp(last))));
    }
}

/// Whether `version` of the prompt of `experiment` has answered everybody before.
fn was_live(cx: &Context<'_>, experiment: &Experiment, version: &str) -> bool {
    let is_named = cx.stack.prompts.get(&experiment.prompt).is_some_and(|prompt| prompt.live == version || prompt.rollback.as_deref() == Some(version));
    is_named || cx.stack.lock.prompts.get(&experiment.prompt).is_some_and(|pins| pins.contains_key(version))
}
