//! The last day of an experiment.

use super::Scope;
use super::recordings::TEST_HOURS;
use crate::emit::prometheus::rule::{Alert, Cases, Description, Firing, Input, Pace};
use crate::stack::{Day, Experiment, Stack};

const MINUTES_PER_DAY: u32 = 24 * 60;
/// Looks of the tests from 1970 to the end; each evaluates every rule.
const LOOKS: u32 = 240;

/// Seconds from the start of 1970 to the end of `day`, in UTC; none where that is no time that anybody lives in.
pub(in crate::emit) fn end_of(day: Day) -> Option<u64> {
    days_until_end_of(day).map(|days| u64::from(days) * 86_400)
}

fn days_until_end_of(day: Day) -> Option<u32> {
    let days = u32::try_from(day.days_since(Day::from_unix_seconds(0))).ok()?.checked_add(1)?;
    // A century more than enough, and few enough minutes for a number.
    (days < 100_000).then_some(days)
}

/// Minutes between two looks of the tests. `LOOKS` divides the minutes of a day, so the end itself is a look; the
/// next is about three months later.
pub(in crate::emit::prometheus) fn calendar(stack: &Stack) -> Option<Pace> {
    stack
        .experiments
        .values()
        .filter(|experiment| experiment.is_running())
        .find_map(days_of)
        .map(|days| Pace::Minutes(days * (MINUTES_PER_DAY / LOOKS)))
}

fn days_of(experiment: &Experiment) -> Option<u32> {
    experiment.ends.and_then(days_until_end_of)
}

/// That it runs on after its last day.
pub(super) fn past(scope: &Scope<'_>) -> Option<Alert> {
    let experiment = scope.experiment;
    let (ends, days) = (experiment.ends?, days_of(experiment)?);
    let Some(Pace::Minutes(step)) = calendar(scope.stack) else { return None };
    // The last look that is not after the end.
    let last = days * MINUTES_PER_DAY / step * step;
    let at = |minutes: u32| Input { series: Vec::new(), minutes, pace: Pace::Minutes(step) };
    let asked = (scope.counted(&experiment.control, "TARGETING_MATCH"), format!("0+100x{TEST_HOURS}"));
    Some(scope.alert(
        "ExperimentPastItsEnd",
        &[],
        0,
        format!("vector(time()) > {}", end_of(ends)?),
        (
            format!("{} should have been decided", experiment.name),
            Description::plain(format!(
                "{ends} was the last day of {}, and it still runs. Decide with `llmc experiment analyze`, then make the winner live and \
                 stop the experiment, or state a later last day and why.",
                experiment.name
            )),
        ),
        Cases {
            fires: Firing { input: at(last + step), value: String::new() },
            good: Input { series: vec![asked], ..at(last) },
            idle: at(last.saturating_sub(step)),
            also_silent: Vec::new(),
        },
    ))
}
