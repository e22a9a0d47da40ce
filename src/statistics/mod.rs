//! Distributions and tests that experiments are designed and judged with: numbers in, numbers out.
//!
//! Every function gives a finite number or a [`StatisticsError`]; none gives NaN.

pub mod cuped;
mod error;
pub mod moments;
pub mod multiple;
pub mod nct;
pub mod normal;
pub mod power;
pub mod proportions;
mod root;
pub mod sequential;
pub mod srm;
pub mod welch;

pub use error::StatisticsError;
pub use moments::Moments;

/// Which differences a test looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Differences in one direction.
    One,
    /// Differences in both directions.
    Two,
}

impl Sides {
    /// The part of `alpha` that stands in each tail that the test looks at.
    fn tail(self, alpha: f64) -> f64 {
        match self {
            Self::One => alpha,
            Self::Two => alpha / 2.0,
        }
    }
}
