//! Pages: what one block of one layer takes (`v1/kv_cache_interface.py`).

use super::dtype::CacheType;
use super::rules::Rules;
use crate::catalog::{Attention, Indexer, Mla, Reach};

/// What a layer caches, as the engine tells kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Keys and values of every token (`FullAttentionSpec`).
    Full,
    /// One latent vector of every token (`MLAAttentionSpec`).
    Mla,
    /// Keys and values of the last so many tokens (`SlidingWindowSpec`).
    Window(u64),
    /// Keys and values of a chunk of so many tokens (`ChunkedLocalAttentionSpec`).
    Chunk(u64),
    /// A state of fixed size (`MambaSpec`), in so many blocks for each request.
    State(u64),
}

/// The cache of one layer on one GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    /// What is cached.
    pub(super) kind: Kind,
    /// Tokens of a block.
    pub(super) block_tokens: u64,
    /// Bytes of one token; 0 for a state.
    pub(super) token_bytes: u64,
    /// Bytes of a block, padding included.
    pub(super) page_bytes: u64,
    /// Heads and elements of keys and of values: layers that differ here are of different kinds.
    pub(super) shape: (u64, u64, u64),
}

/// A product, or that it is beyond what a machine can hold.
pub(super) fn product(factors: &[u64]) -> Result<u64, String> {
    let product = factors.iter().try_fold(1_u64, |product, factor| product.checked_mul(*factor));
    product.filter(|product| *product < 1 << 50).ok_or_else(|| "a cache of this size: the model's shape is beyond any machine".to_owned())
}

/// Key and value heads on one GPU: repeated beyond their number (`config/model.py`, `get_num_kv_heads`).
pub(super) fn local_kv_heads(kv_heads: u64, tensor_parallel: u64) -> u64 {
    (kv_heads / tensor_parallel.max(1)).max(1)
}

impl Spec {
    /// The cache of a layer that attends, with blocks of one token.
    pub(super) fn attention(layer: &Attention, tensor_parallel: u64, cache: CacheType, rules: Rules) -> Result<Self, String> {
        let heads = local_kv_heads(layer.kv_heads, tensor_parallel);
        let kind = match layer.reach {
            Reach::Window(tokens) if rules.has_windows() => Kind::Window(tokens),
            Reach::Chunk(tokens) if rules.has_chunks() => Kind::Chunk(tokens),
            _ => Kind::Full,
        };
        // A size of its own for values reached the cache in 0.14.0, that of windows in 0.20.0, never
        // that of chunks (`get_kv_cache_spec` of the attention layers).
        let separate = match kind {
            Kind::Window(_) => rules.since(0, 20, 0),
            Kind::Chunk(_) => false,
            _ => rules.since(0, 14, 0),
        };
        let value = layer.value_head_dim.filter(|_| separate).unwrap_or(layer.head_dim);
        let elements = layer.head_dim.checked_add(value).ok_or("a cache of this size: heads are beyond any machine")?;
        let head_bytes = product(&[elements, cache.element_bytes])?.saturating_add(cache.scale_bytes);
        let token_bytes = product(&[heads, head_bytes])?;
        Ok(Self { kind, block_tokens: 1, token_bytes, page_bytes: token_bytes, shape: (heads, layer.head_dim, value) })
    }

    /// The latent vectors of a layer, never split among GPUs, with blocks of one token. `packed`: the
    /// 8-bit format of sparse attention with its scales, 656 bytes (`fp8_ds_mla`).
    pub(super) fn mla(layer: &Mla, cache: CacheType, packed: bool) -> Result<Self, String> {
        let elements = layer.kv_lora_rank.checked_add(layer.qk_rope_head_dim).ok_or("a cache of this size")?;
        let token_bytes = if packed { 656 } else { product(&[elements, cache.element_bytes])? };
        Ok(Self { kind: Kind::Mla, block_tokens: 1, token_bytes, page_bytes: token_bytes, shape: (1, elements, 0) })
    }

    /// The keys of the indexer beside it: 8-bit elements and a 32-bit scale for each 128 of them
    /// (`model_executor/models/deepseek_v2.py`, `DeepseekV32IndexerCache`).
    pub(super) fn indexer(indexer: &Indexer) -> Result<Self, String> {
        let token_bytes = indexer.head_dim.checked_add(indexer.head_dim / 128 * 4).ok_or("a cache of this size")?;
        let token_bytes = product(&[token_bytes])?;
        Ok(Self { kind: Kind::Mla, block_tokens: 1, token_bytes, page_bytes: token_bytes, shape: (1, token_bytes, 0) })
    }

    /// The same cache with blocks of `tokens`.
    pub(super) fn with_block(self, tokens: u64) -> Result<Self, String> {
        Ok(Self { block_tokens: tokens, page_bytes: product(&[self.token_bytes, tokens])?, ..self })
    }

    /// Whether the cache is a state.
    pub(super) fn is_state(&self) -> bool {
        matches!(self.kind, Kind::State(_))
    }

    /// Whether two layers are of the same type, whatever the sizes of their pages.
    pub(super) fn same_type(&self, other: &Self) -> bool {
        let full = |kind: Kind| matches!(kind, Kind::Full | Kind::Mla);
        self.block_tokens == other.block_tokens && (self.kind == other.kind || (full(self.kind) && full(other.kind)))
    }
}
