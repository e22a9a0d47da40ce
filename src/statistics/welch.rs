//! Two means without the assumption of equal variances, and the size of their difference.

use statrs::function::gamma::ln_gamma;

use super::error::{alpha as alpha_of, finite};
use super::{Moments, StatisticsError, nct};

/// What Welch's test says of `treatment` less `control`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// Difference of the means.
    pub difference: f64,
    /// Standard error of the difference.
    pub error: f64,
    /// The statistic.
    pub t: f64,
    /// Its degrees of freedom.
    pub df: f64,
    /// Probability of a statistic at least this far from 0, in either direction, without a difference.
    pub p: f64,
}

impl Welch {
    /// Probability of a statistic at least this high without a difference.
    ///
    /// # Errors
    ///
    /// As [`nct::sf`].
    pub fn p_higher(&self) -> Result<f64, StatisticsError> {
        nct::sf(self.t, self.df, 0.0)
    }

    /// The interval that holds the difference with confidence 1 - `alpha`.
    ///
    /// # Errors
    ///
    /// An `alpha` that is none.
    pub fn interval(&self, alpha: f64) -> Result<(f64, f64), StatisticsError> {
        let reach = nct::isf(alpha_of(alpha)? / 2.0, self.df)? * self.error;
        Ok((finite("the interval", self.difference - reach)?, finite("the interval", self.difference + reach)?))
    }
}

/// Variance of an arm.
fn variance(arm: &Moments) -> Result<f64, StatisticsError> {
    finite("the variance", arm.variance().ok_or(StatisticsError::TooFewSamples { count: arm.count() })?)
}

/// Welch's t test, with the degrees of freedom of Satterthwaite (Welch, Biometrika 34, 1947).
///
/// # Errors
///
/// Fewer than two samples in an arm, no variance in either, or a statistic that no number can hold.
pub fn welch(control: &Moments, treatment: &Moments) -> Result<Welch, StatisticsError> {
    let (n1, n2) = (control.count() as f64, treatment.count() as f64);
    let (v1, v2) = (variance(control)? / n1, variance(treatment)? / n2);
    let total = v1 + v2;
    if total <= 0.0 {
        return Err(StatisticsError::NoVariance);
    }
    let difference = finite("the difference", treatment.mean() - control.mean())?;
    let error = finite("the error", total.sqrt())?;
    let t = finite("the statistic", difference / error)?;
    // As shares of the sum, so that no square of a small variance vanishes.
    let (w1, w2) = (v1 / total, v2 / total);
    let df = 1.0 / (w1 * w1 / (n1 - 1.0) + w2 * w2 / (n2 - 1.0));
    Ok(Welch { difference, error, t, df, p: (2.0 * nct::sf(t.abs(), df, 0.0)?).min(1.0) })
}

/// A difference in standard deviations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// Cohen's d: the difference over the pooled standard deviation.
    pub d: f64,
    /// Where the interval of d begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// Hedges' g: d without its bias in small samples.
    pub g: f64,
}

/// The pooled variance and its degrees of freedom.
fn pooled(control: &Moments, treatment: &Moments) -> Result<(f64, f64), StatisticsError> {
    let (first, second) = (control.count() as f64 - 1.0, treatment.count() as f64 - 1.0);
    let (v1, v2) = (variance(control)?, variance(treatment)?);
    let df = first + second;
    Ok((v1 * (first / df) + v2 * (second / df), df))
}

/// Cohen's d of `treatment` less `control` (Cohen, Statistical Power Analysis, 1988, 2.5).
///
/// # Errors
///
/// As [`welch`].
pub fn cohen_d(control: &Moments, treatment: &Moments) -> Result<f64, StatisticsError> {
    let (variance, _) = pooled(control, treatment)?;
    if variance <= 0.0 {
        return Err(StatisticsError::NoVariance);
    }
    finite("Cohen's d", (treatment.mean() - control.mean()) / variance.sqrt())
}

