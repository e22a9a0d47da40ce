//! Tables of the rotary embedding, which stand beside the weights on every GPU.

use std::collections::BTreeSet;

use semver::Version;

use super::families::Family;
use super::plan::Plan;
use super::tally::{Tally, product};
use crate::catalog::{Attention, LayerRun, Mixer, Reach};
use crate::estimate::memory::Bounds;

/// Tables of the given runs of layers.
///
/// vLLM 0.32.0, `layers/rotary_embedding/`: one table of cosines and sines for each kind of layer
/// (`get_rope` keeps them), positions by rotated elements, in the type of the weights.
pub(super) fn tables<'r>(
    plan: &Plan<'_>,
    context_tokens: u64,
    version: &Version,
    runs: impl Iterator<Item = &'r LayerRun>,
    tally: &mut Tally,
) {
    let mut seen = BTreeSet::new();
    for run in runs {
        match &run.mixer {
            Mixer::Attention(layer) => {
                let windowed = layer.reach != Reach::All;
                if seen.insert((layer.head_dim, windowed && two_tables(plan))) {
                    attention(plan, layer, context_tokens, version, tally);
                }
            }
            Mixer::Mla(layer) => {
                if seen.insert((layer.qk_rope_head_dim, false)) {
                    // `deepseek_scaling_rope.py`: in 32 bit where FlashInfer rotates, since 0.12.
                    let bytes = |element: u64| product(&[context_tokens, layer.qk_rope_head_dim, element]);
                    tally.bounded(Bounds { low: bytes(plan.element_bytes), expected: bytes(plan.element_bytes), high: bytes(4) });
                }
            }
            Mixer::GatedDeltaNet(_) | Mixer::Mamba2(_) | Mixer::None => {}
        }
    }
}

fn two_tables(plan: &Plan<'_>) -> bool {
    matches!(Family::of(&plan.shape.architecture), Family::Gemma3 | Family::Gemma4 | Family::Olmo)
}

fn attention(plan: &Plan<'_>, layer: &Attention, context_tokens: u64, version: &Version, tally: &mut Tally) {
    let architecture = plan.shape.architecture.as_str();
    let family = Family::of(architecture);
    let element = if family == Family::GptOss { 4 } else { plan.element_bytes };
    let all = layer.head_dim;
    let (low, high) = match family {
        Family::Nemotron if architecture.starts_with("NemotronH") => return,
        // `partial_rotary_factor` and `rotary_dim` of these models' own `config.json`.
        Family::QwenHybrid => (all / 4, all / 4),
        Family::Glm4Moe | Family::MiniMax => (all / 2, all / 2),
        Family::Plain if architecture.starts_with("Phi") => (all / 4 * 3, all),
        _ => (all, all),
    };
    let positions = context_tokens.saturating_mul(times(architecture, family, layer, version));
    let bytes = |size: u64| product(&[positions, size, element]);
    tally.bounded(Bounds { low: bytes(low), expected: bytes(high), high: bytes(high) });
}

/// How often the table spans the context.
fn times(architecture: &str, family: Family, layer: &Attention, version: &Version) -> u64 {
    // `mrope.py`: room for positions in videos; since 0.32.0 only where videos are pruned.
    if has_sections(architecture) {
        return if *version < Version::new(0, 32, 0) { 4 } else { 1 };
    }
    // `linear_scaling_rope.py` scales the length by the factor, 8 in the models of Gemma 3 that see.
    if family == Family::Gemma3 && architecture.contains("ConditionalGeneration") && layer.reach == Reach::All {
        return 8;
    }
    1
}

/// Whether positions have sections for time, height and width (`mrope_section`).
fn has_sections(architecture: &str) -> bool {
    ["Qwen2VL", "Qwen2_5_VL", "Qwen3VL", "Qwen3_5", "Glm4v"].iter().any(|name| architecture.starts_with(name))
}
