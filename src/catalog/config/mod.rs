//! A model's own `config.json` as facts.
//!
//! What each field means follows the engine's model classes and, for absent fields, the defaults of
//! `transformers`. A model class that is not known, or a field that changes weights or cache in a way
//! that is not followed, gives no shape or an entry in `missing`, never a guess.

mod attention;
mod encoder;
mod experts;
mod family;
mod field;
mod layers;
mod modules;
mod quantization;
mod recurrent;
#[cfg(test)]
mod tests;
mod valid;

pub use field::Fault;
pub use valid::validate;

use family::Family;
use field::Fields;

use super::facts::{Dtype, LayerRun, ModelFacts, Shape};

/// Most layers of a model.
const MOST_LAYERS: u64 = 10_000;
/// Widest a stream, a block or a head may be.
const MOST_WIDTH: u64 = 10_000_000;
/// Most heads, experts or groups.
const MOST_COUNT: u64 = 100_000;
/// Longest sequence.
const MOST_TOKENS: u64 = 1_000_000_000;
/// Most parameters; what is computed from them then stays far from the end of 64 bits.
pub(super) const MOST_PARAMETERS: u128 = 1_000_000_000_000_000;

/// The text of a model's files.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// `config.json`.
    pub config: &'a str,
    /// `hf_quant_config.json`, where there is one.
    pub quantization: Option<&'a str>,
}

/// The facts of `repository` from its files; `source` says where these come from.
///
/// # Errors
/// The first field that is wrong, or missing although nothing works without it.
pub fn read(files: Files<'_>, repository: &str, source: &str) -> Result<ModelFacts, Fault> {
    let config = field::parse(files.config)?;
    let top = Fields::of(&config)?;
    let separate = files.quantization.map(field::parse).transpose().map_err(in_quantization_file)?;
    let architecture = architecture(&top)?;
    let text = top.object("text_config")?.unwrap_or_else(|| top.clone());
    let family = Family::of(architecture, &text)?;
    let context_tokens = context_tokens(family, &text, &top)?;
    let heads = Family::heads(family, &text)?;
    let mut missing = Vec::new();
    let shape = match family {
        None => {
            missing.push(format!("the layers of a `{}`, which is not known", field::short(architecture)));
            None
        }
        Some(family) => shape(family, architecture, &text, &top, separate.as_ref(), &mut missing)?,
    };
    let facts = ModelFacts {
        repository: repository.to_owned(),
        also: Vec::new(),
        source: source.to_owned(),
        checkpoint_bytes: None,
        context_tokens,
        attention_heads: u32::try_from(heads).unwrap_or(u32::MAX),
        shape,
        missing,
    };
    match facts.parameters() {
        Some(parameters) if parameters > MOST_PARAMETERS => {
            Err(Fault::new("", format!("the sizes make a model of {parameters} parameters; none has more than {MOST_PARAMETERS}")))
        }
        _ => Ok(facts),
    }
}

fn in_quantization_file(fault: Fault) -> Fault {
    Fault { in_quantization_file: true, ..fault }
}

/// The facts of `repository` in a file of either kind: one that was written by [`crate::catalog`]'s own
/// reader, or a `config.json`. And whether the file says which model it is about.
///
/// # Errors
/// The first field that is wrong.
pub fn read_any(files: Files<'_>, repository: &str, source: &str) -> Result<(ModelFacts, bool), Fault> {
    let value = field::parse(files.config)?;
    if value.get("architectures").is_some() || value.get("model_type").is_some() || value.get("repository").is_none() {
        return read(files, repository, source).map(|facts| (facts, false));
    }
    let facts: ModelFacts = serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        Fault::new(if path == "." { String::new() } else { path }, format!("is wrong: {}", error.inner()))
    })?;
    validate(&facts)?;
    Ok((facts, true))
}

/// The model class: the first of `architectures`.
fn architecture<'a>(top: &Fields<'a>) -> Result<&'a str, Fault> {
    let names = top.texts("architectures")?.unwrap_or_default();
    names.first().copied().ok_or_else(|| top.fault("architectures", "is missing; it must be a list with the name of the model's class"))
}

