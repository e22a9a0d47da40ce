//! Roots of continuous functions.

use super::StatisticsError;
use super::error::finite;

/// Where `f` crosses zero between `low` and `high`, whose signs differ, to the last digits.
///
/// Ridders' method (IEEE Transactions on Circuits and Systems 26, 1979): quadratic, and never outside
/// the bracket.
pub(super) fn root(
    what: &'static str,
    mut low: f64,
    mut high: f64,
    f: impl Fn(f64) -> Result<f64, StatisticsError>,
) -> Result<f64, StatisticsError> {
    let (mut at_low, mut at_high) = (f(low)?, f(high)?);
    if at_low == 0.0 {
        return Ok(low);
    }
    if at_high == 0.0 {
        return Ok(high);
    }
    if at_low.is_nan() || at_high.is_nan() || at_low.signum() == at_high.signum() {
        return Err(StatisticsError::NotRepresentable { what });
    }
    for _ in 0..200 {
        let middle = low.midpoint(high);
        if (high - low).abs() <= 2.0 * f64::EPSILON * middle.abs() || middle == low || middle == high {
            break;
        }
        let at_middle = f(middle)?;
        let slope = (at_middle * at_middle - at_low * at_high).sqrt();
        let step = (middle - low) * (at_low - at_high).signum() * at_middle / slope;
        // Where the function is flat to the last digit, the formula is not a number: bisect.
        let next = if step.is_finite() && slope > 0.0 { middle + step } else { middle };
        let at_next = f(next)?;
        if at_next == 0.0 {
            return Ok(next);
        }
        for (x, at) in [(middle, at_middle), (next, at_next)] {
            if x > low && x < high {
                if at.signum() == at_low.signum() { (low, at_low) = (x, at) } else { (high, at_high) = (x, at) }
            }
        }
    }
    finite(what, low.midpoint(high))
}

/// The first of `start`, `start * 2`, `start * 4`, ... at which `holds`.
pub(super) fn doubled(
    what: &'static str,
    start: f64,
    holds: impl Fn(f64) -> Result<bool, StatisticsError>,
) -> Result<f64, StatisticsError> {
    let mut x = start;
    while !holds(x)? {
        x = finite(what, x * 2.0)?;
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn roots_are_found_to_the_last_digit() {
        let cube = root("x", 0.0, 10.0, |x| Ok(x * x * x - 2.0)).unwrap();
        assert!((cube - 2f64.cbrt()).abs() < 1e-15, "{cube}");
        let step = root("x", 0.0, 10.0, |x| Ok(if x < 3.0 { -1.0 } else { 1.0 })).unwrap();
        assert!((step - 3.0).abs() < 1e-14, "{step}");
        assert!(root("x", 0.0, 1.0, |_| Ok(1.0)).is_err(), "there is none");
        assert!(root("x", 0.0, 1.0, |_| Ok(f64::NAN)).is_err());
    }
}
