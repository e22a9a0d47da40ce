//! Mixers with a state: gated delta nets and Mamba 2.

use super::linear::Linear;
use super::plan::Plan;
use super::tally::Tally;
use crate::catalog::{GatedDeltaNet, LayerRun, Mamba2, Part};

/// A gated delta net.
///
/// vLLM 0.32.0, `layers/mamba/gdn/qwen_gdn_linear_attn.py`: one matrix for q, k, v and z, one for b
/// and a; the convolution in the model's type; `A_log` in 32 bit.
///
/// # Errors
/// Words for heads that the engine refuses to split.
pub(super) fn gated_delta_net(plan: &Plan<'_>, run: &LayerRun, layer: &GatedDeltaNet, tally: &mut Tally) -> Result<(), String> {
    let hidden = plan.shape.hidden_size;
    let key_heads = plan.split(layer.key_heads, "key heads of the linear attention")?;
    let value_heads = plan.split(layer.value_heads, "value heads of the linear attention")?;
    let keys = key_heads.saturating_mul(layer.key_head_dim);
    let values = value_heads.saturating_mul(layer.value_head_dim);
    let convolved = keys.saturating_mul(2).saturating_add(values);
    let input = plan.format(run, Part::MixerInput);
    plan.plain(tally, &[layer.conv_kernel, convolved]);
    Linear::new(hidden, convolved.saturating_add(values), input).add(plan, tally);
    // Checkpoints keep this small matrix in 16 bit: blocks of 128 rows do not fit it.
    Linear::new(hidden, value_heads.saturating_mul(2), None).add(plan, tally);
    plan.plain(tally, &[value_heads]);
    tally.tensor(value_heads.saturating_mul(4));
    plan.plain(tally, &[layer.value_head_dim]);
    Linear::new(values, hidden, plan.format(run, Part::MixerOutput)).add(plan, tally);
    Ok(())
}

/// A Mamba 2 mixer.
///
/// vLLM 0.32.0, `layers/mamba/mamba_mixer2.py`: heads are split; groups too, and where there are fewer
/// groups than GPUs each GPU has one (`MambaStateShapeCalculator.extra_groups_for_head_shards`).
///
/// # Errors
/// Words for heads that the engine refuses to split.
pub(super) fn mamba2(plan: &Plan<'_>, run: &LayerRun, layer: &Mamba2, tally: &mut Tally) -> Result<(), String> {
    let hidden = plan.shape.hidden_size;
    let heads = plan.split(layer.heads, "Mamba heads")?;
    let groups = if layer.groups == 1 { 1 } else { plan.split(layer.groups, "Mamba groups")? };
    let inner = heads.saturating_mul(layer.head_dim);
    let matrices = groups.saturating_mul(layer.state_size).saturating_mul(2);
    let convolved = inner.saturating_add(matrices);
    plan.plain(tally, &[layer.conv_kernel, convolved]);
    if layer.conv_bias {
        plan.plain(tally, &[convolved]);
    }
    let outputs = inner.saturating_add(convolved).saturating_add(heads);
    Linear::new(hidden, outputs, plan.format(run, Part::MixerInput)).add(plan, tally);
    // `A` is in 32 bit; `D` and the bias of the time step are in the model's type.
    tally.tensor(heads.saturating_mul(4));
    plan.plain(tally, &[heads]);
    plan.plain(tally, &[heads]);
    plan.plain(tally, &[inner]);
    Linear::new(inner, hidden, plan.format(run, Part::MixerOutput)).add(plan, tally);
    Ok(())
}
