//! Alerts on what is counted of an experiment, and on what is not.

use std::collections::BTreeSet;

use super::ratio::Split;
use super::recordings::TEST_HOURS;
use super::{EVALUATIONS, HOUR, LEAST_CALLS, OFF, REASONS, Scope, grown, scraped};
use crate::emit::prometheus::four_digits;
use crate::emit::prometheus::rule::{Alert, Cases, Description, Firing, Input, Severity};
use crate::emit::prometheus::scope::{self, owner_label, stack_labels};
use crate::emit::promql::Selector;
use crate::engine::Signal;
use crate::stack::{Experiment, Model, PARTS, Stack, Target};

/// Window of what must be noticed on the same day.
const WINDOW: &str = "6h";
const WINDOW_HOURS: u32 = 6;
/// Share of evaluations that is let be `off` beyond what the spec says: health checks, tests, and chance.
const MORE_OFF: f64 = 0.1;
/// Evaluations of six hours below which their share is not looked at.
const LEAST_EVALUATIONS: u32 = 1_000;
/// Share of failed evaluations that is let pass.
const ERROR_SHARE: f64 = 0.01;
/// Expected evaluations of an arm at which none at all is no chance: e^-14 is about one in a million.
const EXPECTED_EVALUATIONS: f64 = 14.0;

/// That the route is called and nothing is counted, so that every panel is empty and every alert blind.
pub(super) fn exposures_absent(scope: &Scope<'_>) -> Option<Alert> {
    let experiment = scope.experiment;
    let outcomes = scope.outcomes().of("llmc_experiment_value_count");
    let mut calls = vec![format!("({} or vector(0))", grown(&outcomes, WINDOW))];
    let metric = experiment.metrics.keys().next()?;
    let mut call = scope.reported("llmc_experiment_value_count", &experiment.control, metric);
    for model in models(scope) {
        let model = scope::Scope::of(scope.stack, model);
        if let Some(finished) = model.name(Signal::Finished) {
            calls.push(format!("({} or vector(0))", grown(&model.series().of(finished), WINDOW)));
            call = model.scraped(finished, &[(model.metrics.finish_reason_label, "stop")]);
        }
    }
    let called = (call, "0+60x40".to_owned());
    let counted = (scope.counted(OFF, "TARGETING_MATCH"), "0+60x40".to_owned());
    let evaluated = grown(&scope.evaluations().of(EVALUATIONS), WINDOW);
    Some(scope.alert(
        "ExperimentExposuresAbsent",
        &[],
        HOUR,
        format!("({evaluated} or vector(0)) == 0 and on () ({} > {LEAST_CALLS})", calls.join(" + ")),
        (
            format!("nobody counts who gets what in {}", experiment.name),
            Description::plain(format!(
                "Models that answer the route {} have had requests for {WINDOW_HOURS} hours, or outcomes were reported, and flagd has counted no \
                 evaluation of {}: its panels are empty and its other alerts are blind. Is flagd up and scraped, do applications \
                 ask it, or do they evaluate flags themselves, of which flagd knows nothing? Where other routes share the models, \
                 perhaps nobody calls this one.",
                experiment.route, experiment.name
            )),
        ),
        Cases {
            fires: Firing { input: Input::hourly(TEST_HOURS, [called.clone()]), value: String::new() },
            good: Input::hourly(TEST_HOURS, [called, counted.clone()]),
            idle: Input::hourly(TEST_HOURS, []),
            also_silent: vec![("evaluations without requests", Input::hourly(TEST_HOURS, [counted]))],
        },
    ))
}

/// The stack's own models that may answer the experiment's route.
fn models<'a>(scope: &Scope<'a>) -> Vec<&'a Model> {
    let Some(route) = scope.stack.routes.get(&scope.experiment.route) else { return Vec::new() };
    let mut targets = route.targets();
    targets.extend(scope.experiment.arms.values().filter_map(|arm| route.answers.get(&arm.version)).map(|answer| &answer.target));
    let names: BTreeSet<&String> = targets
        .into_iter()
        .filter_map(|target| match target {
            Target::Model(name) => Some(name),
            Target::External(_) => None,
        })
        .collect();
    names.into_iter().filter_map(|name| scope.stack.models.get(name)).collect()
}

