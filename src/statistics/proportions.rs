//! Two shares of samples: samples, power and the smallest difference that shows.
//!
//! By the arcsine transformation (Cohen, Statistical Power Analysis, 1988, 6.2), whose variance does not depend
//! on the share; the far tail of a two-sided test is counted.

use super::error::{alpha as alpha_of, power as power_of, samples, within};
use super::power::{Size, ratio_of};
use super::root::{doubled, root};
use super::{Sides, StatisticsError, normal};

/// `share` where it is one that the approximations hold for.
fn share(share: f64) -> Result<f64, StatisticsError> {
    within("the share", share, share > 0.0 && share < 1.0, "above 0 and below 1")
}

/// Cohen's h: how far two shares are apart, in radians.
///
/// # Errors
///
/// A share that does not lie between 0 and 1.
pub fn effect(first: f64, second: f64) -> Result<f64, StatisticsError> {
    let (first, second) = (share(first)?, share(second)?);
    // asin(b) - asin(a) by the sine of a difference: near shares would cancel.
    let (a, b) = (first.sqrt(), second.sqrt());
    let (cos_a, cos_b) = ((1.0 - first).sqrt(), (1.0 - second).sqrt());
    let sine = (second - first) / (b * cos_a + a * cos_b);
    Ok(2.0 * if sine.abs() < 0.7 { sine.asin() } else { b.asin() - a.asin() })
}

/// Probability that a normal statistic which an effect moves by `by` leaves the bounds of a test.
fn leaves(by: f64, critical: f64, sides: Sides) -> f64 {
    match sides {
        Sides::One => normal::sf(critical - by),
        Sides::Two => normal::sf(critical - by) + normal::cdf(-critical - by),
    }
}

/// Probability that a test at `alpha` tells `second` from `first` (in one-sided tests: in its direction), with
/// `first_samples` and `second_samples`.
///
/// # Errors
///
/// A share, `alpha` or number of samples that is none.
pub fn power(first: f64, second: f64, first_samples: f64, second_samples: f64, alpha: f64, sides: Sides) -> Result<f64, StatisticsError> {
    let (n1, n2) = (samples("the first arm", first_samples)?, samples("the second arm", second_samples)?);
    let critical = normal::isf(sides.tail(alpha_of(alpha)?));
    Ok(leaves(effect(first, second)?.abs() * (n1 / (1.0 + n1 / n2)).sqrt(), critical, sides))
}

/// How far an effect must move the statistic for a test at `alpha` to see it with probability `power`.
fn shift(alpha: f64, power: f64, sides: Sides) -> Result<f64, StatisticsError> {
    let (alpha, wanted) = (alpha_of(alpha)?, power_of(power)?);
    within("power", power, power > alpha, "above alpha")?;
    let critical = normal::isf(sides.tail(alpha));
    let high = doubled("the effect", 1.0, |by| Ok(leaves(by, critical, sides) >= wanted))?;
    root("the effect", 0.0, high, |by| Ok(leaves(by, critical, sides) - wanted))
}

/// Samples at which a test at `alpha` tells `second` from `first` with probability `power`, with `ratio` times as
/// many in the second arm. Each arm gets at least 2.
///
/// # Errors
///
/// An argument out of range, or two equal shares.
pub fn sample_size(first: f64, second: f64, ratio: f64, alpha: f64, power: f64, sides: Sides) -> Result<Size, StatisticsError> {
    let h = effect(first, second)?.abs();
    within("the difference", h, h > 0.0, "other than 0")?;
    let ratio = ratio_of(ratio)?;
    let size = (shift(alpha, power, sides)? / h).powi(2) * (1.0 + 1.0 / ratio);
    Size::at(size.max(2.0).max(2.0 / ratio), ratio)
}

/// The smallest difference from `first` that a test at `alpha` sees with probability `power`: the share above it and
/// the one below it, where there is one.
///
/// # Errors
///
/// An argument out of range.
pub fn smallest_effect(
    first: f64,
    first_samples: f64,
    second_samples: f64,
    alpha: f64,
    power: f64,
    sides: Sides,
) -> Result<(Option<f64>, Option<f64>), StatisticsError> {
    let (n1, n2) = (samples("the first arm", first_samples)?, samples("the second arm", second_samples)?);
    let half = shift(alpha, power, sides)? / (n1 / (1.0 + n1 / n2)).sqrt() / 2.0;
    let middle = share(first)?.sqrt().asin();
    let right_angle = std::f64::consts::FRAC_PI_2;
    // sin²(x + y) - sin² x = sin(2x + y) sin y, which does not cancel where y is small.
    let moved = |by: f64| (0.0..=right_angle).contains(&(middle + by)).then(|| first + (2.0 * middle + by).sin() * by.sin());
    Ok((moved(half), moved(-half)))
}

/// Samples of the first arm as [`sample_size`], by the normal test with each arm's own variance (Fleiss, Levin and
/// Paik, Statistical Methods for Rates and Proportions, 2003, 4.2): another approximation, to compare with.
///
/// # Errors
///
/// As [`sample_size`].
pub fn sample_size_unpooled(first: f64, second: f64, ratio: f64, alpha: f64, power: f64, sides: Sides) -> Result<f64, StatisticsError> {
    let (tested, missed, ratio) = quantiles(first, second, ratio, alpha, power, sides)?;
    let variance = first * (1.0 - first) + second * (1.0 - second) / ratio;
    Ok((tested + missed).powi(2) * variance / (second - first).powi(2))
}

/// Samples of the first arm as [`sample_size`], by the normal test with the variance of both arms together where there
/// is no difference (Fleiss, Tytun and Ury, Biometrics 36, 1980, without the correction for continuity).
///
/// # Errors
///
/// As [`sample_size`].
pub fn sample_size_pooled(first: f64, second: f64, ratio: f64, alpha: f64, power: f64, sides: Sides) -> Result<f64, StatisticsError> {
    let (tested, missed, ratio) = quantiles(first, second, ratio, alpha, power, sides)?;
    let mean = (first + ratio * second) / (1.0 + ratio);
    let pooled = ((1.0 + 1.0 / ratio) * mean * (1.0 - mean)).sqrt();
    let own = (first * (1.0 - first) + second * (1.0 - second) / ratio).sqrt();
    Ok(((tested * pooled + missed * own) / (second - first)).powi(2))
}

/// Normal quantiles of `alpha` and of what `power` leaves, and the checked `ratio`.
fn quantiles(first: f64, second: f64, ratio: f64, alpha: f64, power: f64, sides: Sides) -> Result<(f64, f64, f64), StatisticsError> {
    let (first, second) = (share(first)?, share(second)?);
    within("the difference", second - first, second != first, "other than 0")?;
    Ok((normal::isf(sides.tail(alpha_of(alpha)?)), normal::isf(1.0 - power_of(power)?), ratio_of(ratio)?))
}
