//! Student's t and the noncentral t, by quadrature.
//!
//! By definition T = (Z + nc) / S, with Z normal and df S² chi-squared with df degrees of freedom (Johnson,
//! Kotz and Balakrishnan, Continuous Univariate Distributions 2, 1995, 31.2), so that P(T > t) is the mean of
//! P(Z > t S - nc) over S. In u = ln S the density is proportional to exp(df (u - (exp(2u) - 1) / 2)), which is smooth
//! and falls off on both sides, and there the trapezoidal rule converges exponentially (Trefethen and
//! Weideman, SIAM Review 56, 2014). Unlike AS 243 (Lenth, 1989) it needs no sum that cancels, whatever the
//! degrees of freedom and the noncentrality.

use super::error::{finite, within};
use super::root::{doubled, root};
use super::{StatisticsError, normal};

/// Most points of the rule; more would be needed for effects of a thousand standard deviations.
const MOST_POINTS: f64 = 1e6;
/// What a weight may be below the greatest, as a logarithm, until it is left out.
const LEFT_OUT: f64 = 42.0;
/// Beyond this many standard deviations of a normal nothing is left.
const FAR: f64 = 40.0;

/// P(T > `t`) for a noncentral t with `df` degrees of freedom and noncentrality `nc`.
///
/// # Errors
///
/// An argument that is no number, `df` below 1e-3, or a noncentrality so great for its `df` that the
/// distribution has more detail than can be summed.
pub fn sf(t: f64, df: f64, nc: f64) -> Result<f64, StatisticsError> {
    within("t", t, t.abs() <= 1e140, "at most 1e140")?;
    within("the degrees of freedom", df, (1e-3..=1e31).contains(&df), "from 0.001 to 1e31")?;
    within("the noncentrality", nc, true, "a number")?;
    // ln P(T > t) of the central t is about this; there, only that much of the tail matters.
    let tail = 0.5 * (t * t / df).ln_1p();
    if nc == 0.0 && t > FAR && df * tail > 800.0 {
        return Ok(0.0);
    }
    let reach = LEFT_OUT / df;
    let low = -(reach + (reach * reach + 4.0 * reach).sqrt()) / 2.0;
    let high = reach.sqrt();
    let (at_low, at_high) = (t * low.exp() - nc, t * high.exp() - nc);
    if at_low.min(at_high) > FAR && nc != 0.0 {
        return Ok(0.0);
    }
    if at_low.max(at_high) < -FAR {
        return Ok(1.0);
    }
    let low = if t > 0.0 { low - tail } else { low };
    let step = (0.1_f64).min(0.5 / (2.0 * df).sqrt()).min(0.5 / (nc.abs() + 8.0));
    let points = ((high - low) / step).ceil();
    if points > MOST_POINTS {
        return Err(StatisticsError::NotRepresentable { what: "the noncentral t" });
    }
    let (mut weights, mut sum) = (0.0, 0.0);
    for point in 0..=(points as u64) {
        let u = low + step * point as f64;
        let weight = log_weight(u, df).exp();
        weights += weight;
        sum += weight * normal::sf(t * u.exp() - nc);
    }
    finite("the noncentral t", (sum / weights).clamp(0.0, 1.0))
}

/// The density of ln S at `u` below that at 0, as a logarithm.
fn log_weight(u: f64, df: f64) -> f64 {
    if u.abs() > 0.1 {
        return df * (u - (2.0 * u).exp_m1() / 2.0);
    }
    // The difference cancels near 0: its series, sum over k from 2 of (2u)^k / (2 k!).
    let (mut term, mut sum) = (u, 0.0);
    for k in 2..=14 {
        term *= 2.0 * u / f64::from(k);
        sum += term;
    }
    -df * sum
}

/// P(T <= `t`) for a noncentral t.
///
/// # Errors
///
/// As [`sf`].
pub fn cdf(t: f64, df: f64, nc: f64) -> Result<f64, StatisticsError> {
    sf(-t, df, -nc)
}