/// The longest sequence as the engine derives it: positions, multiplied where their rotation is scaled
/// in a way that `max_position_embeddings` does not include.
fn context_tokens(family: Option<Family>, text: &Fields<'_>, top: &Fields<'_>) -> Result<u64, Fault> {
    let holder = if !text.has("max_position_embeddings") && top.has("max_position_embeddings") { top } else { text };
    let stated = match holder.whole("max_position_embeddings", 1..=MOST_TOKENS)? {
        // What its configs leave out.
        None if family == Some(Family::Gemma3) => 131_072,
        _ => holder.required("max_position_embeddings", 1..=MOST_TOKENS)?,
    };
    let Some(rope) = text.object("rope_scaling")?.or(text.object("rope_parameters")?) else { return Ok(stated) };
    let kind = match rope.text("rope_type")? {
        Some(kind) => Some(kind),
        None => rope.text("type")?,
    };
    let gemma = text.text("model_type")?.is_some_and(|model| model.starts_with("gemma"));
    let Some(factor) = rope.number("factor", 0.001..=1_000_000.0)?.filter(|_| !gemma) else { return Ok(stated) };
    let base = match kind {
        Some("yarn" | "deepseek_yarn") => rope.whole("original_max_position_embeddings", 1..=MOST_TOKENS)?.unwrap_or(stated),
        Some("linear" | "dynamic") => stated,
        _ => return Ok(stated),
    };
    Ok(((base as f64 * factor) as u64).clamp(1, MOST_TOKENS))
}

fn shape(
    family: Family,
    architecture: &str,
    text: &Fields<'_>,
    top: &Fields<'_>,
    separate: Option<&serde_json::Value>,
    missing: &mut Vec<String>,
) -> Result<Option<Shape>, Fault> {
    let listed = text.list("layers_block_type")?.map(|layers| layers.len() as u64).filter(|count| (1..=MOST_LAYERS).contains(count));
    let count = match (text.whole("num_hidden_layers", 1..=MOST_LAYERS)?, listed) {
        (Some(count), _) | (None, Some(count)) => count,
        (None, None) => text.required("num_hidden_layers", 1..=MOST_LAYERS)?,
    };
    let layers = layers::read(family, text, count, missing)?;
    let mut shape = Shape {
        architecture: architecture.to_owned(),
        dtype: dtype(text, top)?,
        hidden_size: text.required("hidden_size", 1..=MOST_WIDTH)?,
        vocab_size: family.vocab_size(text)?,
        tied_embeddings: tied(family, text, top)?,
        layers,
        draft_layers: draft_layers(text)?,
        encoder: encoder::read(architecture, text, top)?,
        quantization: None,
        stored: Vec::new(),
    };
    quantization::read(text, top, separate, &mut shape, missing)?;
    shape.layers = merged(std::mem::take(&mut shape.layers));
    Ok((!shape.layers.is_empty()).then_some(shape))
}

/// Runs of one layer, with equal neighbours put together.
fn merged(layers: Vec<LayerRun>) -> Vec<LayerRun> {
    let mut runs: Vec<LayerRun> = Vec::new();
    for layer in layers {
        match runs
            .last_mut()
            .filter(|run| run.mixer == layer.mixer && run.feed_forward == layer.feed_forward && run.unquantized == layer.unquantized)
        {
            Some(run) => run.count = run.count.saturating_add(layer.count),
            None => runs.push(layer),
        }
    }
    runs
}

/// The type of weights. An engine takes 16 bits where none is stated.
fn dtype(text: &Fields<'_>, top: &Fields<'_>) -> Result<Dtype, Fault> {
    for (fields, key) in [(text, "dtype"), (text, "torch_dtype"), (top, "dtype"), (top, "torch_dtype")] {
        match fields.text(key)? {
            None => {}
            Some("bfloat16") => return Ok(Dtype::Bfloat16),
            Some("float16" | "half") => return Ok(Dtype::Float16),
            Some("float32" | "float") => return Ok(Dtype::Float32),
            Some(other) => {
                let message = format!("is `{}`; it must be `bfloat16`, `float16` or `float32`", field::short(other));
                return Err(fields.fault(key, message));
            }
        }
    }
    Ok(Dtype::Bfloat16)
}

/// Whether head and embedding are one. Models with encoders may say so on either level.
fn tied(family: Family, text: &Fields<'_>, top: &Fields<'_>) -> Result<bool, Fault> {
    let stated = match text.flag("tie_word_embeddings")? {
        Some(tied) => Some(tied),
        None => top.flag("tie_word_embeddings")?,
    };
    Ok(stated.unwrap_or_else(|| family.ties_by_default()))
}

fn draft_layers(text: &Fields<'_>) -> Result<u32, Fault> {
    let next = text.whole("num_nextn_predict_layers", 0..=MOST_LAYERS)?;
    let layers = next.or(text.whole("mtp_num_hidden_layers", 0..=MOST_LAYERS)?).unwrap_or(0);
    Ok(u32::try_from(layers).unwrap_or(u32::MAX))
}
