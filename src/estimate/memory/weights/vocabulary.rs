//! Embedding and output head.

use super::linear::Linear;
use super::plan::Plan;
use super::tally::{Tally, product, rounded};

/// Rows are padded to this: vLLM, `layers/vocab_parallel_embedding.py`, `DEFAULT_VOCAB_PADDING_SIZE`.
const PADDING: u64 = 64;

/// The embedding, or a head that is one: rows are padded, then split.
///
/// # Errors
/// Words for rows that the engine refuses to split.
pub(super) fn embedding(plan: &Plan<'_>, tally: &mut Tally) -> Result<(), String> {
    let rows = plan.split(rounded(plan.shape.vocab_size, PADDING), "rows of the embedding")?;
    tally.tensor(product(&[rows, plan.shape.hidden_size, plan.element_bytes]));
    Ok(())
}

/// The output head, where it is not the embedding itself.
///
/// # Errors
/// Words for rows that the engine refuses to split.
pub(super) fn head(plan: &Plan<'_>, tally: &mut Tally) -> Result<(), String> {
    match &plan.shape.quantization {
        Some(quantization) if quantization.head => {
            let rows = plan.split(rounded(plan.shape.vocab_size, PADDING), "rows of the output head")?;
            Linear::new(plan.shape.hidden_size, rows, Some(quantization.format)).add(plan, tally);
            Ok(())
        }
        _ => embedding(plan, tally),
    }
}
