//! What the rules about experiments share.

use super::super::Context;
use crate::diagnostic::{Diagnostic, Route, Rule};
use crate::experiment::design::{self, Design, Fault};
use crate::spec;
use crate::stack::Experiment;

/// Greatest growth of a step of a ramp, in percent of all users: what a mistake may reach at once.
pub(in crate::check) const MOST_GROWTH_PERCENT: f64 = 25.0;
/// Most users that get a version nobody has seen before, in percent, at the first step.
pub(in crate::check) const MOST_FIRST_PERCENT: f64 = 10.0;

/// The resolved experiments that run, with what the spec says of them.
pub(in crate::check) fn running<'a>(cx: &'a Context<'_>) -> impl Iterator<Item = (&'a Experiment, &'a spec::Experiment)> {
    let experiments = cx.stack.experiments.values().filter(|experiment| experiment.is_running());
    experiments.filter_map(|experiment| Some((experiment, cx.spec.experiment.get(&experiment.name)?)))
}

/// Whether `weight` is a percentage of users to two decimals, which is what users are dealt by.
pub(in crate::check) fn is_whole(weight: f64) -> bool {
    let hundredths = weight * 100.0;
    (hundredths - hundredths.round()).abs() <= 1e-6
}

/// Whether the weights of `experiment` are shares of all users.
pub(in crate::check) fn has_weights(experiment: &spec::Experiment) -> bool {
    let sum: f64 = experiment.variant.values().map(|variant| variant.weight).sum();
    (sum - 100.0).abs() < 1e-6 && experiment.variant.values().all(|variant| is_whole(variant.weight))
}

/// The place of the experiment `name`.
pub(in crate::check) fn place(name: &str) -> Route {
    Route::of(["experiment", name])
}

/// A finding at `field` of the experiment `name` where it is written, else at the experiment.
pub(in crate::check) fn at_field(rule: &'static Rule, cx: &Context<'_>, name: &str, field: &str, message: String) -> Diagnostic {
    let route = place(name).key(field);
    if cx.document.spans.contains_key(&route) {
        Diagnostic::at_value(rule, route, message)
    } else {
        Diagnostic::at_key(rule, place(name), message)
    }
}

/// A ramp up to `last` percent that every rule lets pass.
pub(in crate::check) fn good_ramp(last: f64) -> String {
    let mut steps: Vec<f64> = [MOST_FIRST_PERCENT, 25.0, 50.0, 75.0].into_iter().filter(|step| *step < last).collect();
    steps.push(last);
    let steps: Vec<String> = steps.into_iter().map(percent).collect();
    format!("ramp {}", steps.join(" "))
}

/// `value` with the digits that a percentage of users can have.
pub(in crate::check) fn percent(value: f64) -> String {
    ((value * 1e4).round() / 1e4).to_string()
}

/// The design of `experiment`.
pub(in crate::check) fn designed(experiment: &Experiment) -> Result<Design, Fault> {
    design::design(experiment)
}

/// How to let a finding through that is a decision: the waiver's name and an example.
pub(in crate::check) fn waiver(name: &str) -> String {
    format!("or decide to live with it, until a day: `waive \"{name}\" {{ owner \"…\"; reason \"…\"; until \"…\" }}`")
}
