//! Layers that guess further tokens (MTP), loaded only for speculation.

use super::linear::Linear;
use super::plan::Plan;
use super::tally::Tally;
use super::{layer, vocabulary};
use crate::catalog::{Mixer, Shape};
use crate::estimate::memory::{Bounds, Setup};

/// The layers for speculation on the last stage.
///
/// vLLM 0.32.0, `models/deepseek_mtp.py`, `models/qwen3_5_mtp.py`: each is a layer like the last one that
/// attends, with two norms and a matrix that joins the hidden state and the embedding. Embedding and head
/// are the model's own, unless the checkpoint's differ (`v1/spec_decode/llm_base_proposer.py`).
///
/// # Errors
/// Words where the model that guesses is not part of this one.
pub(super) fn draft(setup: &Setup<'_>, plan: &Plan<'_>, tally: &mut Tally) -> Result<(), String> {
    if setup.speculative_tokens == 0 {
        return Ok(());
    }
    let shape = plan.shape;
    if shape.draft_layers == 0 {
        return Err("the model that guesses tokens ahead".into());
    }
    let mut one = layer(plan, like(shape).ok_or("a layer that attends, to guess tokens with")?)?;
    Linear::new(shape.hidden_size.saturating_mul(2), shape.hidden_size, None).add(plan, &mut one);
    for _ in 0..3 {
        plan.plain(&mut one, &[shape.hidden_size]);
    }
    let mut low = Tally::new(plan.allocator);
    low.add(one, u64::from(shape.draft_layers));
    // Quantized checkpoints often keep these layers in 16 bit.
    let whole = Plan { shape: &Shape { quantization: None, ..shape.clone() }, on_the_fly: None, ..plan.clone() };
    let mut high = Tally::new(plan.allocator);
    high.add(layer(&whole, like(whole.shape).ok_or("a layer that attends, to guess tokens with")?)?, u64::from(shape.draft_layers));
    vocabulary::embedding(plan, &mut high)?;
    vocabulary::head(plan, &mut high)?;
    let high = high.bytes.high.max(low.bytes.high);
    tally.bounded(Bounds { low: low.bytes.low, expected: low.bytes.expected, high });
    Ok(())
}

fn like(shape: &Shape) -> Option<&crate::catalog::LayerRun> {
    shape.layers.iter().rev().find(|run| matches!(run.mixer, Mixer::Attention(_) | Mixer::Mla(_)))
}
