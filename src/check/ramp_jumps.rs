//! Ramps that do not lead to the weights in small steps.

use super::support::experiments::{MOST_GROWTH_PERCENT, at_field, good_ramp, has_weights, percent};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::spec::Experiment;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A004",
    name: "ramp-jumps",
    severity: Severity::Error,
    docs: "A ramp grows by more than 25 percent of the users in one step, does not grow, does not end at 100 less the \
           weight of the control, or has no step of the number that `step` says. Without `ramp`, all users of the \
           weights come in the one first step.\n\n\
           A ramp bounds how many users a mistake reaches before somebody sees it, and each step is a change of its \
           own. One that shrinks takes users out of a variant that they have used: what they then do is counted for \
           nobody, and the two groups are no longer alike. One that ends elsewhere says another split than the \
           weights.\n\n\
           ```kdl\nvariant \"control\" weight=50 prompt=\"v1\"\nvariant \"treatment\" weight=50 prompt=\"v2\"\nramp 5 50   // 45 points at once\n```\n\n\
           Write steps of at most 25 points, such as `ramp 10 25 50`. To give users up again, set `state \"stopped\"`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, experiment) in &cx.spec.experiment {
        // Without these it is not known where the ramp should end, and other rules report them.
        let Some(control) = experiment.variant.get(&experiment.control).filter(|_| has_weights(experiment)) else { continue };
        let last = 100.0 - control.weight;
        let ramp = if experiment.ramp.is_empty() { vec![last] } else { experiment.ramp.clone() };
        steps(cx, name, experiment, &ramp, last, out);
        let step = usize::try_from(experiment.step).unwrap_or(usize::MAX);
        if step > ramp.len() {
            let message = format!("`{name}` is at step {step}, and its ramp has {}", ramp.len());
            out.push(at_field(&RULE, cx, name, "step", message).label("no such step").help(format!("write `step {}`, its last", ramp.len())));
        }
    }
}

fn steps(cx: &Context<'_>, name: &str, experiment: &Experiment, ramp: &[f64], last: f64, out: &mut Vec<Diagnostic>) {
    let mut report = |message: String, label: &str| {
        out.push(at_field(&RULE, cx, name, "ramp", message).label(label).help(format!("write `{}`", good_ramp(last))));
    };
    let mut before = 0.0;
    for (index, step) in ramp.iter().enumerate() {
        let growth = step - before;
        if growth > MOST_GROWTH_PERCENT + 1e-6 {
            let from = if index == 0 { "from nobody".to_owned() } else { format!("from {} %", percent(before)) };
            let whole = if experiment.ramp.is_empty() { ", as it has no ramp" } else { "" };
            let message =
                format!("`{name}` goes {from} to {} % of the users in one step{whole}; at most 25 points are let pass", percent(*step));
            report(message, "jumps");
        } else if growth <= 1e-9 {
            let message = format!("`{name}` goes from {} % to {} % of the users, which takes users out again or does nothing", percent(before), percent(*step));
            report(message, "does not grow");
        }
        before = *step;
    }
    if (before - last).abs() > 1e-6 {
        let message = format!("the ramp of `{name}` ends at {} % of the users, and its weights leave {} % for other variants than `{}`", percent(before), percent(last), experiment.control);
        report(message, "is not what the weights say");
    }
}