/// Cohen's d, its interval with confidence 1 - `alpha` and Hedges' g. The interval holds the noncentralities under
/// which the pooled statistic is not extreme (Steiger and Fouladi, in: What if there were no significance tests?, 1997).
///
/// # Errors
///
/// As [`welch`]; an effect of more than some thousand standard deviations has no interval.
pub fn effect(control: &Moments, treatment: &Moments, alpha: f64) -> Result<Effect, StatisticsError> {
    let tail = alpha_of(alpha)? / 2.0;
    let d = cohen_d(control, treatment)?;
    let (_, df) = pooled(control, treatment)?;
    let unit = (1.0 / control.count() as f64 + 1.0 / treatment.count() as f64).sqrt();
    let t = d / unit;
    // The lower end by the tail above t, the upper by the tail below it: that of -t, mirrored.
    let (low, high) = (nct::noncentrality(t, df, tail)? * unit, -nct::noncentrality(-t, df, tail)? * unit);
    Ok(Effect { d, low, high, g: d * small_sample_factor(df) })
}

/// What d is too great by with `df` degrees of freedom (Hedges, Journal of Educational Statistics 6, 1981).
fn small_sample_factor(df: f64) -> f64 {
    let x = df / 2.0;
    if df < 200.0 {
        return (ln_gamma(x) - ln_gamma(x - 0.5)).exp() / x.sqrt();
    }
    // The logarithms would cancel: gamma(y + 1/2) / gamma(y) for great y (DLMF 5.11.13).
    let y = x - 0.5;
    let z = 1.0 / y;
    let series = 1.0 + z * (-1.0 / 8.0 + z * (1.0 / 128.0 + z * (5.0 / 1024.0 + z * (-21.0 / 32768.0 - z * 399.0 / 262_144.0))));
    (y / x).sqrt() * series
}

#[cfg(test)]
mod tests {
    use super::super::{Moments, StatisticsError};
    use super::{effect, small_sample_factor, welch};

    #[test]
    fn the_series_continues_the_gamma_function() {
        let (below, above) = (small_sample_factor(200.0 - 1e-9), small_sample_factor(200.0));
        assert!((below / above - 1.0).abs() < 1e-12, "{below} {above}");
        assert!((small_sample_factor(1e12) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn arms_without_samples_or_variance_give_a_reason() {
        let (one, flat) = (Moments::of(1, 2.0, 0.0), Moments::of(50, 2.0, 0.0));
        let usual = Moments::of(50, 2.5, 1.0);
        assert_eq!(welch(&one, &usual), Err(StatisticsError::TooFewSamples { count: 1 }));
        assert_eq!(welch(&flat, &flat), Err(StatisticsError::NoVariance));
        assert!(matches!(effect(&flat, &Moments::of(9, 3.0, 0.0), 0.05), Err(StatisticsError::NoVariance)));
        assert!(welch(&flat, &usual).is_ok_and(|w| (w.df - 49.0).abs() < 1e-9));
    }

    /// Whatever the moments: numbers or a reason.
    #[test]
    fn extremes_are_a_number_or_a_reason() {
        for n in [2, 3, 1_000_000_000_000, u64::MAX / 2] {
            for mean in [0.0, 1e-12, 1e6, 1e300, f64::INFINITY, f64::NAN] {
                for variance in [0.0, 1e-300, 1e-12, 1.0, 1e300, f64::NAN] {
                    let (control, treatment) = (Moments::of(n, 0.0, variance), Moments::of(n, mean, variance));
                    if let Ok(w) = welch(&control, &treatment) {
                        assert!([w.difference, w.error, w.t, w.df, w.p].iter().all(|x| x.is_finite()), "{w:?}");
                        assert!((0.0..=1.0).contains(&w.p) && w.interval(0.05).is_ok_and(|(a, b)| a <= b), "{w:?}");
                    }
                    if let Ok(e) = effect(&control, &treatment, 0.05) {
                        assert!(e.low <= e.d && e.d <= e.high && e.g.is_finite(), "{n} {mean} {variance} {e:?}");
                    }
                }
            }
        }
    }
}
