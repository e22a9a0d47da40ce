//! Why a number cannot be given.

use std::fmt;

/// Why a number cannot be given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StatisticsError {
    /// An argument is not in the range that the function is for.
    OutOfRange {
        /// What it stands for.
        what: &'static str,
        /// The value; NaN where it was.
        value: f64,
        /// The range in words.
        range: &'static str,
    },
    /// An arm has fewer than two samples, so its variance is not known.
    TooFewSamples {
        /// How many it has.
        count: u64,
    },
    /// No sample differs from another of its arm, so every difference would be certain.
    NoVariance,
    /// The answer is greater than floating-point numbers can tell apart.
    NotRepresentable {
        /// What was asked for.
        what: &'static str,
    },
}

impl fmt::Display for StatisticsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { what, value, range } => write!(f, "{what} is {value}, and must be {range}"),
            Self::TooFewSamples { count } => write!(f, "an arm has {count} samples, and a variance takes 2"),
            Self::NoVariance => write!(f, "all samples of an arm are equal, so no test can be made"),
            Self::NotRepresentable { what } => write!(f, "{what} is too great to compute"),
        }
    }
}

impl std::error::Error for StatisticsError {}

/// `value` where it is finite and `holds`.
pub(super) fn within(what: &'static str, value: f64, holds: bool, range: &'static str) -> Result<f64, StatisticsError> {
    if value.is_finite() && holds { Ok(value) } else { Err(StatisticsError::OutOfRange { what, value, range }) }
}

/// `value` where it is a finite number.
pub(super) fn finite(what: &'static str, value: f64) -> Result<f64, StatisticsError> {
    if value.is_finite() { Ok(value) } else { Err(StatisticsError::NotRepresentable { what }) }
}

/// `alpha` where it is a probability of error that quantiles can be given for.
pub(super) fn alpha(value: f64) -> Result<f64, StatisticsError> {
    within("alpha", value, (1e-100..1.0).contains(&value), "at least 1e-100 and below 1")
}

/// `power` where it is a probability that a test can have.
pub(super) fn power(value: f64) -> Result<f64, StatisticsError> {
    within("power", value, value > 0.0 && value <= 1.0 - 1e-9, "above 0 and at most 0.999999999")
}

/// `count` of samples where a variance can be known from it.
pub(super) fn samples(what: &'static str, count: f64) -> Result<f64, StatisticsError> {
    within(what, count, (2.0..=1e30).contains(&count), "from 2 to 1e30")
}
