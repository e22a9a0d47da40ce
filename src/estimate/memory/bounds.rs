//! A quantity that is known to lie between two values.

/// Bytes, tokens or blocks between `low` and `high`, most likely `expected`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At least.
    pub low: u64,
    /// Most likely.
    pub expected: u64,
    /// At most.
    pub high: u64,
}

impl Bounds {
    /// A quantity that is known exactly.
    pub const fn exact(value: u64) -> Self {
        Self { low: value, expected: value, high: value }
    }

    /// Whether nothing is left open.
    pub const fn is_exact(self) -> bool {
        self.low == self.high
    }

    /// The quantity after a function that never falls.
    #[must_use]
    pub fn map(self, f: impl Fn(u64) -> u64) -> Self {
        Self { low: f(self.low), expected: f(self.expected), high: f(self.high) }
    }

    /// The sum of two quantities; saturates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            expected: self.expected.saturating_add(other.expected),
            high: self.high.saturating_add(other.high),
        }
    }
}
