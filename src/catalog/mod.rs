//! Facts about GPUs and models, as data files beside the code, a model's own tokenizer, the patterns of personal data,
//! and what self checks ask.

pub mod checkpoint;
pub mod config;
mod counts;
mod facts;
mod gpus;
mod parameters;
mod pii;
mod prices;
mod runs;
pub mod self_check;
mod tokenizer;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

pub use counts::Counts;
pub use facts::{
    Attention, Dense, Dtype, Encoder, Experts, FeedForward, GatedDeltaNet, Indexer, LayerRun, Mamba2, Mixer, Mla, ModelFacts, Part,
    Quantization, Reach, Shape, Share, StoredBytes, WeightFormat,
};
pub use gpus::{Gpu, Peak, gpu, gpu_names, gpus};
pub use parameters::PartWeights;
pub use pii::patterns as pii_patterns;
pub use prices::prices;
pub use tokenizer::{MOST_TOKENIZER_BYTES, Tokenizer, TokenizerFault, sha256};

/// One line for each model, written by `tools/model-catalogue`.
const MODEL_LINES: &str = include_str!("models.jsonl");

static MODELS: LazyLock<Vec<Arc<ModelFacts>>> =
    LazyLock::new(|| MODEL_LINES.lines().filter_map(|line| serde_json::from_str(line).ok()).map(Arc::new).collect());

/// Every name of a model, with its place in the list.
static MODEL_PLACES: LazyLock<BTreeMap<&'static str, usize>> = LazyLock::new(|| {
    let names = |(at, model): (usize, &'static Arc<ModelFacts>)| {
        let also = model.also.iter().map(String::as_str);
        std::iter::once(model.repository.as_str()).chain(also).map(move |name| (name, at))
    };
    MODELS.iter().enumerate().flat_map(names).collect()
});

/// Lines of a data file after its header, as fields.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().skip(1).filter(|l| !l.is_empty()).map(|line| line.split(',').collect())
}

/// Facts of a model, by its repository or that of another with the same shape and types.
pub fn model(repository: &str) -> Option<&'static Arc<ModelFacts>> {
    MODEL_PLACES.get(repository).and_then(|at| MODELS.get(*at))
}

/// Every known model, by repository.
pub fn models() -> impl Iterator<Item = &'static Arc<ModelFacts>> {
    MODELS.iter()
}

/// Repositories of every known model.
pub fn model_names() -> impl Iterator<Item = &'static str> {
    MODEL_PLACES.keys().copied()
}

#[cfg(test)]
mod tests {
    use super::{MODEL_LINES, MODEL_PLACES, MODELS, ModelFacts, config};

    /// Two independent figures: what makers publish, and what the shape adds up to.
    #[test]
    fn sizes_are_what_the_tensors_add_up_to() {
        let mut held = 0;
        for model in MODELS.iter() {
            let (Some(known), Some(sum)) = (model.checkpoint_bytes, model.estimated_checkpoint_bytes()) else { continue };
            assert!((sum / known as f64 - 1.0).abs() < 0.01, "{}: {sum} and not {known}", model.repository);
            held += 1;
        }
        assert!(held >= 20, "only {held} models");
    }

    #[test]
    fn every_line_of_the_models_is_read_valid_sorted_and_as_it_would_be_written() {
        let mut names = 0;
        for line in MODEL_LINES.lines() {
            let model: ModelFacts = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
            config::validate(&model).unwrap_or_else(|fault| panic!("{}: {fault}", model.repository));
            assert_eq!(serde_json::to_string(&model).unwrap(), line);
            assert!(line.len() < 8192, "{} has {} bytes", model.repository, line.len());
            assert!(model.shape.is_some() || !model.missing.is_empty(), "{} does not say what is missing", model.repository);
            names += 1 + model.also.len();
        }
        assert!(MODELS.is_sorted_by(|a, b| a.repository < b.repository));
        assert_eq!(MODEL_PLACES.len(), names, "two models have the same name");
        assert!(MODEL_LINES.len() < 400 * 1024);
    }
}
