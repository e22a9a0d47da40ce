//! Two means of equal variance: samples, power and the smallest effect that shows.
//!
//! With n1 and n2 = r n1 samples, the statistic of the two-sample t test under an effect of d standard
//! deviations is a noncentral t with n1 + n2 - 2 degrees of freedom and noncentrality
//! d sqrt(n1 n2 / (n1 + n2)) (Cohen, Statistical Power Analysis, 1988, 2.2 and 12.2).

use super::error::{alpha as alpha_of, finite, power as power_of, samples, within};
use super::root::{doubled, root};
use super::{Sides, StatisticsError, nct, normal};

/// Samples of two arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Samples of the first arm at which the power is reached exactly; at least 2.
    pub first: f64,
    /// Samples of the second.
    pub second: f64,
}

impl Size {
    /// `first` samples, and `ratio` times as many of the second arm.
    pub(super) fn at(first: f64, ratio: f64) -> Result<Self, StatisticsError> {
        Ok(Self { first: finite("the sample size", first)?, second: finite("the sample size", (first * ratio).max(2.0))? })
    }

    /// Both in whole samples, rounded up.
    pub fn whole(&self) -> (u64, u64) {
        // What stands above a whole number by less than its last digits is that number.
        let up = |samples: f64| (samples * (1.0 - 1e-13)).ceil().max(2.0) as u64;
        (up(self.first), up(self.second))
    }
}

/// `ratio` of the arms' samples where it is one.
pub(super) fn ratio_of(ratio: f64) -> Result<f64, StatisticsError> {
    within("the ratio of the arms", ratio, (1e-6..=1e6).contains(&ratio), "from 0.000001 to 1000000")
}

/// Probability that a test at `alpha` sees an effect of `d` standard deviations (in one-sided tests: upward)
/// with `first` and `second` samples.
///
/// # Errors
///
/// Fewer than 2 samples in an arm, or an `alpha` or `d` that is none.
pub fn power(d: f64, first: f64, second: f64, alpha: f64, sides: Sides) -> Result<f64, StatisticsError> {
    let d = within("the effect", d, d.abs() <= 1e100, "at most 1e100")?;
    let (first, second) = (samples("the first arm", first)?, samples("the second arm", second)?);
    let tail = sides.tail(alpha_of(alpha)?);
    let df = first + second - 2.0;
    let nc = d * (first / (1.0 + first / second)).sqrt();
    // A one-sided alpha above a half has its critical value below 0.
    let critical = if tail > 0.5 { -nct::isf(1.0 - tail, df)? } else { nct::isf(tail, df)? };
    let upper = nct::sf(critical, df, nc)?;
    Ok(match sides {
        Sides::One => upper,
        Sides::Two => (upper + nct::cdf(-critical, df, nc)?).min(1.0),
    })
}

/// Samples at which a test at `alpha` sees an effect of `d` standard deviations with probability `power`,
/// with `ratio` times as many in the second arm as in the first. Each arm gets at least 2.
///
/// # Errors
///
/// An argument out of range, an effect of zero, or a size above 1e30.
pub fn sample_size(d: f64, ratio: f64, alpha: f64, power: f64, sides: Sides) -> Result<Size, StatisticsError> {
    let d = d.abs();
    within("the effect", d, (1e-100..=1e100).contains(&d), "other than 0, and at most 1e100")?;
    let (ratio, alpha, wanted) = (ratio_of(ratio)?, alpha_of(alpha)?, power_of(power)?);
    let reached = |first: f64| {
        let second = (first * ratio).max(2.0);
        if first.max(second) > 1e30 {
            return Err(StatisticsError::NotRepresentable { what: "the number of samples" });
        }
        self::power(d, first, second, alpha, sides)
    };
    let least = (2.0_f64).max(2.0 / ratio);
    if reached(least)? >= wanted {
        return Size::at(least, ratio);
    }
    // The normal approximation is too small by one or two samples.
    let quantiles = normal::isf(sides.tail(alpha)) + normal::isf(1.0 - wanted);
    let guess = (quantiles / d).powi(2) * (1.0 + 1.0 / ratio);
    let high = doubled("the sample size", (guess.max(least) * 1.05).min(1e30), |first| Ok(reached(first)? >= wanted))?;
    let low = (guess * 0.9).clamp(least, high);
    let low = if reached(low)? < wanted { low } else { least };
    Size::at(root("the sample size", low, high, |first| Ok(reached(first)? - wanted))?, ratio)
}