/// For each arm: that it gets nobody while others do.
pub(super) fn silent_arms(scope: &Scope<'_>) -> Vec<Alert> {
    let split = Split::of(scope.experiment);
    if !split.is_comparable() {
        return Vec::new();
    }
    let exposures = grown(&scope.exposures().of(EVALUATIONS), WINDOW);
    let alert = |arm: &str, parts: u32| {
        let least = (EXPECTED_EVALUATIONS * f64::from(split.active()) / f64::from(parts)).ceil() as u32;
        // Twice what is needed, from all arms but this one.
        let scale = (2 * least).div_ceil(WINDOW_HOURS * (split.active() - parts).max(1)).max(1);
        let state = |of_arm: u32, scale: u32| {
            let an_hour = |other: &str, parts: u32| if other == arm { of_arm } else { parts * scale };
            Input::hourly(TEST_HOURS, split.series(scope, an_hour))
        };
        let of_arm = scope.evaluations().equal("feature_flag_result_variant", arm).of(EVALUATIONS);
        let another = split.arms.iter().find(|(other, _)| other != arm).map(|(other, _)| other.clone()).unwrap_or_default();
        let few = Input::hourly(TEST_HOURS, [(scope.counted(&another, "TARGETING_MATCH"), "0+1x40".into())]);
        scope.alert(
            "ExperimentArmWithoutExposures",
            &[("llmc_variant", arm)],
            HOUR,
            format!("({} or vector(0)) == 0 and on () ({exposures} > {least})", grown(&of_arm, WINDOW)),
            (
                format!("nobody gets {arm} of {}", scope.experiment.name),
                Description::plain(format!(
                    "In {WINDOW_HOURS} hours no evaluation of {} ended in {arm}, and more than {least} ended in its arms. Does flagd \
                     serve the flags of this commit, and does the application know this arm?",
                    scope.experiment.name
                )),
            ),
            Cases {
                fires: Firing { input: state(0, scale), value: String::new() },
                good: state(parts, scale),
                idle: Input::hourly(TEST_HOURS, []),
                also_silent: vec![("few evaluations", few)],
            },
        )
    };
    split.arms.iter().map(|(arm, parts)| alert(arm, *parts)).collect()
}

/// Share of users who are `off` as the spec says: what no arm is filled with, and the holdout, which is dealt
/// out by a hash of its own.
fn expected_off(experiment: &Experiment) -> f64 {
    let held_out = experiment.holdout.as_ref().map_or(0.0, |holdout| holdout.percent / 100.0);
    1.0 - (1.0 - held_out) * f64::from(Split::of(experiment).active()) / f64::from(PARTS)
}

/// That far more evaluations are `off` than the spec says, as they are for users without a key.
pub(super) fn users_without_a_key(scope: &Scope<'_>) -> Alert {
    let experiment = scope.experiment;
    let expected = expected_off(experiment);
    let taking_part = 1.0 - expected;
    // Nobody knows which part of all users an audience is.
    let limit = if experiment.audience.is_empty() { expected + MORE_OFF.min(taking_part / 2.0) } else { 0.99 };
    let limit = (limit * 1e4).round() / 1e4;
    let least = f64::from(LEAST_EVALUATIONS).max((100.0 / taking_part.max(1e-4)).ceil()) as u32;
    let all = grown(&scope.evaluations().of(EVALUATIONS), WINDOW);
    let exposures = grown(&scope.exposures().of(EVALUATIONS), WINDOW);
    // So many evaluations an hour that a share is exact, of which `off` are nobody's.
    let hourly = f64::from(10 * least);
    let state = |off: f64, hourly: f64| {
        let arms = ((1.0 - off) * hourly).round();
        let series = [(OFF, (hourly - arms).round()), (experiment.control.as_str(), arms)];
        Input::hourly(TEST_HOURS, series.map(|(arm, an_hour)| (scope.counted(arm, "TARGETING_MATCH"), format!("0+{an_hour}x40"))))
    };
    let too_many = f64::midpoint(limit, 1.0);
    let shown = 1.0 - ((1.0 - too_many) * hourly).round() / hourly;
    let words = if experiment.audience.is_empty() {
        format!("where {:.1} % should be", expected * 100.0)
    } else {
        format!("although the audience of {} should take part", experiment.name)
    };
    scope.alert(
        "ExperimentUsersWithoutKey",
        &[],
        HOUR,
        format!("1 - ({exposures} or vector(0)) / ({all} > {least}) > {limit}"),
        (
            format!("users of {} are not dealt out", experiment.name),
            Description::percentage(
                "",
                format!(
                    " of the evaluations of {} in {WINDOW_HOURS} hours gave nobody an arm, {words}. A user without a key takes no part: set \
                     the targeting key in the application's evaluation context to what tells users apart. Or flagd serves another step \
                     of the ramp than this commit.",
                    experiment.name
                ),
            ),
        ),
        Cases {
            fires: Firing { input: state(too_many, hourly), value: format!("{}%", four_digits(shown * 100.0)) },
            good: state(limit - 0.02 * taking_part, hourly),
            idle: Input::hourly(TEST_HOURS, []),
            also_silent: vec![("few evaluations", state(1.0, f64::from(least / 10)))],
        },
    )
}

