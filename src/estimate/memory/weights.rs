//! Weights on each GPU, tensor by tensor.

use super::{Bounds, Setup};

/// Bytes of the weights on a GPU of each pipeline stage, first stage first.
///
/// # Errors
/// What is not known about the model, in words.
pub fn per_stage(setup: &Setup<'_>) -> Result<Vec<Bounds>, Vec<String>> {
    Err(vec![format!("the weights of `{}`", setup.facts.repository)])
}
