//! Sums of tensors as torch allocates them.

use crate::estimate::memory::Bounds;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// How torch's allocator is set while weights are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allocator {
    /// As torch comes.
    Plain,
    /// With `max_split_size_mb:20`, so that blocks from 20 MiB on are never cut: vLLM 0.21.0 and later,
    /// `v1/worker/gpu_worker.py`, `_scoped_allocator_max_split`.
    Unsplit,
}

/// Bytes of the tensors of one GPU, as torch counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    /// Bytes that the engine adds to what the checkpoint holds: copies in another type or place.
    pub copies: u64,
    /// How they are allocated.
    pub allocator: Allocator,
    /// Allocated bytes: at least the tensors themselves, at most with what the allocator cannot cut off.
    pub bytes: Bounds,
}

impl Tally {
    /// Nothing.
    pub(super) const fn new(allocator: Allocator) -> Self {
        Self { copies: 0, allocator, bytes: Bounds::exact(0) }
    }

    /// Adds a tensor.
    pub(super) fn tensor(&mut self, bytes: u64) {
        let low = rounded(bytes, KIB / 2);
        let block = self.allocator.block(low);
        self.bytes = self.bytes.plus(Bounds { low, expected: block, high: block });
    }

    /// Adds a tensor that is made anew after loading: it may lie in a freed block with a rest of its own.
    pub(super) fn repacked(&mut self, bytes: u64) {
        let low = rounded(bytes, KIB / 2);
        let expected = self.allocator.block(low);
        let high = if low > MIB { expected.max(low.saturating_add(MIB)) } else { low };
        self.bytes = self.bytes.plus(Bounds { low, expected, high });
    }

    /// Adds a tensor that the engine makes out of others.
    pub(super) fn copy(&mut self, bytes: u64) {
        self.copies = self.copies.saturating_add(bytes);
        self.tensor(bytes);
    }

    /// Adds bytes that lie between bounds.
    pub(super) fn bounded(&mut self, bytes: Bounds) {
        self.bytes = self.bytes.plus(bytes);
    }

    /// Adds all of `other`, `count` times.
    pub(super) fn add(&mut self, other: Self, count: u64) {
        self.copies = self.copies.saturating_add(other.copies.saturating_mul(count));
        self.bytes = self.bytes.plus(other.bytes.map(|bytes| bytes.saturating_mul(count)));
    }
}

/// The product of sizes; saturates.
pub(super) fn product(factors: &[u64]) -> u64 {
    factors.iter().fold(1, |product, factor| product.saturating_mul(*factor))
}

/// `value` rounded up to a multiple of `unit`; saturates.
pub(super) fn rounded(value: u64, unit: u64) -> u64 {
    value.checked_next_multiple_of(unit.max(1)).unwrap_or(u64::MAX)
}

impl Allocator {
    /// Bytes of the block that torch hands out for a tensor, which is what "allocated" counts.
    ///
    /// torch 2.x, `c10/cuda/CUDACachingAllocator.cpp`: sizes are multiples of 512 B; from 10 MiB a tensor
    /// has a segment of its own in steps of 2 MiB, between 1 and 10 MiB segments of 20 MiB are cut; a
    /// rest of 1 MiB or less is never cut off (`should_split`, `kSmallSize`) and belongs to the tensor.
    /// Expandable segments leave no such rest, so the tensors themselves are the lower bound.
    fn block(self, bytes: u64) -> u64 {
        if bytes <= MIB {
            return bytes;
        }
        if bytes >= 10 * MIB {
            let segment = rounded(bytes, 2 * MIB);
            let whole = segment - bytes <= MIB || (self == Self::Unsplit && bytes >= 20 * MIB);
            return if whole { segment } else { bytes };
        }
        let fit = 20 * MIB / bytes;
        let rest = 20 * MIB - fit * bytes;
        if rest <= MIB { bytes + rest / fit } else { bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_of_one_mib_stays_with_its_tensor() {
        // Qwen2.5-7B: the fused q, k and v matrix has 31.5 MiB, the output projection 24.5 MiB.
        let [fused, output] = [4608 * 3584 * 2, 3584 * 3584 * 2];
        assert_eq!(Allocator::Plain.block(fused), 32 * MIB);
        assert_eq!(Allocator::Plain.block(output), output);
        assert_eq!(Allocator::Unsplit.block(output), 26 * MIB);
        assert_eq!(Allocator::Plain.block(512), 512);
        assert_eq!(Allocator::Unsplit.block(u64::MAX), u64::MAX);
    }

    #[test]
    fn sums_saturate() {
        let mut tally = Tally::new(Allocator::Plain);
        tally.tensor(u64::MAX);
        tally.add(tally, u64::MAX);
        assert_eq!(tally.bytes.high, u64::MAX);
        assert_eq!(product(&[1 << 40, 1 << 40]), u64::MAX);
    }
}
