//! Layers as the headers of the checkpoint's tensors have them.

use super::layers;
use super::plan::Plan;
use super::tally::Tally;
use crate::catalog::{FeedForward, Mixer, Share};
use crate::estimate::memory::{Bounds, Setup};

/// What a GPU would hold of all layers, as computed and as stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    computed: u64,
    stored: u64,
}

impl Stored {
    /// The stored bytes of a model, where there are any and the engine loads them as they are.
    ///
    /// # Errors
    /// What of the model is not understood, in words.
    pub(super) fn of(setup: &Setup<'_>, plan: &Plan<'_>) -> Result<Option<Self>, String> {
        let shape = plan.shape;
        let changed = plan.on_the_fly.is_some() || setup.dtype.is_some_and(|dtype| dtype.bytes() != shape.dtype.bytes());
        if shape.stored.is_empty() || changed || shape.dtype.bytes() != plan.element_bytes {
            return Ok(None);
        }
        let mut computed = Tally::new(plan.allocator);
        layers(plan, &(0..shape.layer_count()), &mut computed)?;
        let mut stored = computed.copies;
        for part in &shape.stored {
            stored = stored.saturating_add(match part.share {
                Share::Split => part.bytes.div_ceil(plan.tensor_parallel),
                Share::KvHeads => part.bytes.div_ceil(plan.tensor_parallel.min(kv_heads(plan))),
                Share::Experts => experts(plan, part.bytes),
                Share::Whole => part.bytes,
                // Embedding, encoders and layers for speculation are not among the layers.
                Share::Vocabulary | Share::Encoder | Share::Draft => 0,
            });
        }
        Ok(Some(Self { computed: computed.bytes.low, stored }))
    }

    /// Some of the layers, in proportion; what the allocator adds stays.
    pub(super) fn instead_of(&self, computed: Tally) -> Tally {
        let part = u128::from(self.stored) * u128::from(computed.bytes.low) / u128::from(self.computed.max(1));
        let low = u64::try_from(part).unwrap_or(u64::MAX);
        let above = |bytes: u64| low.saturating_add(bytes.saturating_sub(computed.bytes.low));
        Tally { bytes: Bounds { low, expected: above(computed.bytes.expected), high: above(computed.bytes.high) }, ..computed }
    }
}

/// Heads of keys and values that decide how often they are repeated.
fn kv_heads(plan: &Plan<'_>) -> u64 {
    let heads = plan.shape.layers.iter().filter_map(|run| match &run.mixer {
        Mixer::Attention(layer) => Some(layer.kv_heads),
        _ => None,
    });
    heads.min().unwrap_or(1).max(1)
}

fn experts(plan: &Plan<'_>, bytes: u64) -> u64 {
    if !plan.expert_parallel {
        return bytes.div_ceil(plan.tensor_parallel);
    }
    let counts = plan.shape.layers.iter().filter_map(|run| match &run.feed_forward {
        FeedForward::Experts(mixture) => Some(mixture.count),
        _ => None,
    });
    let count = counts.max().unwrap_or(1).max(1);
    (bytes / count).saturating_mul(count.div_ceil(plan.tensor_parallel))
}
