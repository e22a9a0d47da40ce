//! Dense blocks and mixtures of experts.

use super::experts::{Held, held};
use super::families::Family;
use super::linear::Linear;
use super::plan::Plan;
use super::tally::{Tally, product};
use crate::catalog::{Dense, Experts, LayerRun, Part, WeightFormat};
use crate::estimate::memory::Bounds;

/// A dense block: gate and up are one matrix (`MergedColumnParallelLinear`), down is split by inputs.
///
/// # Errors
/// Words for a width that the engine refuses to split.
pub(super) fn dense(plan: &Plan<'_>, run: &LayerRun, block: &Dense, tally: &mut Tally) -> Result<(), String> {
    projections(plan, plan.format(run, Part::Dense), block, tally)
}

fn projections(plan: &Plan<'_>, format: Option<WeightFormat>, block: &Dense, tally: &mut Tally) -> Result<(), String> {
    let hidden = plan.shape.hidden_size;
    let width = plan.split(block.intermediate_size, "width of the feed-forward block")?;
    let up = if block.gated { width.saturating_mul(2) } else { width };
    Linear::new(hidden, up, format).biased(block.bias).add(plan, tally);
    Linear::new(width, hidden, format).biased(block.bias).add(plan, tally);
    Ok(())
}

/// A mixture of experts with its router and what runs beside it.
///
/// vLLM 0.32.0, `layers/fused_moe/routed_experts.py`, `expert_map_manager.py` (`determine_expert_map`):
/// with expert parallelism whole experts are dealt out and the first GPUs have one more; otherwise each
/// is split by its width. The router is on every GPU in 16 bit, shared experts are split.
///
/// # Errors
/// Words for a width that the engine refuses to split.
pub(super) fn experts(plan: &Plan<'_>, run: &LayerRun, mixture: &Experts, tally: &mut Tally) -> Result<(), String> {
    let hidden = plan.shape.hidden_size;
    let family = Family::of(&plan.shape.architecture);
    if mixture.count == 0 || mixture.per_token > mixture.count {
        return Err(format!("{} experts for each token out of {}", mixture.per_token, mixture.count));
    }
    Linear::new(hidden, mixture.count, None).biased(mixture.bias).add(plan, tally);
    if let Some(bytes) = family.correction_bias_bytes() {
        tally.tensor(mixture.count.saturating_mul(bytes));
    }
    family.router_extras(plan, mixture, tally);

    let input = mixture.latent_size.unwrap_or(hidden);
    if mixture.latent_size.is_some() {
        // `models/nemotron_h.py`: on every GPU. Checkpoints quantize these two matrices or not.
        let of = |format| {
            let mut sum = Tally::new(plan.allocator);
            Linear::new(hidden, input, format).add(plan, &mut sum);
            Linear::new(input, hidden, format).add(plan, &mut sum);
            sum
        };
        let [quantized, plain] = [plan.format(run, Part::Experts), None].map(of);
        tally.bounded(Bounds { high: plain.bytes.high.max(quantized.bytes.high), ..quantized.bytes });
    }
    let (count, width) = if plan.expert_parallel {
        (mixture.count.div_ceil(plan.tensor_parallel), mixture.intermediate_size)
    } else {
        (mixture.count, plan.split(mixture.intermediate_size, "width of an expert")?)
    };
    routed(plan, run, mixture, (count, input, width), tally);
    if plan.expert_parallel {
        tally.tensor(mixture.count.saturating_mul(4));
    }

    if mixture.shared_intermediate_size > 0 {
        let shared = Dense { intermediate_size: mixture.shared_intermediate_size, gated: mixture.gated, bias: false };
        projections(plan, plan.format(run, Part::SharedExperts), &shared, tally)?;
        if mixture.shared_gate {
            plan.plain(tally, &[hidden]);
        }
    }
    if mixture.parallel_dense_intermediate_size > 0 {
        let beside = Dense { intermediate_size: mixture.parallel_dense_intermediate_size, gated: true, bias: false };
        dense(plan, run, &beside, tally)?;
    }
    Ok(())
}

/// The routed experts: two tensors for all of them. Sizes that a backend pads are bounds.
fn routed(plan: &Plan<'_>, run: &LayerRun, mixture: &Experts, (count, input, width): (u64, u64, u64), tally: &mut Tally) {
    let format = plan.format(run, Part::Experts);
    let pieces = if mixture.gated { 2 } else { 1 };
    let sum = |held: Held| {
        let mut sum = Tally::new(plan.allocator);
        let up = held.width.saturating_mul(pieces);
        for (inputs, outputs) in [(held.input, up), (held.width, held.input)] {
            Linear { row_padding: held.row_padding, ..Linear::new(inputs, outputs, format).times(count) }.add(plan, &mut sum);
            if mixture.bias {
                sum.tensor(product(&[count, outputs, held.bias_bytes.unwrap_or(plan.element_bytes)]));
            }
        }
        sum.bytes
    };
    let [low, expected, high] = held(plan, format, input, width).map(sum);
    tally.bounded(Bounds { low: low.low.min(expected.low), expected: expected.expected, high: high.high.max(expected.high) });
}
