//! What the scores of an experiment say.

pub mod scores;

/// Moments of a sample, fed one value at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Number.
    pub count: f64,
    /// Mean.
    pub mean: f64,
    squares: f64,
}

impl Sample {
    fn push(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
}
