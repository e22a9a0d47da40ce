//! Attention: projections, norms of heads, sinks; and multi-head latent attention.

use super::families::Family;
use super::linear::Linear;
use super::plan::Plan;
use super::tally::{Tally, product};
use crate::catalog::{Attention, LayerRun, Mla, Part};

/// Attention over keys and values.
///
/// vLLM 0.32.0, `model_executor/layers/linear.py`: `QKVParallelLinear` (one tensor of the local query,
/// key and value heads) and `RowParallelLinear`, whose bias is on every GPU. Keys that serve as values
/// too still fill both places (`models/gemma4.py`).
///
/// # Errors
/// Words for heads that the engine refuses to split.
pub(super) fn attention(plan: &Plan<'_>, run: &LayerRun, layer: &Attention, tally: &mut Tally) -> Result<(), String> {
    let family = Family::of(&plan.shape.architecture);
    let heads = plan.split(layer.heads, "query heads")?;
    let kv_heads = plan.kv_heads(layer.kv_heads)?;
    let value_dim = layer.value_head_dim.unwrap_or(layer.head_dim);
    let query_size = heads.saturating_mul(layer.head_dim);
    let queries = if layer.output_gate { query_size.saturating_mul(2) } else { query_size };
    let key_size = kv_heads.saturating_mul(layer.head_dim);
    let own_keys = !(layer.shares_cache && family.shared_layers_have_no_keys(plan));
    let keys_and_values = if own_keys { key_size.saturating_add(kv_heads.saturating_mul(value_dim)) } else { 0 };

    let hidden = plan.shape.hidden_size;
    let outputs = queries.saturating_add(keys_and_values);
    Linear::new(hidden, outputs, plan.format(run, Part::MixerInput)).biased(layer.qkv_bias).add(plan, tally);
    if layer.shared_key_value && own_keys {
        // The second place is the engine's: the checkpoint has no tensor for it.
        let copied = product(&[hidden, kv_heads, value_dim]);
        tally.copies = tally.copies.saturating_add(copied.saturating_mul(plan.element_bytes));
    }
    let inputs = heads.saturating_mul(value_dim);
    Linear::new(inputs, hidden, plan.format(run, Part::MixerOutput)).biased(layer.output_bias).add(plan, tally);

    for size in family.head_norms(layer, query_size, key_size) {
        plan.plain(tally, &[size]);
    }
    if family.has_sinks() {
        plan.plain(tally, &[heads]);
    }
    Ok(())
}

/// Multi-head latent attention.
///
/// vLLM 0.32.0, `models/deepseek_v2.py`: the projections down are on every GPU, those up and out are
/// split by heads. `layers/attention/mla_attention.py`, `process_weights_after_loading` (0.8.5:
/// `v1/attention/backends/mla/common.py`): `kv_b_proj` stays for prefill and decoding reads `W_UK_T` and
/// `W_UV`, which are views of it in 16 bit and copies in 16 bit of a quantized one.
///
/// # Errors
/// Words for heads that the engine refuses to split.
pub(super) fn mla(plan: &Plan<'_>, run: &LayerRun, layer: &Mla, tally: &mut Tally) -> Result<(), String> {
    let hidden = plan.shape.hidden_size;
    let heads = plan.split(layer.heads, "query heads")?;
    let input = plan.format(run, Part::MixerInput);
    let query_dim = layer.qk_nope_head_dim.saturating_add(layer.qk_rope_head_dim);
    let queries = heads.saturating_mul(query_dim);
    let compressed = layer.kv_lora_rank.saturating_add(layer.qk_rope_head_dim);
    if let Some(rank) = layer.q_lora_rank {
        Linear::new(hidden, rank.saturating_add(compressed), input).add(plan, tally);
        plan.plain(tally, &[rank]);
        Linear::new(rank, queries, input).add(plan, tally);
    } else {
        Linear::new(hidden, compressed, input).add(plan, tally);
        Linear::new(hidden, queries, input).add(plan, tally);
    }
    plan.plain(tally, &[layer.kv_lora_rank]);

    let up = heads.saturating_mul(layer.qk_nope_head_dim.saturating_add(layer.v_head_dim));
    Linear::new(layer.kv_lora_rank, up, input).add(plan, tally);
    if input.is_some() {
        tally.copy(product(&[layer.kv_lora_rank, up, plan.element_bytes]));
    }
    let values = heads.saturating_mul(layer.v_head_dim);
    Linear::new(values, hidden, plan.format(run, Part::MixerOutput)).add(plan, tally);

    if let Some(indexer) = &layer.indexer {
        let Some(rank) = layer.q_lora_rank else { return Err("an indexer without compressed queries".into()) };
        // `Indexer`: on every GPU; the keys and the weights of heads are one matrix in 16 bit.
        Linear::new(rank, indexer.heads.saturating_mul(indexer.head_dim), input).add(plan, tally);
        Linear::new(hidden, indexer.head_dim.saturating_add(indexer.heads), None).add(plan, tally);
        let norm = indexer.head_dim;
        for _ in 0..2 {
            tally.tensor(norm.saturating_mul(4));
        }
    }
    Ok(())
}
