//! Blocks of one request (`v1/kv_cache_interface.py`, `max_memory_usage_bytes` of each kind).

use super::page::{Kind, Spec};

/// What grows with a request in one group or layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    /// What is cached.
    pub(super) kind: Kind,
    /// Tokens of a block.
    pub(super) block_tokens: u64,
}

/// What the blocks of a request depend on beside its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    /// Most tokens that are scheduled and not yet settled.
    pub(super) in_flight_tokens: u64,
    /// GPUs among which the tokens of a request are spread.
    pub(super) shards: u64,
}

impl Demand {
    /// The demand of a layer.
    pub(super) fn of(spec: &Spec) -> Self {
        Self { kind: spec.kind, block_tokens: spec.block_tokens.max(1) }
    }

    /// Blocks that a request of `tokens` may hold at once.
    pub(super) fn blocks(self, tokens: u64, load: Load) -> u64 {
        match self.kind {
            Kind::Full | Kind::Mla => tokens.div_ceil(load.shards.max(1)).div_ceil(self.block_tokens),
            // One more, as a window may start within a block.
            Kind::Window(window) => {
                let held = window.saturating_sub(1).saturating_add(load.in_flight_tokens).min(tokens);
                held.div_ceil(self.block_tokens).saturating_add(1)
            }
            Kind::Chunk(chunk) => chunk.saturating_add(load.in_flight_tokens).min(tokens).div_ceil(self.block_tokens),
            Kind::State(copies) => copies,
        }
    }
}

/// The longest request up to `most` tokens that `fits`, by the engine's own search; 0 where none does
/// (`estimate_max_model_len`, `_estimate_max_model_len_from_groups`).
pub(super) fn longest(most: u64, fits: impl Fn(u64) -> bool) -> u64 {
    if !fits(1) {
        return 0;
    }
    let (mut left, mut right, mut result) = (1, most, 1);
    while left <= right {
        let middle = left + (right - left) / 2;
        if fits(middle) {
            result = middle;
            left = middle + 1;
        } else {
            right = middle - 1;
        }
    }
    result
}
