//! p-values that stay valid however often one looks.

use super::StatisticsError;
use super::error::{finite, within};

/// The likelihood ratio, as a logarithm, of a normal mixture of differences with standard deviation `tau` against no
/// difference, at an estimate of `difference` with standard `error` (Johari, Koomen, Pekelis and Walsh, Operations
/// Research 70, 2022, equation 9: the mixture sequential probability ratio test).
///
/// # Errors
///
/// An `error` or `tau` that is not above 0, or a difference that is no number.
pub fn log_likelihood_ratio(difference: f64, error: f64, tau: f64) -> Result<f64, StatisticsError> {
    within("the difference", difference, true, "a number")?;
    within("the standard error", error, error > 0.0, "above 0")?;
    within("tau", tau, tau > 0.0, "above 0")?;
    // With the variances as a share, no square leaves the range of numbers.
    let relative = (tau / error).powi(2);
    let z = difference / error;
    let share = if relative.is_finite() { relative / (1.0 + relative) } else { 1.0 };
    finite("the likelihood ratio", 0.5 * (z * z * share - relative.min(f64::MAX).ln_1p()))
}

/// The always-valid p-value of the looks so far: 1 over the greatest likelihood ratio of any of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlwaysValid {
    greatest: f64,
}

impl Default for AlwaysValid {
    fn default() -> Self {
        Self { greatest: 0.0 }
    }
}

impl AlwaysValid {
    /// Takes in a look: an estimate of `difference` with standard `error`, and the mixture's `tau`.
    ///
    /// # Errors
    ///
    /// As [`log_likelihood_ratio`].
    pub fn look(&mut self, difference: f64, error: f64, tau: f64) -> Result<f64, StatisticsError> {
        self.greatest = self.greatest.max(log_likelihood_ratio(difference, error, tau)?);
        Ok(self.p())
    }

    /// The p-value; it never grows.
    pub fn p(&self) -> f64 {
        (-self.greatest).exp().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::AlwaysValid;

    #[test]
    fn a_look_never_takes_evidence_away() {
        let mut looks = AlwaysValid::default();
        assert_eq!(looks.look(0.0, 0.1, 0.1), Ok(1.0));
        let seen = looks.look(0.5, 0.1, 0.1).unwrap();
        assert!(seen < 0.01 && looks.look(0.0, 0.1, 0.1) == Ok(seen));
        for (difference, error, tau) in [(f64::NAN, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1e300, 1e-300, 1.0)] {
            assert!(AlwaysValid::default().look(difference, error, tau).is_err());
        }
        for (difference, error, tau) in [(1e-300, 1e-300, 1e300), (1e6, 1.0, 1e-12), (1e6, 1.0, 1e12)] {
            assert!((0.0..=1.0).contains(&AlwaysValid::default().look(difference, error, tau).unwrap()));
        }
    }
}
