//! Whether arms get the shares that they should: a chi-square test of goodness of fit (Pearson, 1900).

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::recordings::{ARMS, EXPECTED, TEST_HOURS};
use super::{HOUR, Scope, any_of};
use crate::emit::prometheus::alerts::humanized;
use crate::emit::prometheus::rule::{Alert, Cases, Description, Firing, Input};
use crate::stack::Experiment;

/// The recorded statistic.
pub(in crate::emit) const SAMPLE_RATIO: &str = "llmc:experiment_sample_ratio:chi_square1d";
/// Probability of a mismatch by chance: low, since it is looked at all day long.
const CHANCE: f64 = 0.001;
/// Evaluations of a day below which shares say little.
const LEAST_EVALUATIONS: u32 = 1_000;

/// Arms that are filled at the present step, with their parts.
pub(in crate::emit) struct Split {
    pub(super) arms: Vec<(String, u32)>,
}

impl Split {
    pub(in crate::emit) fn of(experiment: &Experiment) -> Self {
        let filled = experiment.arms.iter().filter(|(_, arm)| arm.active_parts > 0);
        Self { arms: filled.map(|(name, arm)| (name.clone(), arm.active_parts)).collect() }
    }

    /// Parts of all arms.
    pub(in crate::emit) fn active(&self) -> u32 {
        self.arms.iter().map(|(_, parts)| parts).sum()
    }

    /// Whether there is a ratio to hold.
    pub(in crate::emit) fn is_comparable(&self) -> bool {
        self.arms.len() > 1
    }

    /// The share of `arm`, as the shortest text of the number.
    pub(super) fn share(&self, arm: &str) -> String {
        let parts = self.arms.iter().find(|(name, _)| name == arm).map_or(0, |(_, parts)| *parts);
        (f64::from(parts) / f64::from(self.active().max(1))).to_string()
    }

    /// The statistic: the sum of (O - E)^2 / E with E = T p is the sum of O^2 / p, over T, less T. An arm that
    /// has no series counts as zero in that form.
    pub(super) fn chi_square_expr(&self, scope: &Scope<'_>) -> String {
        let recorded = scope.recorded().matches("variant", &any_of(self.arms.iter().map(|(name, _)| name.as_str())));
        let (observed, expected) = (recorded.of(ARMS), recorded.of(EXPECTED));
        format!("sum({observed} ^ 2 / on (variant) ({expected} > 0)) / (sum({observed}) > 0) - sum({observed})")
    }

    /// The statistic of these evaluations, in the order of the arms.
    fn chi_square(&self, observed: &[f64]) -> f64 {
        let total: f64 = observed.iter().sum();
        let expected = |parts: u32| total * f64::from(parts) / f64::from(self.active().max(1));
        self.arms.iter().zip(observed).map(|((_, parts), seen)| (seen - expected(*parts)).powi(2) / expected(*parts)).sum()
    }

    /// The value that chance passes once in a thousand times, with two decimals.
    pub(in crate::emit) fn limit(&self) -> Option<f64> {
        let freedom = f64::from(u32::try_from(self.arms.len().checked_sub(1)?).ok()?);
        let limit = ChiSquared::new(freedom).ok()?.inverse_cdf(1.0 - CHANCE);
        Some((limit * 100.0).round() / 100.0)
    }

    /// Counters of all arms with so many evaluations an hour, by name and parts; an arm without any has none yet.
    pub(super) fn series(&self, scope: &Scope<'_>, an_hour: impl Fn(&str, u32) -> u32) -> Vec<(String, String)> {
        let counter = |(arm, parts): &(String, u32)| {
            let evaluations = an_hour(arm, *parts);
            (evaluations > 0).then(|| (scope.counted(arm, "TARGETING_MATCH"), format!("0+{evaluations}x40")))
        };
        self.arms.iter().filter_map(counter).collect()
    }
}

/// That the arms' evaluations of a day cannot be what the flag deals out.
pub(super) fn mismatch(scope: &Scope<'_>) -> Option<Alert> {
    let (experiment, split) = (scope.experiment, Split::of(scope.experiment));
    if !split.is_comparable() {
        return None;
    }
    let limit = split.limit()?;
    // Ten thousand evaluations an hour or more, with `more` besides in the first arm.
    let scale = 10_000_u32.div_ceil(split.active());
    let observed = |more: u32| -> Vec<f64> {
        let of = |(index, (_, parts)): (usize, &(String, u32))| f64::from((parts * scale + if index == 0 { more } else { 0 }) * 24);
        split.arms.iter().enumerate().map(of).collect()
    };
    let first = split.arms.first()?.0.clone();
    let input = |more: u32| {
        let an_hour = |arm: &str, parts: u32| parts * scale + if arm == first { more } else { 0 };
        Input::hourly(TEST_HOURS, split.series(scope, an_hour))
    };
    let statistic = |more: u32| split.chi_square(&observed(more));
    let too_many = (1..=40_000).find(|more| statistic(*more) > limit * 1.1)?;
    let just_right = (0..too_many).rev().find(|more| statistic(*more) < limit * 0.9)?;
    let few = Input::hourly(TEST_HOURS, split.series(scope, |arm, _| if arm == first { 40 } else { 0 }));
    let recorded = scope.recorded();
    let arms = recorded.clone().matches("variant", &any_of(split.arms.iter().map(|(name, _)| name.as_str())));
    let shares: Vec<String> =
        split.arms.iter().map(|(arm, parts)| format!("{arm} {:.1} %", 100.0 * f64::from(*parts) / f64::from(split.active()))).collect();
    Some(scope.alert(
        "ExperimentSampleRatioMismatch",
        &[],
        HOUR,
        format!("{} > {limit} and on () (sum({}) > {LEAST_EVALUATIONS})", recorded.of(SAMPLE_RATIO), arms.of(ARMS)),
        (
            format!("arms of {} do not get their shares", experiment.name),
            Description::number(
                format!("Of the last day's evaluations the arms of {} were to get {}. Their chi-square statistic is ", experiment.name, shares.join(", ")),
                format!(
                    ", above {limit}, which chance alone passes once in a thousand times. Trust no result before the cause is found: \
                     an arm that fails and is asked again, a cache between flagd and users, a client of another hash generation, or robots. \
                     Evaluations of one user are not independent, so a few users who ask very often cause this too; \
                     `llmc experiment analyze` makes the same test over users, which decides."
                ),
            ),
        ),
        Cases {
            fires: Firing { input: input(too_many), value: humanized(statistic(too_many)) },
            good: input(0),
            idle: Input::hourly(TEST_HOURS, []),
            also_silent: vec![("what chance does", input(just_right)), ("few evaluations", few)],
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::Split;

    /// Upper 0.1 % points of the chi-square distribution (NIST/SEMATECH e-Handbook, section 1.3.6.7.4).
    #[test]
    fn limits_are_those_of_the_table() {
        for (arms, limit) in [(2, 10.83), (3, 13.82), (4, 16.27), (5, 18.47), (11, 29.59), (20, 43.82)] {
            let split = Split { arms: (0..arms).map(|arm| (format!("{arm}"), 1)).collect() };
            assert_eq!(split.limit(), Some(limit), "{arms} arms");
        }
    }

    #[test]
    fn the_statistic_is_that_of_the_definition() {
        let split = Split { arms: vec![("a".into(), 7), ("b".into(), 3)] };
        // (720 - 700)^2 / 700 + (280 - 300)^2 / 300
        assert!((split.chi_square(&[720.0, 280.0]) - (400.0 / 700.0 + 400.0 / 300.0)).abs() < 1e-9);
    }
}
