//! Facts about GPUs and models, as data files beside the code, and the patterns of personal data.

mod facts;
mod gpus;
mod pii;

use std::sync::{Arc, LazyLock};

pub use facts::{
    Attention, Dense, Dtype, Encoder, Experts, FeedForward, GatedDeltaNet, Indexer, LayerRun, Mamba2, Mixer, Mla, ModelFacts, Part,
    Quantization, Reach, Shape, Share, StoredBytes, WeightFormat,
};
pub use gpus::{Gpu, gpu, gpu_names, gpus};
pub use pii::patterns as pii_patterns;

static MODELS: LazyLock<Vec<Arc<ModelFacts>>> = LazyLock::new(|| {
    rows(include_str!("models.csv"))
        .filter_map(|row| match row.as_slice() {
            [repository, size, heads, context, source] => Some(Arc::new(ModelFacts {
                repository: (*repository).to_owned(),
                also: Vec::new(),
                source: (*source).to_owned(),
                checkpoint_bytes: Some((size.parse::<f64>().ok()? * f64::from(1 << 30)) as u64),
                attention_heads: heads.parse().ok()?,
                context_tokens: context.parse().ok()?,
                shape: None,
                missing: vec!["its `config.json`".into()],
            })),
            _ => None,
        })
        .collect()
});

/// Lines of a data file after its header, as fields.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().skip(1).filter(|l| !l.is_empty()).map(|line| line.split(',').collect())
}

/// Facts of a model, by its repository.
pub fn model(repository: &str) -> Option<&'static Arc<ModelFacts>> {
    MODELS.iter().find(|model| model.repository == repository)
}

/// Repositories of every known model.
pub fn model_names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|model| model.repository.as_str())
}

#[cfg(test)]
mod tests {
    use super::MODELS;

    /// A row that cannot be read would vanish; the count proves that none does.
    #[test]
    fn every_row_of_the_data_files_is_read_and_sorted() {
        let lines = |text: &str| text.lines().skip(1).filter(|l| !l.is_empty()).count();
        assert_eq!(MODELS.len(), lines(include_str!("models.csv")));
        assert!(MODELS.is_sorted_by(|a, b| a.repository < b.repository));
    }
}
