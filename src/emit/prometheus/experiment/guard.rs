//! Guard metrics: what must not get worse while an experiment runs.

use super::recordings::{COUNT, MEAN, TEST_HOURS};
use super::{HOUR, Scope};
use crate::emit::prometheus::four_digits;
use crate::emit::prometheus::rule::{Alert, Cases, Description, Firing, Input};
use crate::stack::{Better, Guard};

/// Outcomes of a day, of each arm, below which a mean says little.
const LEAST_OUTCOMES: u32 = 200;
/// Outcomes of an hour, and what those of the control sum to, in tests.
const AN_HOUR: u32 = 1_000;
const CONTROL_SUM: f64 = 100_000.0;

/// One alert for each guard and each arm beside the control.
pub(super) fn worse(scope: &Scope<'_>) -> Vec<Alert> {
    let guards = scope.experiment.guards.iter();
    guards.flat_map(|(name, guard)| scope.experiment.treatments().filter_map(|(arm, _)| alert(scope, (name, guard), arm))).collect()
}

/// Whether less of it is better, if the spec does not say: of times it is.
fn is_better_lower(name: &str, guard: &Guard) -> bool {
    guard.better.map_or(matches!(name, "ttft" | "tpot" | "e2e"), |better| better == Better::Lower)
}

/// What the mean `arm` loses against the mean `control`, as a share of it; both are queries.
pub(in crate::emit) fn loss_expr(name: &str, guard: &Guard, (arm, control): (&str, &str)) -> String {
    let (from, less) = if is_better_lower(name, guard) { (arm, control) } else { (control, arm) };
    format!("({from} - {less}) / (abs({control}) > 0)")
}

fn alert(scope: &Scope<'_>, (name, guard): (&str, &Guard), arm: &str) -> Option<Alert> {
    let experiment = scope.experiment;
    let (lower, limit) = (is_better_lower(name, guard), guard.worse_by);
    // What cannot fall below zero loses less than all of it.
    let too_much = if lower { limit * 1.2 } else { (limit * 1.2).min(f64::midpoint(1.0, limit)) };
    if !lower && limit >= 0.99 {
        return None;
    }
    let sum_at = |loss: f64| (CONTROL_SUM * if lower { 1.0 + loss } else { 1.0 - loss }).round();
    let reported = |variant: &str, an_hour: u32, sum: f64| {
        let sum = sum * f64::from(an_hour) / f64::from(AN_HOUR);
        [
            (scope.reported("llmc_experiment_value_count", variant, name), format!("0+{an_hour}x40")),
            (scope.reported("llmc_experiment_value_sum", variant, name), format!("0+{sum}x40")),
        ]
    };
    let control = experiment.control.as_str();
    let state = |of_arm: u32, of_control: u32, loss: f64| {
        let arms = [reported(arm, of_arm, sum_at(loss)), reported(control, of_control, CONTROL_SUM)];
        Input::hourly(TEST_HOURS, arms.into_iter().flatten())
    };
    let of_arm = |series: &str, arm: &str| format!("sum({})", scope.recorded().equal("variant", arm).equal("metric", name).of(series));
    let loss = loss_expr(name, guard, (&of_arm(MEAN, arm), &of_arm(MEAN, control)));
    let enough = |arm: &str| format!("and on () ({} > {LEAST_OUTCOMES})", of_arm(COUNT, arm));
    let shown = (sum_at(too_much) - CONTROL_SUM).abs() / CONTROL_SUM;
    Some(scope.alert(
        "ExperimentGuardWorse",
        &[("llmc_metric", name), ("llmc_variant", arm)],
        HOUR,
        format!("{loss} > {limit} {} {}", enough(arm), enough(control)),
        (
            format!("{name} is worse with {arm} of {}", experiment.name),
            Description::percentage(
                format!("Over the last day the mean of {name} with {arm} is "),
                format!(
                    " worse than with {control}; the guard of {} lets {} % pass. That is no test: look at `llmc experiment analyze`, and stop \
                     the experiment or go back a step of its ramp if it holds.",
                    experiment.name,
                    four_digits(limit * 100.0)
                ),
            ),
        ),
        Cases {
            fires: Firing { input: state(AN_HOUR, AN_HOUR, too_much), value: format!("{}%", four_digits(shown * 100.0)) },
            good: state(AN_HOUR, AN_HOUR, limit * 0.8),
            idle: Input::hourly(TEST_HOURS, []),
            also_silent: vec![
                ("few outcomes of the arm", state(5, AN_HOUR, too_much)),
                ("few outcomes of the control", state(AN_HOUR, 5, too_much)),
                ("an arm that is better", state(AN_HOUR, AN_HOUR, -too_much.min(0.9))),
            ],
        },
    ))
}
