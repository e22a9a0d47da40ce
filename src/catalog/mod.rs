//! Facts about GPUs and models, as data files beside the code, and the patterns of personal data.

mod facts;
mod pii;

use std::sync::{Arc, LazyLock};

pub use facts::{
    Attention, Dense, Dtype, Encoder, Experts, FeedForward, GatedDeltaNet, Indexer, LayerRun, Mamba2, Mixer, Mla, ModelFacts, Part,
    Quantization, Reach, Shape, Share, StoredBytes, WeightFormat,
};
pub use pii::patterns as pii_patterns;

/// A GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// Name in a spec.
    pub name: String,
    /// Memory in GiB as the vendor states it (decimal gigabytes are rounded to the marketed size).
    pub vendor_memory_gb: u32,
    /// Value of the node label `nvidia.com/gpu.product` that GPU feature discovery sets.
    pub product_label: String,
    /// Whether it computes 8-bit floats in hardware.
    pub has_fp8: bool,
}

static GPUS: LazyLock<Vec<Gpu>> = LazyLock::new(|| {
    rows(include_str!("gpus.csv"))
        .filter_map(|row| match row.as_slice() {
            [name, memory, label, fp8, ..] => Some(Gpu {
                name: (*name).to_owned(),
                vendor_memory_gb: memory.parse().ok()?,
                product_label: (*label).to_owned(),
                has_fp8: *fp8 == "yes",
            }),
            _ => None,
        })
        .collect()
});

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

/// The GPU of that name.
pub fn gpu(name: &str) -> Option<&'static Gpu> {
    GPUS.iter().find(|gpu| gpu.name == name)
}

/// Names of every known GPU.
pub fn gpu_names() -> impl Iterator<Item = &'static str> {
    GPUS.iter().map(|gpu| gpu.name.as_str())
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
    use super::{GPUS, MODELS};

    /// A row that cannot be read would vanish; the count proves that none does.
    #[test]
    fn every_row_of_the_data_files_is_read_and_sorted() {
        let lines = |text: &str| text.lines().skip(1).filter(|l| !l.is_empty()).count();
        assert_eq!(GPUS.len(), lines(include_str!("gpus.csv")));
        assert_eq!(MODELS.len(), lines(include_str!("models.csv")));
        assert!(GPUS.is_sorted_by(|a, b| a.name < b.name));
        assert!(MODELS.is_sorted_by(|a, b| a.repository < b.repository));
    }
}
