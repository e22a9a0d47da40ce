//! The sampler's step at the end of the profile run.

use super::GIB;
use crate::catalog::{Mixer, Shape};
use crate::estimate::memory::{Setup, since};

/// Bytes at the height of the step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Peak {
    pub(super) low: f64,
    pub(super) expected: f64,
    pub(super) high: f64,
    /// What stays afterwards and is charged with the peak of the forward pass too.
    pub(super) held: f64,
}

/// Copies of the logits, in units of rows × vocabulary × 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Copies {
    low: f64,
    expected: f64,
    high: f64,
    held: f64,
}

/// Peak of the sampler over `max_num_seqs` rows: its copies of the logits, and the hidden states that
/// the run still holds: those of all tokens, those of the rows and their random replacement
/// (`_dummy_sampler_run`). The first model runner works on 16-bit logits that its caller keeps and a
/// 32-bit copy; what top-k and top-p add depends on the version.
pub(super) fn peak(setup: &Setup<'_>, shape: &Shape) -> Peak {
    let tokens = setup.max_num_batched_tokens as f64;
    let rows = (setup.max_num_seqs as f64).min(tokens);
    let unit = rows * shape.vocab_size as f64 * 4.0;
    let hidden = (tokens + 2.0 * rows) * shape.hidden_size as f64 * 2.0;
    let copies = copies(setup, shape, rows);
    // A step that checks guessed tokens holds further rows of logits (`SpecDecodeMetadata.make_dummy`).
    let speculation = if setup.speculative_tokens > 0 { 2.0 * unit } else { 0.0 };
    Peak {
        low: copies.low * unit,
        expected: copies.expected * unit + hidden,
        high: copies.high * unit + hidden + speculation + 0.05 * GIB,
        held: copies.held * unit,
    }
}

/// `torch.sort` of a batch (`SortStable.cu`): 16-bit logits (0.5), their 32-bit copy (1), sorted values
/// (1), 64-bit indices (2), the indices before sorting (2), and a radix sort's second buffers for keys
/// (1) and indices (2).
const SORTED: f64 = 9.5;
/// Below 128 rows all rows are sorted as one: pairs of row and index twice (4), keys (1), and the second
/// buffers (3) beside logits, values and indices (4.5).
const SORTED_AS_ONE: f64 = 12.5;

fn copies(setup: &Setup<'_>, shape: &Shape, rows: f64) -> Copies {
    let version = &setup.version;
    let sorted = if rows < 128.0 { SORTED_AS_ONE } else { SORTED };
    if second_runner(setup, shape) {
        // No top-k, top-p or probabilities: 16-bit logits and a 32-bit copy. Counts of tokens for
        // penalties are kept for each row from the start (`PenaltiesState.output_bin_counts` and
        // `prompt_bin_mask`), and charged since 0.27 (`total_consumed`). The first runner may still be
        // chosen for settings that the second lacks, which is the high bound.
        let held = if since(version, 0, 27, 0) { 1.0 + 1.0 / 32.0 } else { 0.0 };
        return Copies { low: 0.5, expected: 1.5, high: 4.5, held };
    }
    if since(version, 0, 21, 0) {
        // FlashInfer masks the logits and turns them into probabilities without sorting; a GPU that it
        // does not know takes the Triton path.
        return Copies { low: 1.5, expected: 3.5, high: 5.0, held: 0.0 };
    }
    if since(version, 0, 17, 0) && rows >= 8.0 {
        // Triton cuts without sorting, with one row of scratch for each multiprocessor (at most 160);
        // then probabilities (1) and random numbers (1) beside the logits (1.5).
        let scratch = (160.0 / rows).min(1.0);
        return Copies { low: 3.5, expected: 3.5 + scratch, high: 3.5 + scratch + 0.5, held: 0.0 };
    }
    // FlashInfer was used where it happened to be installed until 0.11.0, and by request from 0.11.1 on.
    let flashinfer_by_chance = !since(version, 0, 11, 1);
    Copies { low: if flashinfer_by_chance { 1.5 } else { sorted - 1.0 }, expected: sorted, high: sorted + 0.3, held: 0.0 }
}

/// Whether the second model runner is the default (`VllmConfig.use_v2_model_runner`).
fn second_runner(setup: &Setup<'_>, shape: &Shape) -> bool {
    let version = &setup.version;
    let recurrent = shape.layers.iter().any(|run| matches!(run.mixer, Mixer::GatedDeltaNet(_) | Mixer::Mamba2(_)));
    let experts = shape.layers.iter().any(|run| matches!(run.feed_forward, crate::catalog::FeedForward::Experts(_)));
    let architecture = shape.architecture.as_str();
    match (version.major, version.minor) {
        (0, 0..=21) => false,
        (0, 22) => architecture == "Qwen3ForCausalLM" && shape.quantization.is_none(),
        (0, 23) => matches!(architecture, "LlamaForCausalLM" | "MistralForCausalLM" | "Qwen3ForCausalLM") && shape.quantization.is_none(),
        (0, 24) => matches!(
            architecture,
            "DeepseekV2ForCausalLM"
                | "GraniteMoeForCausalLM"
                | "LlamaForCausalLM"
                | "MistralForCausalLM"
                | "Qwen2MoeForCausalLM"
                | "Qwen3ForCausalLM"
        ),
        (0, 25..=28) => {
            !recurrent && (!experts || matches!(architecture, "DeepseekV2ForCausalLM" | "GraniteMoeForCausalLM" | "Qwen2MoeForCausalLM"))
        }
        _ => true,
    }
}
