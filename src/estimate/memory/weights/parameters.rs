//! Parameters of a model, as its publisher counts them.

use super::plan::Plan;
use super::tally::Tally;
use super::{layers, vocabulary};
use crate::catalog::Shape;

/// Parameters in total, and those that one token meets; encoders included, layers for speculation not.
///
/// # Errors
/// What of the model is not understood, in words.
pub fn parameters(shape: &Shape) -> Result<(u64, u64), String> {
    let whole = Plan::whole(shape);
    let active = Plan { active_only: true, ..whole.clone() };
    Ok((count(&whole)?, count(&active)?))
}

fn count(plan: &Plan<'_>) -> Result<u64, String> {
    let shape = plan.shape;
    let mut tally = Tally::new(plan.allocator);
    vocabulary::embedding(plan, &mut tally)?;
    layers(plan, &(0..shape.layer_count()), &mut tally)?;
    plan.plain(&mut tally, &[shape.hidden_size]);
    if !shape.tied_embeddings {
        vocabulary::head(plan, &mut tally)?;
    }
    let encoder = shape.encoder.as_ref().and_then(|encoder| encoder.parameters).unwrap_or(0);
    Ok(tally.elements.saturating_add(encoder))
}
