//! Profiling of encoders for images: they run over the largest input of one kind, and what they return
//! is kept while the language model runs (`profile_run`).

use super::GIB;
use crate::catalog::Shape;
use crate::estimate::memory::Setup;

/// Bytes at the height of the encoder's run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Peak {
    pub(super) expected: f64,
    pub(super) high: f64,
    /// Its output, beside which the language model runs.
    pub(super) kept: f64,
}

/// How a family cuts images: tokens of the largest one, patches for each token, and GiB that bound the
/// run for 8192 tokens or for the largest image, whichever is more.
struct Images {
    tokens: f64,
    patches: f64,
    /// Values of a patch.
    values: f64,
    most_gib: f64,
}

/// The tokens of a run are `max_num_batched_tokens` or those of the largest input, whichever is more
/// (`compute_mm_encoder_budget`). For each patch the widest block holds stream, input, queries, keys and
/// values and both sides of its feed-forward block: with the width of 1152 and the block of 4304 that
/// most of these encoders have (SigLIP So400m and its heirs), 2 × 1152 + 3 × 1152 + 2 × 4304 elements of
/// 16 bits; and the values of the patch, which the caller holds in the model's type
/// (`call_hf_processor`). The high bound is the highest of the published peaks, about 11 GiB for Gemma 3 27B, whose
/// attention is not the fused one; the Qwen encoders attend with the fused kernel, piece by piece, and
/// their bound of 8 GiB, four times what is expected, is judged and not published, as is that of others.
pub(super) fn peak(setup: &Setup<'_>, shape: &Shape) -> Peak {
    if shape.encoder.is_none() || setup.text_only {
        return Peak::default();
    }
    let images = images(&shape.architecture);
    let tokens = (setup.max_num_batched_tokens as f64).max(images.tokens);
    let each_patch = (5.0 * 1152.0 + 2.0 * 4304.0 + images.values) * 2.0;
    let kept = tokens * shape.hidden_size as f64 * 2.0;
    let expected = tokens * images.patches * each_patch + kept;
    let high = images.most_gib * GIB * (tokens / images.tokens.max(8192.0)).max(1.0);
    Peak { expected, high: high.max(1.5 * expected), kept }
}

fn images(architecture: &str) -> Images {
    if architecture.starts_with("Qwen") {
        // 16777216 pixels (Qwen3-VL) or 12845056 (Qwen2.5-VL) by patches of 16 or 14 in pairs of pictures,
        // four to a token.
        Images { tokens: 16384.0, patches: 4.0, values: 1536.0, most_gib: 8.0 }
    } else if architecture.starts_with("Gemma") {
        // 896 × 896 pixels by patches of 14, sixteen to a token.
        Images { tokens: 256.0, patches: 16.0, values: 588.0, most_gib: 11.0 }
    } else if architecture.starts_with("Mistral3") || architecture.starts_with("Pixtral") {
        // 1540 × 1540 pixels by patches of 14, four to a token, and the ends of rows.
        Images { tokens: 3080.0, patches: 4.0, values: 588.0, most_gib: 11.0 }
    } else {
        Images { tokens: 16384.0, patches: 4.0, values: 1536.0, most_gib: 16.0 }
    }
}