/// The `t` with P(T > `t`) = `tail` of the central t, for a `tail` of at most a half.
///
/// # Errors
///
/// As [`sf`], or a `tail` outside 1e-101 to 0.5.
pub fn isf(tail: f64, df: f64) -> Result<f64, StatisticsError> {
    within("the tail", tail, (1e-101..=0.5).contains(&tail), "from 1e-101 to 0.5")?;
    if tail == 0.5 {
        return Ok(0.0);
    }
    // The tails of t are heavier than those of the normal, so the quantile is not below it.
    let low = normal::isf(tail).max(0.0) * (1.0 - 1e-9);
    let high = doubled("the quantile of t", low.max(1e-9), |t| Ok(sf(t, df, 0.0)? < tail))?;
    root("the quantile of t", low, high, |t| Ok(sf(t, df, 0.0)?.ln() - tail.ln()))
}

/// The noncentrality at which P(T > `t`) = `tail`: where an interval of `t` ends.
///
/// # Errors
///
/// As [`sf`].
pub fn noncentrality(t: f64, df: f64, tail: f64) -> Result<f64, StatisticsError> {
    let distance = |nc: f64| Ok(sf(t, df, nc)? - tail);
    let reach = doubled("the interval", 1.0, |by| Ok(distance(t - by)? < 0.0 && distance(t + by)? > 0.0))?;
    root("the interval", t - reach, t + reach, distance)
}

#[cfg(test)]
mod tests {
    use super::{cdf, isf, noncentrality, sf};

    fn near(seen: f64, wanted: f64) {
        assert!((seen - wanted).abs() <= 1e-12 * wanted.abs(), "{seen:e} is not {wanted:e}");
    }

    /// For 1, 2 and 4 degrees of freedom the distribution of t is elementary.
    #[test]
    fn the_central_t_is_the_elementary_one() {
        for t in [1e-6, 0.3, 1.0, 4.3, 63.0, 1e4] {
            near(sf(t, 1.0, 0.0).unwrap(), (1.0 / t).atan() / std::f64::consts::PI);
            let root = (2.0 + t * t).sqrt();
            near(sf(t, 2.0, 0.0).unwrap(), 1.0 / (root * (root + t)));
            near(sf(-t, 2.0, 0.0).unwrap(), 0.5 * (1.0 + t / root));
        }
    }

    #[test]
    fn with_many_degrees_of_freedom_it_is_the_normal() {
        for df in [1e15, 1e25, 1e30] {
            near(sf(2.0, df, 0.5).unwrap(), super::normal::sf(1.5));
            near(isf(0.025, df).unwrap(), 1.959_963_984_540_054);
        }
    }

    #[test]
    fn quantiles_undo_tails() {
        for df in [1.0, 2.5, 30.0, 1e7] {
            for tail in [0.4, 0.025, 1e-9, 1e-40] {
                near(sf(isf(tail, df).unwrap(), df, 0.0).unwrap(), tail);
            }
        }
        let nc = noncentrality(3.0, 20.0, 0.025).unwrap();
        near(sf(3.0, 20.0, nc).unwrap(), 0.025);
        assert!(nc < 3.0 && (cdf(3.0, 20.0, nc).unwrap() - 0.975).abs() < 1e-14);
    }

    #[test]
    fn no_argument_gives_nan_or_takes_forever() {
        let values = [f64::NAN, f64::INFINITY, -1e300, -1e12, -1e3, -1.0, 0.0, 1e-300, 1.0, 40.0, 1e6, 1e100];
        for t in values {
            for df in [f64::NAN, -1.0, 0.0, 1e-3, 1.0, 2.0, 1e3, 1e9, 1e30, 1e300] {
                for nc in [f64::NAN, -1e300, -1e4, -1e-12, 0.0, 3.0, 1e4, 1e9] {
                    if let Ok(p) = sf(t, df, nc) {
                        assert!((0.0..=1.0).contains(&p), "sf({t}, {df}, {nc}) = {p}");
                    }
                }
            }
        }
    }
}
