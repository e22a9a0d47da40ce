//! Each metric of each arm against the control.

use super::{Comparison, Data, Question};
use crate::spec::Metric;
use crate::statistics::sequential::AlwaysValid;
use crate::statistics::welch::{Welch, effect, welch};
use crate::statistics::{Moments, StatisticsError, multiple};

/// All comparisons, and why one that should be there cannot be made.
pub(super) fn all(question: &Question<'_>, data: &Data) -> (Vec<Comparison>, Vec<String>) {
    let experiment = question.experiment;
    let (mut comparisons, mut faults) = (Vec::new(), Vec::new());
    let none = Moments::default();
    for (name, metric) in &experiment.metrics {
        let sample = |arm: &str| data.samples.get(name).and_then(|arms| arms.get(arm)).unwrap_or(&none);
        for (arm, of_arm) in experiment.treatments().filter(|(_, arm)| arm.active_parts > 0) {
            let (control, treatment) = (sample(&experiment.control), sample(arm));
            let empty = [&experiment.control, arm].into_iter().zip([control, treatment]).find(|(_, sample)| sample.count() == 0);
            if let Some((empty, _)) = empty {
                let fault = format!("no {} of `{empty}` has a value of `{name}`", data.unit.plural().trim_end_matches('s'));
                // The control is said once, not for each arm.
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
                continue;
            }
            match compare(question, metric, control, treatment) {
                Ok(comparison) => comparisons.push(Comparison { metric: name.clone(), arm: arm.clone(), ..comparison }),
                // The verdict says how many it takes.
                Err(StatisticsError::TooFewSamples { .. }) => {}
                Err(StatisticsError::NoVariance) => {
                    faults.push(format!(
                        "all values of `{name}` are the same in `{}` and in `{arm}`, as no measurement is",
                        experiment.control
                    ));
                }
                Err(error) => faults.push(format!("`{name}` of `{arm}` (prompt {}) cannot be tested: {error}", of_arm.version)),
            }
        }
    }
    let p: Vec<f64> = comparisons.iter().map(|comparison| comparison.p).collect();
    match multiple::holm(&p) {
        Ok(corrected) => comparisons.iter_mut().zip(corrected).for_each(|(comparison, p)| {
            comparison.p_holm = p;
            comparison.is_significant = p < experiment.alpha;
        }),
        Err(error) => faults.push(format!("the p-values cannot be corrected: {error}")),
    }
    (comparisons, faults)
}

/// One comparison, before Holm's correction.
fn compare(question: &Question<'_>, metric: &Metric, control: &Moments, treatment: &Moments) -> Result<Comparison, StatisticsError> {
    let alpha = question.experiment.alpha;
    let test = welch(control, treatment)?;
    let tau = metric.minimum_effect;
    let p = if question.is_sequential { AlwaysValid::default().look(test.difference, test.error, tau)? } else { test.p };
    let (low, high) = interval(&test, alpha, question.is_sequential.then_some(tau))?;
    let effect = effect(control, treatment, alpha).ok();
    Ok(Comparison {
        metric: String::new(),
        arm: String::new(),
        better: metric.better,
        is_share: metric.deviation.is_none(),
        minimum_effect: metric.minimum_effect,
        control: control.into(),
        treatment: treatment.into(),
        difference: test.difference,
        low,
        high,
        lift: (control.mean() > 0.0).then(|| test.difference / control.mean()),
        t: test.t,
        df: test.df,
        p,
        p_holm: p,
        d: effect.map(|effect| effect.d),
        d_low: effect.map(|effect| effect.low),
        d_high: effect.map(|effect| effect.high),
        is_significant: false,
        p_holm_range: None,
    })
}

/// The interval of a difference with confidence 1 - `alpha`. With the deviation `tau` of a mixture it is the
/// one that holds at every look: the differences that the mixture sequential test does not refuse, so
/// |difference| / error is at most sqrt((1 + 1/r) (ln(1 + r) + 2 ln(1/alpha))) with r = (tau/error)^2
/// (Johari, Koomen, Pekelis and Walsh, Operations Research 70, 2022, section 4).
pub(super) fn interval(test: &Welch, alpha: f64, tau: Option<f64>) -> Result<(f64, f64), StatisticsError> {
    let Some(tau) = tau else { return test.interval(alpha) };
    let ratio = (tau / test.error).powi(2);
    let reach = test.error * ((1.0 + 1.0 / ratio) * (ratio.ln_1p() - 2.0 * alpha.ln())).sqrt();
    if reach.is_finite() {
        Ok((test.difference - reach, test.difference + reach))
    } else {
        Err(StatisticsError::NotRepresentable { what: "the interval" })
    }
}

#[cfg(test)]
mod tests {
    use super::interval;
    use crate::statistics::sequential::AlwaysValid;
    use crate::statistics::welch::Welch;

    /// The interval ends where the always-valid p-value is alpha.
    #[test]
    fn the_interval_and_the_p_value_agree_at_every_look() {
        for (error, tau, alpha) in [(0.1, 0.02, 0.05), (0.001, 0.02, 0.05), (0.02, 0.02, 0.01)] {
            let test = Welch { difference: 0.0, error, t: 0.0, df: 1e6, p: 1.0 };
            let (low, high) = interval(&test, alpha, Some(tau)).unwrap();
            assert_eq!(low, -high);
            let p = AlwaysValid::default().look(high, error, tau).unwrap();
            assert!((p / alpha - 1.0).abs() < 1e-9, "{p} {alpha}");
        }
    }
}
