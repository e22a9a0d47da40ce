//! Several tests at once: p-values corrected for each other, in the order in which they came.

use super::StatisticsError;
use super::error::within;

/// The p-values where all are probabilities.
fn checked(p: &[f64]) -> Result<(), StatisticsError> {
    p.iter().try_for_each(|p| within("a p-value", *p, (0.0..=1.0).contains(p), "from 0 to 1").map(drop))
}

/// The indices of `p`, by value.
fn order(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

/// Bonferroni's correction: each times their number.
///
/// # Errors
///
/// A value that is no probability.
pub fn bonferroni(p: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    checked(p)?;
    Ok(p.iter().map(|value| (value * p.len() as f64).min(1.0)).collect())
}

/// Holm's correction, which bounds the probability of any false alarm (Scandinavian Journal of Statistics 6, 1979).
///
/// # Errors
///
/// A value that is no probability.
pub fn holm(p: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    checked(p)?;
    let (mut corrected, mut greatest) = (vec![0.0; p.len()], 0.0_f64);
    for (rank, index) in order(p).into_iter().enumerate() {
        greatest = greatest.max(p[index] * (p.len() - rank) as f64).min(1.0);
        corrected[index] = greatest;
    }
    Ok(corrected)
}

/// The correction of Benjamini and Hochberg, which bounds the share of false alarms (Journal of the Royal Statistical
/// Society B 57, 1995).
///
/// # Errors
///
/// A value that is no probability.
pub fn benjamini_hochberg(p: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    checked(p)?;
    let (mut corrected, mut least) = (vec![0.0; p.len()], 1.0_f64);
    for (rank, index) in order(p).into_iter().enumerate().rev() {
        least = least.min(p[index] * p.len() as f64 / (rank + 1) as f64);
        corrected[index] = least;
    }
    Ok(corrected)
}

#[cfg(test)]
mod tests {
    use super::{benjamini_hochberg, bonferroni, holm};

    #[test]
    fn no_values_and_wrong_values() {
        for correction in [bonferroni, holm, benjamini_hochberg] {
            assert_eq!(correction(&[]), Ok(vec![]));
            assert_eq!(correction(&[0.0, 1.0]).unwrap(), [0.0, 1.0]);
            assert!([f64::NAN, -0.1, 1.1].iter().all(|p| correction(&[0.5, *p]).is_err()));
        }
    }
}
