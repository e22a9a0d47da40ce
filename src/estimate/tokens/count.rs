//! A number of tokens, and where it comes from.

use std::fmt;

use crate::diagnostic::thousands;

/// Tokens of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Hardly fewer.
    pub low: u64,
    /// Most likely.
    pub expected: u64,
    /// Hardly more.
    pub high: u64,
    /// How the figures were found.
    pub by: By,
}

/// How a number of tokens was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// With the vocabulary of the model that reads the text; the three figures are one.
    #[default]
    Counted,
    /// With another vocabulary, and measured ratios between both. Likely, not proven.
    Estimated,
}

impl Count {
    /// No tokens.
    pub const NONE: Self = Self { low: 0, expected: 0, high: 0, by: By::Counted };

    /// Exactly so many.
    pub fn exact(tokens: u64) -> Self {
        Self { low: tokens, expected: tokens, high: tokens, by: By::Counted }
    }

    /// Between bounds, which are put in order.
    pub fn estimated(low: u64, expected: u64, high: u64) -> Self {
        Self { low: low.min(expected), expected, high: high.max(expected), by: By::Estimated }
    }

    /// Both together; exact where both are.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let by = if self.is_exact() && other.is_exact() { By::Counted } else { By::Estimated };
        Self {
            low: self.low.saturating_add(other.low),
            expected: self.expected.saturating_add(other.expected),
            high: self.high.saturating_add(other.high),
            by,
        }
    }

    /// Whether it was counted.
    pub fn is_exact(&self) -> bool {
        self.by == By::Counted
    }
}

/// `1,204 tokens`, `~1,204 tokens (1,150 to 1,505, estimated)`.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low, expected, high, by } = *self;
        let word = if expected == 1 { "token" } else { "tokens" };
        match by {
            By::Counted => write!(f, "{} {word}", thousands(expected)),
            By::Estimated if low == high => write!(f, "~{} {word} (estimated)", thousands(expected)),
            By::Estimated => write!(f, "~{} {word} ({} to {}, estimated)", thousands(expected), thousands(low), thousands(high)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{By, Count};

    #[test]
    fn a_count_reads_as_what_it_is() {
        assert_eq!(Count::exact(1204).to_string(), "1,204 tokens");
        assert_eq!(Count::exact(1).to_string(), "1 token");
        assert_eq!(Count::estimated(1150, 1204, 1505).to_string(), "~1,204 tokens (1,150 to 1,505, estimated)");
        assert_eq!(Count::estimated(3, 3, 3).to_string(), "~3 tokens (estimated)");
    }

    #[test]
    fn a_sum_is_exact_where_both_parts_are() {
        assert_eq!(Count::exact(2).plus(Count::exact(3)), Count::exact(5));
        let sum = Count::exact(2).plus(Count::estimated(1, 2, 4));
        assert_eq!((sum.low, sum.expected, sum.high, sum.by), (3, 4, 6, By::Estimated));
        assert_eq!(Count::exact(u64::MAX).plus(Count::exact(1)).high, u64::MAX);
    }
}
