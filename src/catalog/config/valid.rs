//! Facts from a file that somebody may have written by hand.

use super::{Fault, MOST_COUNT, MOST_LAYERS, MOST_PARAMETERS, MOST_TOKENS, MOST_WIDTH};
use crate::catalog::facts::{FeedForward, Mixer, ModelFacts, Reach, Shape, WeightFormat};

/// Most bytes of a checkpoint.
const MOST_BYTES: u64 = 8_000_000_000_000_000;

/// Whether every figure of `facts` is one that a model can have.
///
/// # Errors
/// The first figure that is not.
pub fn validate(facts: &ModelFacts) -> Result<(), Fault> {
    within("context_tokens", facts.context_tokens, 1, MOST_TOKENS)?;
    within("attention_heads", u64::from(facts.attention_heads), 1, MOST_COUNT)?;
    within("checkpoint_bytes", facts.checkpoint_bytes.unwrap_or(1), 1, MOST_BYTES)?;
    if facts.repository.is_empty() {
        return Err(Fault::new("repository", "is empty; it must be the name of the model"));
    }
    if facts.shape.is_none() && facts.missing.is_empty() {
        return Err(Fault::new("shape", "is missing, and `missing` does not say why"));
    }
    let Some(shape) = &facts.shape else { return Ok(()) };
    self::shape(shape)?;
    match facts.parameters() {
        Some(parameters) if parameters > MOST_PARAMETERS => {
            let message = format!("makes a model of {parameters} parameters; none has more than {MOST_PARAMETERS}");
            Err(Fault::new("shape", message))
        }
        _ => Ok(()),
    }
}

fn within(field: &str, value: u64, least: u64, most: u64) -> Result<(), Fault> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Fault::new(field, format!("is {value}; it must be between {least} and {most}")))
}

fn shape(shape: &Shape) -> Result<(), Fault> {
    within("shape.hidden_size", shape.hidden_size, 1, MOST_WIDTH)?;
    within("shape.vocab_size", shape.vocab_size, 1, MOST_WIDTH)?;
    within("shape.draft_layers", u64::from(shape.draft_layers), 0, MOST_LAYERS)?;
    let runs = shape.layers.iter().map(|run| u64::from(run.count));
    within("shape.layers", runs.fold(0, u64::saturating_add), 1, MOST_LAYERS)?;
    for stored in &shape.stored {
        within("shape.stored", stored.bytes, 0, MOST_BYTES)?;
    }
    if let Some(parameters) = shape.encoder.as_ref().and_then(|encoder| encoder.parameters) {
        within("shape.encoder.parameters", parameters, 0, MOST_BYTES)?;
    }
    for (at, run) in shape.layers.iter().enumerate() {
        let below = |fault: Fault| Fault { field: format!("shape.layers.{at}.{}", fault.field), ..fault };
        within("count", u64::from(run.count), 1, MOST_LAYERS).map_err(below)?;
        mixer(&run.mixer).map_err(below)?;
        feed_forward(&run.feed_forward).map_err(below)?;
    }
    if let Some(quantization) = &shape.quantization {
        for format in std::iter::once(quantization.format).chain(quantization.other.iter().map(|(_, format)| *format)) {
            weight_format(format).map_err(|fault| Fault { field: format!("shape.quantization.{}", fault.field), ..fault })?;
        }
    }
    Ok(())
}

fn mixer(mixer: &Mixer) -> Result<(), Fault> {
    let count = |field, value| within(field, value, 1, MOST_COUNT);
    let width = |field, value| within(field, value, 1, MOST_WIDTH);
    match mixer {
        Mixer::Attention(a) => {
            count("heads", a.heads)?;
            count("kv_heads", a.kv_heads)?;
            width("head_dim", a.head_dim)?;
            width("value_head_dim", a.value_head_dim.unwrap_or(1))?;
            match a.reach {
                Reach::All => Ok(()),
                Reach::Window(tokens) | Reach::Chunk(tokens) => within("reach", tokens, 1, MOST_TOKENS),
            }
        }
        Mixer::Mla(m) => {
            count("heads", m.heads)?;
            width("q_lora_rank", m.q_lora_rank.unwrap_or(1))?;
            width("kv_lora_rank", m.kv_lora_rank)?;
            width("qk_rope_head_dim", m.qk_rope_head_dim)?;
            width("qk_nope_head_dim", m.qk_nope_head_dim)?;
            width("v_head_dim", m.v_head_dim)?;
            let Some(indexer) = &m.indexer else { return Ok(()) };
            count("indexer.heads", indexer.heads)?;
            width("indexer.head_dim", indexer.head_dim)
        }
        Mixer::GatedDeltaNet(n) => {
            count("key_heads", n.key_heads)?;
            count("value_heads", n.value_heads)?;
            width("key_head_dim", n.key_head_dim)?;
            width("value_head_dim", n.value_head_dim)?;
            within("conv_kernel", n.conv_kernel, 1, 1000)
        }
        Mixer::Mamba2(m) => {
            count("heads", m.heads)?;
            width("head_dim", m.head_dim)?;
            count("groups", m.groups)?;
            width("state_size", m.state_size)?;
            within("conv_kernel", m.conv_kernel, 1, 1000)
        }
        Mixer::None => Ok(()),
    }
}

fn feed_forward(block: &FeedForward) -> Result<(), Fault> {
    match block {
        FeedForward::Dense(dense) => within("intermediate_size", dense.intermediate_size, 1, MOST_WIDTH),
        FeedForward::Experts(e) => {
            within("count", e.count, 1, MOST_COUNT)?;
            within("per_token", e.per_token, 1, e.count)?;
            within("intermediate_size", e.intermediate_size, 1, MOST_WIDTH)?;
            within("latent_size", e.latent_size.unwrap_or(1), 1, MOST_WIDTH)?;
            within("shared_intermediate_size", e.shared_intermediate_size, 0, MOST_COUNT * MOST_WIDTH)?;
            within("parallel_dense_intermediate_size", e.parallel_dense_intermediate_size, 0, MOST_WIDTH)
        }
        FeedForward::None => Ok(()),
    }
}

fn weight_format(format: WeightFormat) -> Result<(), Fault> {
    let size = |field, value: u32| within(field, u64::from(value), 1, 65_536);
    match format {
        WeightFormat::Fp8Block(rows, columns) => size("rows", rows).and(size("columns", columns)),
        WeightFormat::Int4 { group, .. } | WeightFormat::Int8Group { group } => size("group", group),
        _ => Ok(()),
    }
}
