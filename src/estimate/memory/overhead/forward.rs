//! The forward pass of the profile run.

use super::GIB;
use crate::catalog::{FeedForward, LayerRun, Mixer, Shape};
use crate::estimate::memory::{Setup, since};

/// Bytes at the height of the pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Peak {
    pub(super) low: f64,
    pub(super) expected: f64,
    pub(super) high: f64,
}

/// Peak over the layers: the residual stream and the layer's input, and beside them what the widest
/// part of a layer holds at once. Layers run one after the other, so one decides.
pub(super) fn peak(setup: &Setup<'_>, shape: &Shape) -> Peak {
    let tokens = setup.max_num_batched_tokens as f64;
    let bytes = setup.dtype.unwrap_or(shape.dtype).bytes() as f64;
    let stream = tokens * shape.hidden_size as f64 * bytes;
    let widest = |f: &dyn Fn(&LayerRun) -> f64| shape.layers.iter().map(f).fold(0.0, f64::max);
    let part = widest(&|run| mixer(setup, run, bytes).max(feed_forward(setup, shape, run, bytes)));
    let workspace = widest(&|run| attention_workspace(setup, run, bytes));
    let expected = 2.0 * stream + part;
    Peak {
        // The compiler may fuse an activation into the quantization that follows it, which halves it.
        low: stream + 0.6 * part,
        expected: expected.max(workspace),
        // Products keep a 32-bit copy where norms, gates or routing are not fused, and kernels scratch.
        high: 1.5 * expected + workspace + 0.2 * GIB,
    }
}

/// What the mixer holds for all tokens: its input projections, and its output before the last one.
fn mixer(setup: &Setup<'_>, run: &LayerRun, bytes: f64) -> f64 {
    let share = 1.0 / setup.tensor_parallel.max(1) as f64;
    let width = match &run.mixer {
        Mixer::Attention(a) => {
            let values = a.value_head_dim.unwrap_or(a.head_dim) as f64;
            let queries = a.heads as f64 * a.head_dim as f64;
            (queries + a.kv_heads as f64 * (a.head_dim as f64 + values) + a.heads as f64 * values) * share
        }
        Mixer::Mla(m) => {
            let heads = m.heads as f64 * share;
            let queries = heads * (m.qk_nope_head_dim as f64 + m.qk_rope_head_dim as f64);
            queries + (m.kv_lora_rank + m.q_lora_rank.unwrap_or(0)) as f64 + heads * m.v_head_dim as f64
        }
        Mixer::GatedDeltaNet(g) => {
            let keys = g.key_heads as f64 * g.key_head_dim as f64;
            let values = g.value_heads as f64 * g.value_head_dim as f64;
            (2.0 * keys + 3.0 * values) * share
        }
        Mixer::Mamba2(m) => {
            let inner = m.heads as f64 * m.head_dim as f64;
            (3.0 * inner + 2.0 * m.groups as f64 * m.state_size as f64) * share
        }
        Mixer::None => 0.0,
    };
    setup.max_num_batched_tokens as f64 * width * bytes
}

/// What the feed-forward block holds: both projections and the activated product at once.
fn feed_forward(setup: &Setup<'_>, shape: &Shape, run: &LayerRun, bytes: f64) -> f64 {
    let tokens = setup.max_num_batched_tokens as f64;
    let share = 1.0 / setup.tensor_parallel.max(1) as f64;
    let block = |width: f64, gated: bool| if gated { 3.0 * width } else { 2.0 * width };
    match &run.feed_forward {
        FeedForward::Dense(d) => tokens * block(d.intermediate_size as f64, d.gated) * share * bytes,
        FeedForward::Experts(e) => {
            // Two workspaces for each choice of an expert (`fused_experts_impl`): the first holds the
            // projections and later the outputs, the second the activations; at most 32768 tokens at a
            // time (`VLLM_FUSED_MOE_CHUNK_SIZE`, removed later).
            let chunk = tokens.min(if since(&setup.version, 0, 12, 0) { f64::INFINITY } else { 32768.0 });
            let split = if setup.expert_parallel { 1.0 } else { share };
            let width = e.intermediate_size as f64 * split;
            let model = e.latent_size.unwrap_or(shape.hidden_size) as f64;
            let projections = if e.gated { 2.0 * width } else { width };
            let routed = chunk * e.per_token as f64 * (projections.max(model) + width) * bytes;
            let router = tokens * e.count as f64 * 4.0;
            let shared = tokens * block(e.shared_intermediate_size as f64, e.gated) * share * bytes;
            let dense = tokens * block(e.parallel_dense_intermediate_size as f64, true) * share * bytes;
            routed + router + shared.max(dense) + tokens * model * bytes
        }
        FeedForward::None => 0.0,
    }
}

/// The workspace in which latent attention unpacks keys and values of long prompts, which the profile
/// run takes once (`MLACommonMetadataBuilder.determine_chunked_prefill_workspace_size`: at most 64 Ki
/// tokens).
fn attention_workspace(setup: &Setup<'_>, run: &LayerRun, bytes: f64) -> f64 {
    let Mixer::Mla(m) = &run.mixer else { return 0.0 };
    let heads = m.heads as f64 / setup.tensor_parallel.max(1) as f64;
    65536.0 * heads * (m.qk_nope_head_dim + m.v_head_dim) as f64 * bytes
}