/// That evaluations fail; flagd does not say of which flag.
pub(super) fn evaluation_errors(stack: &Stack) -> Alert {
    let selector = Selector::stack(stack);
    let all = grown(&selector.of(REASONS), WINDOW);
    let failed = grown(&selector.equal("feature_flag_reason", "ERROR").of(REASONS), WINDOW);
    let state = |failed: u32, good: u32| {
        let reason = |reason: &str| scraped(stack).equal("feature_flag_provider_name", "flagd").equal("feature_flag_reason", reason);
        let failures = reason("ERROR").equal("ExceptionTypeKeyName", "FLAG_NOT_FOUND").of(REASONS);
        let good = (reason("TARGETING_MATCH").equal("feature_flag_key", "any").of(REASONS), format!("0+{good}x40"));
        Input::hourly(TEST_HOURS, [(failures, format!("0+{failed}x40")), good])
    };
    let mut labels = stack_labels(stack);
    labels.extend(owner_label(stack));
    Alert {
        name: "ExperimentEvaluationErrors".into(),
        expr: format!("{failed} / ({all} > {LEAST_CALLS}) > {ERROR_SHARE}"),
        for_seconds: HOUR,
        severity: Severity::Ticket,
        labels,
        summary: format!("flags of {} cannot be evaluated", stack.name),
        description: Description::percentage(
            "",
            format!(
                " of the evaluations of flags of {} failed, so applications use what they have built in and no arm is counted. The label \
                 ExceptionTypeKeyName of {REASONS} says why: most often a flag's key that is not the name of an experiment.",
                stack.name
            ),
        ),
        cases: Cases {
            fires: Firing { input: state(20, 980), value: "2%".into() },
            good: state(8, 992),
            idle: Input::hourly(TEST_HOURS, []),
            also_silent: vec![("few evaluations", state(10, 1))],
        },
    }
}

/// That applications still ask what a stopped experiment would give.
pub(super) fn still_asked(scope: &Scope<'_>) -> Alert {
    let evaluated = grown(&scope.evaluations().of(EVALUATIONS), WINDOW);
    let asked = |values: &str| Input::hourly(TEST_HOURS + 10, [(scope.counted(OFF, "STATIC"), values.to_owned())]);
    scope.alert(
        "ExperimentStillAsked",
        &[],
        24 * HOUR,
        format!("{evaluated} > 0"),
        (
            format!("{} is stopped and still asked", scope.experiment.name),
            Description::plain(format!(
                "Applications have evaluated {} for a day, although it is stopped and everybody gets what is live. Take it out of their \
                 code, then out of the spec.",
                scope.experiment.name
            )),
        ),
        Cases {
            fires: Firing { input: asked("0+60x60"), value: String::new() },
            good: asked("0+60x5 300x60"),
            idle: asked("300x60"),
            also_silent: vec![("a stop of this morning", asked("0+60x20 1200x60"))],
        },
    )
}
