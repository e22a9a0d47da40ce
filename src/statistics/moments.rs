//! Count, mean and variance of a stream, in constant memory.

/// Count, mean and sum of squared deviations of a stream of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// The moments of `count` numbers with this `mean` and sample `variance`.
    pub fn of(count: u64, mean: f64, variance: f64) -> Self {
        Self { count, mean, squares: variance * count.saturating_sub(1) as f64 }
    }

    /// Adds `value` (Welford, Technometrics 4, 1962).
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let from_old = value - self.mean;
        self.mean += from_old / self.count as f64;
        self.squares += from_old * (value - self.mean);
    }

    /// The moments of both streams (Chan, Golub and LeVeque, The American Statistician 37, 1983).
    pub fn merged(self, other: Self) -> Self {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other } else { self };
        }
        let (here, there) = (self.count as f64, other.count as f64);
        let apart = other.mean - self.mean;
        Self {
            count: self.count + other.count,
            mean: self.mean + apart * (there / (here + there)),
            squares: self.squares + other.squares + apart * apart * (here * (there / (here + there))),
        }
    }

    /// How many numbers there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; 0 where there were none.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Their sample variance, over count - 1; none below two.
    pub fn variance(&self) -> Option<f64> {
        (self.count >= 2).then(|| (self.squares / (self.count - 1) as f64).max(0.0))
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|value| moments.add(value));
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::Moments;

    #[test]
    fn a_far_mean_takes_nothing_from_the_variance() {
        let moments: Moments = [4.0, 7.0, 13.0, 16.0].into_iter().map(|x| x + 1e9).collect();
        assert_eq!((moments.count(), moments.mean(), moments.variance()), (4, 1e9 + 10.0, Some(30.0)));
        assert_eq!([Moments::default(), [3.0].into_iter().collect()].map(|m| m.variance()), [None, None]);
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i % 37) * 0.1 - 2.0).collect();
        let whole: Moments = values.iter().copied().collect();
        for cut in [0, 1, 400, 999, 1000] {
            let merged = values[..cut].iter().copied().collect::<Moments>().merged(values[cut..].iter().copied().collect());
            assert_eq!(merged.count(), 1000);
            assert!((merged.mean() - whole.mean()).abs() < 1e-14);
            assert!((merged.variance().unwrap() / whole.variance().unwrap() - 1.0).abs() < 1e-13);
        }
    }
}
