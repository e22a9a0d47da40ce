//! A bill while it is made: amounts that may be known in part, and items with three of them.

use rust_decimal::Decimal;

use super::money;

/// An amount for a month, in the currency of the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Monthly {
    /// At the least number of copies and without any traffic.
    pub minimum: Decimal,
    /// At the stated load.
    pub expected: Decimal,
    /// At the greatest number of copies, with the busy hour all month.
    pub maximum: Decimal,
}

impl Monthly {
    /// One amount, whatever the load.
    pub(super) fn always(amount: Decimal) -> Self {
        Self { minimum: amount, expected: amount, maximum: amount }
    }

    /// The sum; none where it is larger than a decimal.
    pub(super) fn sum<'a>(items: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let of = |part: fn(&Self) -> Decimal| money::sum(items.clone().map(part));
        Some(Self { minimum: of(|m| m.minimum)?, expected: of(|m| m.expected)?, maximum: of(|m| m.maximum)? })
    }
}

/// What a line of the bill is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// GPUs that a model's copies hold.
    Gpus,
    /// GPUs that are reserved and not used.
    IdleReservation,
    /// GPUs that rollouts hold beside the running copies.
    Rollouts,
    /// Servers of guardrails.
    Guardrails,
    /// What serves a cache of answers.
    SemanticCache,
    /// Volumes that cache weights.
    Storage,
    /// Tokens of an external model.
    Tokens,
}

impl Kind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Gpus => "GPU hours",
            Self::IdleReservation => "idle reservation",
            Self::Rollouts => "rollouts",
            Self::Guardrails => "guardrails",
            Self::SemanticCache => "semantic cache",
            Self::Storage => "storage",
            Self::Tokens => "tokens",
        }
    }

    /// As the JSON form has it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Gpus => "gpus",
            Self::IdleReservation => "idle-reservation",
            Self::Rollouts => "rollouts",
            Self::Guardrails => "guardrails",
            Self::SemanticCache => "semantic-cache",
            Self::Storage => "storage",
            Self::Tokens => "tokens",
        }
    }
}

/// A line of the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is for.
    pub kind: Kind,
    /// Name of the model, pool, guardrails, route or external model.
    pub name: String,
    /// What it comes to, to the cent; only the known part where something is not known.
    pub monthly: Monthly,
    /// How it is computed, in words.
    pub how: String,
    /// What of it is not known, in words; the amounts are then at least what it costs.
    pub unknown: Option<String>,
}

/// An amount of which a part may not be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) known: Decimal,
    pub(super) is_whole: bool,
}

impl Default for Amount {
    fn default() -> Self {
        Self::known(Decimal::ZERO)
    }
}

impl Amount {
    pub(super) fn known(known: Decimal) -> Self {
        Self { known, is_whole: true }
    }

    /// None where it is larger than a decimal.
    pub(super) fn add(&mut self, other: Self) -> Option<()> {
        self.known = self.known.checked_add(other.known)?;
        self.is_whole &= other.is_whole;
        Some(())
    }
}

/// Amounts of an item before they are rounded to the cent: minimum, expected, maximum.
pub(super) fn rounded([minimum, expected, maximum]: [Decimal; 3]) -> Monthly {
    Monthly { minimum: money::cents(minimum), expected: money::cents(expected), maximum: money::cents(maximum) }
}