/// The smallest effect, in standard deviations, that a test at `alpha` with `first` and `second` samples sees
/// with probability `power`.
///
/// # Errors
///
/// As [`power`]; a `power` that is not above `alpha` is reached without an effect.
pub fn smallest_effect(first: f64, second: f64, alpha: f64, power: f64, sides: Sides) -> Result<f64, StatisticsError> {
    let wanted = power_of(power)?;
    within("power", power, power > alpha_of(alpha)?, "above alpha")?;
    let (first, second) = (samples("the first arm", first)?, samples("the second arm", second)?);
    let reached = |d: f64| self::power(d, first, second, alpha, sides);
    let unit = (1.0 / first + 1.0 / second).sqrt();
    let high = doubled("the effect", unit, |d| Ok(reached(d)? >= wanted))?;
    root("the effect", 0.0, high, |d| Ok(reached(d)? - wanted))
}

/// How many times the samples of an equal split a split of `ratio` takes in all (Cohen, 1988, 2.4).
pub fn cost_of_imbalance(ratio: f64) -> f64 {
    (1.0 + ratio) * (1.0 + ratio) / (4.0 * ratio)
}

#[cfg(test)]
mod tests {
    use super::{Sides, Size, cost_of_imbalance, power, sample_size, smallest_effect};

    /// What a test sees with the size that was asked for is what was asked for.
    #[test]
    fn size_power_and_effect_agree() {
        for (d, ratio) in [(1e-12, 1.0), (1e-3, 0.1), (0.2, 3.0 / 7.0), (0.8, 5.0)] {
            for sides in [Sides::One, Sides::Two] {
                let size = sample_size(d, ratio, 0.01, 0.9, sides).unwrap();
                assert!((power(d, size.first, size.second, 0.01, sides).unwrap() - 0.9).abs() < 1e-11, "{d} {ratio}");
                let effect = smallest_effect(size.first, size.second, 0.01, 0.9, sides).unwrap();
                assert!((effect / d - 1.0).abs() < 1e-11, "{effect} is not {d}");
            }
        }
    }

    #[test]
    fn extremes_are_a_number_or_a_reason() {
        assert_eq!(sample_size(1e6, 1.0, 0.05, 0.8, Sides::Two).unwrap(), Size { first: 2.0, second: 2.0 });
        assert!(sample_size(1e-12, 1.0, 1e-100, 0.999, Sides::Two).unwrap().first > 1e26);
        for (d, ratio, alpha, wanted) in [
            (0.0, 1.0, 0.05, 0.8),
            (f64::NAN, 1.0, 0.05, 0.8),
            (0.2, 0.0, 0.05, 0.8),
            (0.2, f64::INFINITY, 0.05, 0.8),
            (0.2, 1.0, 0.0, 0.8),
            (0.2, 1.0, 0.05, 1.0),
            (1e-60, 1.0, 0.05, 0.8),
        ] {
            assert!(sample_size(d, ratio, alpha, wanted, Sides::Two).is_err(), "{d} {ratio} {alpha} {wanted}");
        }
        assert!(power(0.2, 1.0, 5.0, 0.05, Sides::Two).is_err());
        assert!(power(0.0, 50.0, 50.0, 0.05, Sides::Two).is_ok_and(|p| (p - 0.05).abs() < 1e-13));
        assert!(smallest_effect(2.0, 2.0, 0.05, 0.04, Sides::Two).is_err());
    }

    #[test]
    fn ten_percent_in_one_arm_cost_nearly_three_times() {
        assert!((cost_of_imbalance(9.0) - 2.777_777_777_777_778).abs() < 1e-12);
        assert!((cost_of_imbalance(1.0 / 9.0) - cost_of_imbalance(9.0)).abs() < 1e-12);
    }
}
