//! Means freed of what was known of the users before (Deng, Xu, Kohavi and Walker, WSDM 2013).

use super::welch::{Welch, welch};
use super::{Moments, StatisticsError};

/// Moments of pairs: a value of today, and one of the time before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pairs {
    count: u64,
    mean: [f64; 2],
    squares: [f64; 2],
    products: f64,
}

impl Pairs {
    /// Adds a user's `value` and what it was `before`.
    pub fn add(&mut self, value: f64, before: f64) {
        *self = self.merged(Self { count: 1, mean: [value, before], squares: [0.0; 2], products: 0.0 });
    }

    /// The moments of both (Chan, Golub and LeVeque, The American Statistician 37, 1983).
    pub fn merged(self, other: Self) -> Self {
        let count = self.count + other.count;
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other } else { self };
        }
        let share = other.count as f64 / count as f64;
        let weight = self.count as f64 * share;
        let apart = [other.mean[0] - self.mean[0], other.mean[1] - self.mean[1]];
        let squares = |i: usize| self.squares[i] + other.squares[i] + apart[i] * apart[i] * weight;
        Self {
            count,
            mean: [self.mean[0] + apart[0] * share, self.mean[1] + apart[1] * share],
            squares: [squares(0), squares(1)],
            products: self.products + other.products + apart[0] * apart[1] * weight,
        }
    }

    /// Moments of the value less `theta` times what it was before.
    fn adjusted(&self, theta: f64, before: f64) -> Moments {
        let squares = self.squares[0] - 2.0 * theta * self.products + theta * theta * self.squares[1];
        let degrees = self.count.saturating_sub(1).max(1) as f64;
        Moments::of(self.count, self.mean[0] - theta * (self.mean[1] - before), squares.max(0.0) / degrees)
    }
}

/// What the adjustment gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adjusted {
    /// How much of a difference before is expected today.
    pub theta: f64,
    /// Share of the variance that is gone: the squared correlation over both arms.
    pub explained: f64,
    /// The test of the adjusted means.
    pub welch: Welch,
}

/// Welch's test of the means adjusted by what the users' values were before; theta is that of both arms together.
///
/// # Errors
///
/// As [`welch`], and where nothing before differs from user to user.
pub fn adjusted(control: &Pairs, treatment: &Pairs) -> Result<Adjusted, StatisticsError> {
    let all = control.merged(*treatment);
    let [today, before] = all.squares;
    if !(today > 0.0 && before > 0.0) {
        return Err(StatisticsError::NoVariance);
    }
    let theta = all.products / before;
    let welch = welch(&control.adjusted(theta, all.mean[1]), &treatment.adjusted(theta, all.mean[1]))?;
    Ok(Adjusted { theta, explained: theta * (all.products / today), welch })
}
