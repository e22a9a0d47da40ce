//! Weights on each GPU, tensor by tensor, as the engine logs them after loading.

mod attention;
mod experts;
mod families;
mod feed_forward;
mod linear;
mod plan;
mod recurrent;
mod rotary;
mod speculation;
mod stored;
mod tally;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub(in crate::estimate) use self::plan::on_the_fly;

use self::families::Family;
use self::plan::Plan;
use self::tally::{Tally, product};
use super::{Bounds, Setup};
use crate::catalog::{FeedForward, LayerRun, Mixer, Shape};

/// More than any GPU has; sizes above it are mistakes of a `config.json`.
const TOO_MUCH: u64 = 1 << 50;

/// Tokens that sparse attention reads for each query (`index_topk` of DeepSeek V3.2 and GLM 5); their
/// places are a table of the model (vLLM 0.32.0, `models/deepseek_v2.py`, `topk_indices_buffer`).
pub(in crate::estimate) const CHOSEN_TOKENS: u64 = 2048;

/// Bytes of the weights on a GPU of each pipeline stage, first stage first.
///
/// They are what vLLM logs as "Model loading took": what torch has allocated after the weights are
/// loaded and repacked, tables beside them included (0.32.0, `v1/worker/gpu_model_runner.py`, `load_model`).
///
/// # Errors
/// What is not known about the model, in words.
pub fn per_stage(setup: &Setup<'_>) -> Result<Vec<Bounds>, Vec<String>> {
    let Some(shape) = &setup.facts.shape else {
        return Err(vec![format!("the layers of `{}`", setup.facts.repository)]);
    };
    stages(setup, shape).map_err(|unknown| vec![unknown])
}

fn stages(setup: &Setup<'_>, shape: &Shape) -> Result<Vec<Bounds>, String> {
    let plan = Plan::new(setup, shape)?;
    let ranges = plan::stages(shape.layer_count(), setup.pipeline_parallel)?;
    let last = ranges.len().saturating_sub(1);
    let stored = stored::Stored::of(setup, &plan)?;
    let mut sums = Vec::with_capacity(ranges.len());
    for (stage, range) in ranges.into_iter().enumerate() {
        let mut tally = Tally::new(plan.allocator);
        layers(&plan, &range, &mut tally)?;
        if let Some(stored) = &stored {
            tally = stored.instead_of(tally);
        }
        if stage == 0 {
            vocabulary::embedding(&plan, &mut tally)?;
        }
        encoder(setup, &plan, &mut tally)?;
        if stage == last {
            plan.plain(&mut tally, &[shape.hidden_size]);
            if !shape.tied_embeddings {
                vocabulary::head(&plan, &mut tally)?;
            } else if stage > 0 {
                vocabulary::embedding(&plan, &mut tally)?;
            }
            speculation::draft(setup, &plan, &mut tally)?;
        }
        if held(shape, &range).any(|(run, _)| matches!(&run.mixer, Mixer::Mla(layer) if layer.indexer.is_some())) {
            tally.tensor(product(&[setup.max_num_batched_tokens, CHOSEN_TOKENS, 4]));
        }
        let runs = held(shape, &range).map(|(run, _)| run);
        rotary::tables(&plan, setup.facts.context_tokens, &setup.version, runs, &mut tally);
        if tally.bytes.high > TOO_MUCH {
            return Err("weights of more than a pebibyte on a GPU".into());
        }
        sums.push(tally.bytes);
    }
    Ok(sums)
}

/// Runs of layers in `range`, and how many layers of each.
fn held<'s>(shape: &'s Shape, range: &Range<u64>) -> impl Iterator<Item = (&'s LayerRun, u64)> {
    let range = range.clone();
    let mut start = 0u64;
    shape.layers.iter().filter_map(move |run| {
        let end = start.saturating_add(u64::from(run.count));
        let count = end.min(range.end).saturating_sub(start.max(range.start));
        start = end;
        (count > 0).then_some((run, count))
    })
}

fn layers(plan: &Plan<'_>, range: &Range<u64>, tally: &mut Tally) -> Result<(), String> {
    for (run, count) in held(plan.shape, range) {
        tally.add(layer(plan, run)?, count);
    }
    Ok(())
}

/// One layer.
fn layer(plan: &Plan<'_>, run: &LayerRun) -> Result<Tally, String> {
    let mut tally = Tally::new(plan.allocator);
    let mut parts = 2;
    match &run.mixer {
        Mixer::Attention(layer) => attention::attention(plan, run, layer, &mut tally)?,
        Mixer::Mla(layer) => attention::mla(plan, run, layer, &mut tally)?,
        Mixer::GatedDeltaNet(layer) => recurrent::gated_delta_net(plan, run, layer, &mut tally)?,
        Mixer::Mamba2(layer) => recurrent::mamba2(plan, run, layer, &mut tally)?,
        Mixer::None => parts -= 1,
    }
    match &run.feed_forward {
        FeedForward::Dense(block) => feed_forward::dense(plan, run, block, &mut tally)?,
        FeedForward::Experts(mixture) => feed_forward::experts(plan, run, mixture, &mut tally)?,
        FeedForward::None => parts -= 1,
    }
    for _ in 0..Family::of(&plan.shape.architecture).norms(parts) {
        plan.plain(&mut tally, &[plan.shape.hidden_size]);
    }
    Ok(tally)
}

/// Encoders for images and sound, in the model's own type on every stage (`models/interfaces.py`, `_mark_tower_model`).
///
/// vLLM 0.32.0: towers are split like other layers, or whole on every GPU with `--mm-encoder-tp-mode data`
/// (`config/multimodal.py`) and where a tower has no split layers; norms, positions and patches are whole.
fn encoder(setup: &Setup<'_>, plan: &Plan<'_>, tally: &mut Tally) -> Result<(), String> {
    let Some(encoder) = &plan.shape.encoder else { return Ok(()) };
    if setup.text_only {
        return Ok(());
    }
    let Some(parameters) = encoder.parameters else { return Err("the size of the encoder for images or sound".into()) };
    let whole = parameters.saturating_mul(plan.element_bytes);
    let split = whole / plan.tensor_parallel;
    // Linear layers of some towers are quantized while they are loaded, too.
    let low = if plan.on_the_fly.is_some() { split / 2 } else { split };
    tally.bounded(Bounds { low, expected: split, high: whole });
    Ok(())
}
