//! How the cache is cut into blocks: one layout for each pipeline stage.

use super::{CacheFigures, Refusal, Setup, SignedBounds};

/// The cache of one pipeline stage, as the engine lays it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Bytes of one block over all layers of the GPU.
    pub bytes_per_block: u64,
}

impl Layout {
    /// The figures that follow from the bytes that are left for the cache.
    pub fn figures(&self, _available: SignedBounds) -> Option<CacheFigures> {
        None
    }

    /// The check of the cache that fails with `available` bytes.
    pub fn refusal(&self, _available: i64) -> Option<Refusal> {
        None
    }
}

/// The layout of each pipeline stage, first stage first.
///
/// # Errors
/// What is not known about the model or the version, in words.
pub fn per_stage(setup: &Setup<'_>) -> Result<Vec<Layout>, Vec<String>> {
    Err(vec![format!("the cache of `{}`", setup.facts.repository)])
}
