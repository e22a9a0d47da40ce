//! The sample-ratio check: whether users were dealt out as the weights say.

use statrs::function::gamma::checked_gamma_ur;

use super::StatisticsError;
use super::error::{finite, within};

/// Below this p-value the split is taken for broken: a check that runs on every look may rarely be wrong
/// (Fabijan et al., Diagnosing Sample Ratio Mismatch, KDD 2019, 3).
pub const ALARM: f64 = 0.001;

/// What the check says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRatio {
    /// Pearson's statistic.
    pub chi_squared: f64,
    /// Probability of one at least this great under the weights.
    pub p: f64,
}

impl SampleRatio {
    /// Whether the split is so unlikely that nothing may be read off the samples.
    pub fn is_mismatch(&self) -> bool {
        self.p < ALARM
    }
}

/// Pearson's chi-squared test of the `observed` counts against `weights`, of any sum.
///
/// # Errors
///
/// Fewer than two arms, other than one weight an arm, a weight that is not above 0, or no samples at all.
pub fn sample_ratio(observed: &[u64], weights: &[f64]) -> Result<SampleRatio, StatisticsError> {
    let arms = observed.len() as f64;
    within("the number of arms", arms, observed.len() >= 2, "at least 2")?;
    within("the number of weights", weights.len() as f64, weights.len() == observed.len(), "that of the arms")?;
    for weight in weights {
        within("a weight", *weight, (1e-9..=1e9).contains(weight), "above 0")?;
    }
    let (total, sum) = (observed.iter().map(|n| *n as f64).sum::<f64>(), weights.iter().sum::<f64>());
    within("the number of samples", total, total > 0.0, "above 0")?;
    let chi_squared = observed.iter().zip(weights).map(|(observed, weight)| {
        let expected = total * weight / sum;
        (*observed as f64 - expected).powi(2) / expected
    });
    let chi_squared = finite("the statistic", chi_squared.sum())?;
    let p = if chi_squared == 0.0 { 1.0 } else { tail(chi_squared, arms - 1.0) };
    Ok(SampleRatio { chi_squared, p: finite("the p-value", p)?.clamp(0.0, 1.0) })
}

/// Probability of a chi-squared variable with `df` degrees of freedom above `x`.
fn tail(x: f64, df: f64) -> f64 {
    if df == 1.0 {
        return 2.0 * super::normal::sf(x.sqrt());
    }
    checked_gamma_ur(df / 2.0, x / 2.0).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::sample_ratio;

    #[test]
    fn extremes_are_a_number_or_a_reason() {
        assert_eq!(sample_ratio(&[u64::MAX, 0], &[1.0, 1.0]).unwrap().p, 0.0);
        assert!(sample_ratio(&[0, 0], &[1.0, 1.0]).is_err());
        assert!(sample_ratio(&[5], &[1.0]).is_err());
        assert!(sample_ratio(&[5, 5], &[1.0]).is_err());
        assert!(sample_ratio(&[5, 5], &[1.0, 0.0]).is_err());
        assert!(sample_ratio(&[5, 5], &[1.0, f64::NAN]).is_err());
        for n in [1_u64, 1 << 20, 1 << 60] {
            let seen = sample_ratio(&[n, n, n + 1], &[1.0, 1.0, 1.0]).unwrap();
            assert!((0.0..=1.0).contains(&seen.p), "{seen:?}");
        }
    }
}
